;; What every module ends with: `/ok` gets "ok", `/sibling` no answer, every other request is `$attack`, which the file defines.
;; It takes one event of a batch, so a test asks one thing after the other.
;;
;;    0      nothing: zeros, which are also `startup(complete)`
;;  512      where `exchange` puts its list of events
;; 1024      "ok"
;; 2048      two actions of 48 bytes each
;; 65536     events; begins anew with each exchange
(global $free (mut i32) (i32.const 65536))
(data (i32.const 1024) "ok")

;; `respond` with "ok", and `finished`.
(func $answer (param $call i64)
  (memory.fill (i32.const 2048) (i32.const 0) (i32.const 96))
  (i32.store8 (i32.const 2048) (i32.const 2))
  (i64.store (i32.const 2056) (local.get $call))
  (i32.store16 (i32.const 2064) (i32.const 200))
  (i32.store (i32.const 2084) (i32.const 1024))
  (i32.store (i32.const 2088) (i32.const 2))
  (i32.store8 (i32.const 2096) (i32.const 12))
  (i64.store (i32.const 2104) (local.get $call))
  (call $say (i32.const 2048) (i32.const 2)))

(func (export "run") (local $event i32) (local $said i32) (local $second i32)
  (loop $turn
    (call $exchange (i32.const 0) (local.get $said) (i32.const 0) (i64.const 0) (i32.const 512))
    (local.set $said (i32.const 0))
    (global.set $free (i32.const 65536))
    (br_if $turn (i32.eqz (i32.load (i32.const 516))))
    (local.set $event (i32.load (i32.const 512)))
    ;; lifespan-startup
    (if (i32.eqz (i32.load8_u (local.get $event)))
      (then (local.set $said (i32.const 1)) (br $turn)))
    ;; lifespan-shutdown
    (if (i32.eq (i32.load8_u (local.get $event)) (i32.const 1))
      (then
        (memory.fill (i32.const 2048) (i32.const 0) (i32.const 48))
        (i32.store8 (i32.const 2048) (i32.const 1))
        (call $say (i32.const 2048) (i32.const 1))
        (return)))
    ;; anything but http
    (br_if $turn (i32.ne (i32.load8_u (local.get $event)) (i32.const 2)))
    (local.set $second (i32.load8_u offset=1 (i32.load offset=40 (local.get $event))))
    (if (i32.eq (local.get $second) (i32.const 0x6f))
      (then (call $answer (i64.load offset=8 (local.get $event))) (br $turn)))
    (br_if $turn (i32.eq (local.get $second) (i32.const 0x73)))
    (call $attack (i64.load offset=8 (local.get $event)))
    (br $turn)))
