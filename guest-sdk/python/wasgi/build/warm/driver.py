"""The smallest ASGI server: one call at a time, in this process, without a socket.

It makes scopes as the bridge does, as far as an app can tell, and checks nothing. It is no test client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "LifespanFailed", "lifespan", "request"]

App = Callable[..., Awaitable[None]]
Event = MutableMapping[str, Any]

SECONDS_MAX = 20.0
"""How long one request may take at build time. A stream without an end must not hang the build."""

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"host", b"localhost"),
    (b"user-agent", b"wasgi-build"),
    (b"accept", b"text/html,application/json;q=0.9,*/*;q=0.8"),
    (b"accept-encoding", b"gzip"),
)


class LifespanFailed(Exception):
    """The app said `lifespan.startup.failed`."""


@dataclass
class Answer:
    """What the app sent."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


async def request(
    app: App,
    path: str,
    method: str = "GET",
    body: bytes = b"",
    headers: Iterable[tuple[bytes, bytes]] = (),
    state: dict[str, Any] | None = None,
) -> Answer:
    """One HTTP request. Raises what the app raises; `TimeoutError` after `SECONDS_MAX`."""
    route, _, query = path.partition("?")
    sent = [*HEADERS, *headers]
    if body:
        sent.append((b"content-length", str(len(body)).encode()))
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": sent,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "extensions": {},
    }
    if state is not None:
        scope["state"] = dict(state)
    answer = Answer()
    complete = asyncio.Event()
    events: list[Event] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Event:
        if events:
            return events.pop()
        await complete.wait()
        return {"type": "http.disconnect"}

    async def send(event: Event) -> None:
        if event["type"] == "http.response.start":
            answer.status = int(event["status"])
            answer.headers = [(bytes(name), bytes(value)) for name, value in event.get("headers", ())]
        elif event["type"] == "http.response.body":
            answer.body += bytes(event.get("body", b""))
            if not event.get("more_body", False):
                complete.set()

    async with asyncio.timeout(SECONDS_MAX):
        await app(scope, receive, send)
    return answer


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[dict[str, Any] | None]:
    """The app's lifespan around what is done inside; `None` is given when the app has none."""
    state: dict[str, Any] = {}
    inbox: asyncio.Queue[Event] = asyncio.Queue()
    said: asyncio.Queue[Event | None] = asyncio.Queue()

    async def run() -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
        try:
            await app(scope, inbox.get, said.put)
        finally:
            said.put_nowait(None)

    task = asyncio.ensure_future(run())
    inbox.put_nowait({"type": "lifespan.startup"})
    started = await said.get()
    if started is None:
        await asyncio.gather(task, return_exceptions=True)
        yield None
        return
    if started["type"] == "lifespan.startup.failed":
        await asyncio.gather(task, return_exceptions=True)
        raise LifespanFailed(started.get("message", ""))
    try:
        yield state
    finally:
        inbox.put_nowait({"type": "lifespan.shutdown"})
        await said.get()
        await asyncio.gather(task, return_exceptions=True)
