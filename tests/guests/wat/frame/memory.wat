;; For files that define no memory of their own.
(memory (export "memory") 2)
