;; So many free bytes, aligned.
(func $take (param $align i32) (param $bytes i32) (result i32) (local $at i32)
  (local.set $at
    (i32.and
      (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
  (global.set $free (i32.add (local.get $at) (local.get $bytes)))
  (local.get $at))
