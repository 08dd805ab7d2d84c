;; What every module begins with. A file that needs more imports has them first.
(import "wasgi:asgi/event-loop@0.1.0" "exchange"
  (func $exchange (param i32 i32 i32 i64 i32)))
(import "wasgi:asgi/event-loop@0.1.0" "say" (func $say (param i32 i32)))
