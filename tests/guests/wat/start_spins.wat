;; Its start function never comes to an end.
(func $start (loop $for_ever (br $for_ever)))
(start $start)
(func $attack (param i64))
