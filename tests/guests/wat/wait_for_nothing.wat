;; Waits for a waitable set that has nothing in it.
(import "$root" "[waitable-set-new]" (func $new (result i32)))
(import "$root" "[waitable-set-wait]" (func $wait (param i32 i32) (result i32)))
(func $attack (param i64)
  (drop (call $wait (call $new) (i32.const 600))))
