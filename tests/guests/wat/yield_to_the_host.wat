;; Yields to the host, in the component model's own way, and never does anything else.
(import "$root" "[thread-yield]" (func $yield (result i32)))
(func $attack (param i64)
  (loop $for_ever
    (drop (call $yield))
    (br $for_ever)))
