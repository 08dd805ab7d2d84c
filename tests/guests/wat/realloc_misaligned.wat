;; `cabi_realloc` gives an odd address, from the first attack on.
(global $armed (mut i32) (i32.const 0))
(func $attack (param $call i64)
  (global.set $armed (i32.const 1))
  (call $answer (local.get $call)))
(func (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $bytes i32) (result i32)
  (if (result i32) (global.get $armed)
    (then (i32.const 65537))
    (else (call $take (local.get $align) (local.get $bytes)))))
