"""Does with a WebSocket what its query says, step by step, and writes down what came of it.

The twin of `tests/guests/src/bin/websocket_as_asked.rs`, which has the tables of paths, steps and lines.
"""

import asyncio
import os
from collections import defaultdict
from urllib.parse import parse_qsl

import socket_events
from words import Behaviour, Event, Receive, Scope, Send, query, text

LINES: defaultdict[str, list[str]] = defaultdict(list)
ROOM: list[Send] = []
SENDERS: set[asyncio.Task[None]] = set()


async def lines(scope: Scope, _receive: Receive, send: Send) -> None:
    """The lines of `?tag=` until now."""
    await text(send, "".join(f"{line}\n" for line in LINES[query(scope).get("tag", "")]))


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """One WebSocket."""
    path = scope["path"].removeprefix(scope["root_path"])
    if path == "/play":
        await Play(scope, receive, send).all()
        return
    if path == "/wrong":
        await socket_events.wrong(scope, receive, send)
        return
    behaviour = {"/echo": echo, "/push": push, "/room": room}[path]
    await receive()
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    await behaviour(scope, receive, send)


def message(event: Event) -> Event:
    """What came, as what is sent."""
    return {**event, "type": "websocket.send"}


async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
    """Every message back."""
    while (event := await receive())["type"] == "websocket.receive":
        await send(message(event))


async def push(scope: Scope, receive: Receive, send: Send) -> None:
    """Many for one."""
    asked = query(scope)
    payload = b"x" * int(asked.get("size", "1"))
    while (await receive())["type"] == "websocket.receive":
        for _ in range(int(asked.get("n", "1"))):
            await send({"type": "websocket.send", "bytes": payload})


async def room(_scope: Scope, receive: Receive, send: Send) -> None:
    """Each to all."""
    ROOM.append(send)
    while (event := await receive())["type"] == "websocket.receive":
        for other in list(ROOM):
            try:
                await other(message(event))
            except (OSError, RuntimeError):
                # Who has left need not be told.
                continue


def close(value: str) -> Event:
    """`CODE:REASON`."""
    code, _, reason = value.partition(":")
    return {"type": "websocket.close", "code": int(code), "reason": reason}


class Play:
    """The steps of one query."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.tag = ""
        self.headers: list[tuple[bytes, bytes]] = []
        self.strict = False

    async def all(self) -> None:
        """All of them, in their order."""
        for step, value in parse_qsl(self.scope["query_string"].decode(), keep_blank_values=True):
            if step == "return":
                return
            await self.step(step, value)

    def note(self, line: str) -> None:
        """Writes a line down."""
        print(f"{self.tag}: {line}")
        LINES[self.tag].append(line)

    async def step(self, step: str, value: str) -> None:
        """One of them."""
        match step:
            case "tag":
                self.tag = value
            case "scope":
                offered = ",".join(self.scope["subprotocols"])
                line = f"scope {self.scope['scheme']} {self.scope['http_version']} {self.scope['path']} {offered}"
                self.note(line.rstrip())
            case "header":
                name, _, of_it = value.partition(":")
                self.headers.append((name.encode(), of_it.encode()))
            case "receive":
                for _ in range(int(value or "1")):
                    self.received(await self.receive())
            case "accept":
                await self.say(
                    step, {"type": "websocket.accept", "subprotocol": value or None, "headers": self.taken()}
                )
            case "send":
                await self.say(step, {"type": "websocket.send", "text": value})
            case "bytes":
                await self.say(step, {"type": "websocket.send", "bytes": b"x" * int(value)})
            case "close":
                await self.say(step, close(value))
            case "deny":
                start = {"type": "websocket.http.response.start", "status": int(value), "headers": self.taken()}
                await self.say(step, start)
            case "body" | "last":
                body = {"type": "websocket.http.response.body", "body": value.encode(), "more_body": step == "body"}
                await self.say(step, body)
            case "sleep":
                await asyncio.sleep(int(value) / 1000)
            case "race":
                await self.race(int(value))
            case "closer":
                after, _, rest = value.partition(":")
                task = asyncio.create_task(self.close_later(int(after) / 1000, rest))
                SENDERS.add(task)
                task.add_done_callback(SENDERS.discard)
            case "echo":
                while (event := await self.receive())["type"] != "websocket.disconnect":
                    if event["type"] == "websocket.receive":
                        await self.send(message(event))
                self.received(event)
            case "strict":
                self.strict = True
            case "raise":
                raise RuntimeError(value)
            case "trap":
                os.abort()
            case _:
                raise ValueError(f"no step is called {step}")

    def taken(self) -> list[tuple[bytes, bytes]]:
        """The headers until now, and none from here on."""
        headers, self.headers = self.headers, []
        return headers

    async def say(self, step: str, event: Event) -> None:
        """Sends an event, and notes what came of it."""
        try:
            await self.send(event)
        except Exception as error:
            self.note(f"{step} error {kind(error)}")
            if self.strict:
                raise
        else:
            self.note(f"{step} ok")

    async def close_later(self, after: float, value: str) -> None:
        """Closes from another task."""
        await asyncio.sleep(after)
        try:
            await self.send(close(value))
        except Exception as error:
            self.note(f"closer error {kind(error)}")
        else:
            self.note("closer ok")

    def received(self, event: Event) -> None:
        """Notes an event."""
        match event:
            case {"type": "websocket.connect"}:
                what = "connect"
            case {"type": "websocket.receive", "text": text}:
                what = f"text {text}"
            case {"type": "websocket.receive", "bytes": payload}:
                what = f"bytes {len(payload)}"
            case {"type": "websocket.disconnect", "code": code, "reason": reason}:
                what = f"disconnect {code} {reason}".rstrip()
            case _:
                what = repr(event)
        self.note(f"receive {what}")

    async def race(self, times: int) -> None:
        """`receive` against a timer (`G-09`)."""
        timeouts = 0
        for _ in range(times):
            try:
                self.received(await asyncio.wait_for(self.receive(), 0.05))
            except TimeoutError:
                timeouts += 1
        self.note(f"race {timeouts}/{times}")


def kind(error: Exception) -> str:
    """What kind of error `send` has raised."""
    if isinstance(error, OSError):
        return "disconnected"
    return "invalid" if isinstance(error, (TypeError, ValueError)) else "state"


PATHS: dict[str, Behaviour] = {"/lines": lines}
