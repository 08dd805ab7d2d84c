;; A million waitable sets of the component model.
(import "$root" "[waitable-set-new]" (func $new (result i32)))
(func $attack (param $call i64) (local $left i32)
  (local.set $left (i32.const 1000000))
  (loop $more
    (drop (call $new))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $more (local.get $left)))
  (call $answer (local.get $call)))
