"""What all behaviours are written with: the types of ASGI, and answers in one line."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

Scope = dict[str, Any]
Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Behaviour = Callable[[Scope, Receive, Send], Awaitable[None]]

APP = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-app", b"started")]


async def start(send: Send, headers: list[tuple[bytes, bytes]] = APP, status: int = 200) -> None:
    """`http.response.start`."""
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def body(send: Send, body: bytes | str, more: bool = False) -> None:
    """`http.response.body`."""
    data = body if isinstance(body, bytes) else body.encode()
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def text(send: Send, answer: bytes | str, status: int = 200) -> None:
    """A whole response."""
    await start(send, status=status)
    await body(send, answer)


def query(scope: Scope) -> dict[str, str]:
    """The query, without doubles."""
    return dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))


async def until_gone(receive: Receive) -> None:
    """Waits for the disconnect."""
    while (await receive())["type"] != "http.disconnect":
        pass
