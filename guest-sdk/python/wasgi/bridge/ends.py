"""`receive` and `send`: the two ends of a call, as functions of its native state.

Bound to their call by the native side, so each is what an app calls. Coroutine functions on purpose: what they return
works wherever asyncio and anyio want a coroutine, and costs a tenth of a microsecond more than a native awaitable.
Neither suspends unless it has to, so a `receive` in a cancelled scope still sees an event that is there (`G-09`).
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _wasgi import Call


async def receive(call: Call) -> dict[str, Any]:
    """The next event. Of a request `http.request` until the body is complete, at the end `http.disconnect` (`Q-01` to
    `Q-12`); of a WebSocket `websocket.connect`, then `websocket.receive`, at the end `websocket.disconnect` (`W-02` to
    `W-16`)."""
    event = call.take()
    while event is None:
        turn = call.line_up()
        try:
            await turn
            event = call.take_in_line(turn)
        finally:
            if event is None:
                call.leave(turn)
    return event


async def send(call: Call, event: dict[str, Any]) -> None:
    """Says `event`, and returns once at most 64 KiB of the call are unsent (`A-11`).

    Raises:
        TypeError, ValueError: the event is none of the scope's (`A-06`, `W-06`, `W-10`, `W-12`); nothing has changed.
        RuntimeError: it is not its turn (`R-07`, `W-11`), its body does not fit `content-length` (`M-02`, `M-03`), or
            the scope does not offer the extension (`A-14`, `E-01`).
        ClientDisconnected: the client is gone (`D-01`, `W-17`).
    """
    if call.say(event):
        while call.is_full():
            await call.wait_sent()


async def awaiting[T](awaitable: Awaitable[T]) -> T:
    """A coroutine for an app that returned another kind of awaitable."""
    return await awaitable
