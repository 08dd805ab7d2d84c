;; Says actions that lie beyond its memory.
(func $attack (param i64)
  (call $say (i32.const 0x7ffffff0) (i32.const 100)))
