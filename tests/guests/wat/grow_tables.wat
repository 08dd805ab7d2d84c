;; Lets a table grow for as long as it may, and answers.
(table $table 1 funcref)
(func $attack (param $call i64)
  (loop $more
    (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 10000)) (i32.const -1))))
  ;; All at once is no more than that.
  (if (i32.ne (table.grow $table (ref.null func) (i32.const 0x7fffffff)) (i32.const -1)) (then (unreachable)))
  (call $answer (local.get $call)))
