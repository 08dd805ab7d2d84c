;; It begins with 4 GiB of memory.
(memory (export "memory") 65536)
(func $attack (param i64))
