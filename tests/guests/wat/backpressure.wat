;; Asks the host for backpressure more often than it can count.
(import "$root" "[backpressure-inc]" (func $inc))
(func $attack (param $call i64)
  (loop $for_ever
    (call $inc)
    (br $for_ever)))
