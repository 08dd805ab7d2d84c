;; Its start function takes all the memory that it gets, and traps when it gets no more.
(func $start
  (loop $more
    (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
    (br $more)))
(start $start)
(func $attack (param i64))
