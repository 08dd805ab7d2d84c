;; Says an action of a kind that does not exist.
(func $attack (param i64)
  (i32.store8 (i32.const 2048) (i32.const 200))
  (call $say (i32.const 2048) (i32.const 1)))
