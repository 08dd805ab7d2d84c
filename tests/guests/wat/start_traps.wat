;; Its start function traps.
(func $start (unreachable))
(start $start)
(func $attack (param i64))
