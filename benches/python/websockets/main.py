"""WebSockets on raw ASGI: an echo, and a hundred messages for each that comes."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PUSHED = 100


async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await answer(receive, send, PUSHED if scope["path"] == "/push" else 1)


async def lifespan(receive: Receive, send: Send) -> None:
    """Nothing to start and nothing to stop."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def answer(receive: Receive, send: Send, times: int) -> None:
    """Sends what comes back, so many times."""
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        sent = {"type": "websocket.send", "bytes": message["bytes"]}
        for _ in range(times):
            await send(sent)
