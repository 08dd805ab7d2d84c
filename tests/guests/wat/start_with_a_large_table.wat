;; It begins with a table of ten million entries.
(table $table 10000000 funcref)
(func $attack (param i64))
