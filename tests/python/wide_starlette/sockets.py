"""WebSockets: what is said over them, and how they end. `?talk=` names the journal in which an endpoint writes."""

import asyncio
from collections import defaultdict
from typing import Any

from starlette.endpoints import WebSocketEndpoint
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

journal: defaultdict[str, list[str]] = defaultdict(list)


def note(websocket: WebSocket, text: str) -> None:
    """Into the journal of this talk."""
    journal[websocket.query_params.get("talk", "")].append(text)


async def read_journal(request: Request) -> Response:
    """What is in the journal of `?talk=`, once there are `?until=` entries."""
    entries = journal[request.query_params["talk"]]
    async with asyncio.timeout(30):
        while len(entries) < int(request.query_params["until"]):
            await asyncio.sleep(0.005)
    return JSONResponse(entries)


async def echo(websocket: WebSocket) -> None:
    """Events as they are, until the last."""
    await websocket.accept()
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            note(websocket, f"{message['code']} {message.get('reason')!r}")
            return
        if message.get("text") is not None:
            await websocket.send_text(message["text"])
        else:
            await websocket.send_bytes(message["bytes"])


async def texts(websocket: WebSocket) -> None:
    """An iterator that ends with the client."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text.upper())
    note(websocket, "over")


async def json(websocket: WebSocket) -> None:
    """`?mode=text` or `binary`."""
    mode = websocket.query_params["mode"]
    await websocket.accept()
    try:
        while True:
            await websocket.send_json({"got": await websocket.receive_json(mode)}, mode)
    except WebSocketDisconnect as end:
        note(websocket, f"{end.code} {end.reason!r}")


async def wrong_kind(websocket: WebSocket) -> None:
    """Waits for text and gets bytes."""
    await websocket.accept()
    try:
        await websocket.receive_text()
    except KeyError as error:
        await websocket.send_text(f"{error!r}")
    await websocket.close()


async def protocols(websocket: WebSocket) -> None:
    """Chooses the first that it knows."""
    known = [name for name in websocket.scope["subprotocols"] if name in ("chat.v2", "chat.v1")]
    await websocket.accept(subprotocol=known[0] if known else None)
    await websocket.send_json(websocket.scope["subprotocols"])
    await websocket.close()


async def headers(websocket: WebSocket) -> None:
    """Headers on accept, doubled ones and cookies among them."""
    await websocket.accept(headers=[(b"x-a", b"1"), (b"X-B", b"two"), (b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")])
    await websocket.close()


async def scope(websocket: WebSocket) -> None:
    """What there is in a scope, without what differs from one connection to the next."""
    left_out = {"client", "server", "app", "router", "endpoint", "state", "starlette.exception_handlers", "session"}
    shown: dict[str, Any] = {}
    for key, value in sorted(websocket.scope.items()):
        if key == "headers":
            shown[key] = [[name.decode(), text.decode("latin-1")] for name, text in value]
        elif key not in left_out:
            shown[key] = repr(value)
    await websocket.accept()
    await websocket.send_json(shown)
    await websocket.send_json([str(websocket.url), websocket.state.greeting, dict(websocket.cookies)])
    await websocket.close()


async def room(websocket: WebSocket) -> None:
    """A path parameter and a session, which another route has begun."""
    await websocket.accept()
    await websocket.send_json([websocket.path_params, websocket.session, str(websocket.url_for("room", room="x"))])
    await websocket.close()


async def refuse(websocket: WebSocket) -> None:
    """Closes before it accepts, and listens on."""
    await websocket.receive()
    await websocket.close(1008, "not today")
    message = await websocket.receive()
    note(websocket, f"{message['type']} {message['code']}")


async def deny(websocket: WebSocket) -> None:
    """A response in place of a WebSocket: `?how=`."""
    how = websocket.query_params["how"]
    if how == "json":
        await websocket.send_denial_response(JSONResponse({"why": "no"}, 401, headers={"www-authenticate": "Basic"}))
    elif how == "empty":
        await websocket.send_denial_response(Response(status_code=404))
    elif how == "stream":

        async def parts() -> Any:
            for number in range(5):
                yield b"%d" % number * 1000
                await asyncio.sleep(0)

        await websocket.send_denial_response(StreamingResponse(parts(), 429, media_type="text/plain"))
    elif how == "http-exception":
        raise HTTPException(403, "not yours", headers={"x-why": "rights"})
    elif how == "websocket-exception":
        raise WebSocketException(3000, "not yours")


async def ends(websocket: WebSocket) -> None:
    """`?how=` it ends from the app's side, after a message or at once."""
    how = websocket.query_params["how"]
    if how == "return-before":
        return
    if how == "raise-before":
        raise RuntimeError("secret: before")
    await websocket.accept()
    await websocket.send_text("hello")
    if how == "raise":
        raise RuntimeError("secret: after")
    if how == "exception":
        raise WebSocketException(4001, "later")
    if how == "value-error":
        raise ValueError("handled")
    if how == "close":
        code = int(websocket.query_params["code"])
        await websocket.close(code, websocket.query_params.get("reason"))
        # Below Starlette, which knows itself that it is over.
        message = await websocket._receive()
        note(websocket, f"{message['type']} {message['code']} {message['reason']!r}")


async def after_close(websocket: WebSocket) -> None:
    """What `send` says after the app's own close."""
    await websocket.accept()
    await websocket.close()
    for event in ({"type": "websocket.send", "text": "late"}, {"type": "websocket.close"}):
        try:
            await websocket._send(event)
            note(websocket, "taken")
        except Exception as error:
            note(websocket, f"{type(error).__name__}")


async def order(websocket: WebSocket) -> None:
    """What `send` says to events that are not their turn."""
    for event in (
        {"type": "websocket.send", "text": "early"},
        {"type": "websocket.http.response.body", "body": b""},
        {"type": "http.response.start", "status": 200},
    ):
        try:
            await websocket._send(event)
        except Exception as error:
            note(websocket, f"{type(error).__name__}")
    await websocket.accept()
    try:
        await websocket._send({"type": "websocket.accept"})
    except Exception as error:
        note(websocket, f"{type(error).__name__}")
    await websocket.close()


async def gone(websocket: WebSocket) -> None:
    """Sends until the client is gone, and then some."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_bytes(bytes(10_000))
            await asyncio.sleep(0)
    except WebSocketDisconnect as end:
        note(websocket, f"disconnected {end.code}")


async def raced(websocket: WebSocket) -> None:
    """A `receive` that loses against a timer, again and again."""
    await websocket.accept()
    lost = 0
    while True:
        try:
            async with asyncio.timeout(0.002):
                message = await websocket.receive()
        except TimeoutError:
            lost += 1
            if lost == 10:
                await websocket.send_text("ten times")
            continue
        if message["type"] == "websocket.disconnect":
            note(websocket, "over")
            return
        await websocket.send_text(message["text"])


async def both_ways(websocket: WebSocket) -> None:
    """One task receives while another sends."""
    await websocket.accept()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    async def listen() -> None:
        async for text in websocket.iter_text():
            await queue.put(text)
        await queue.put(None)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        while (text := await queue.get()) is not None:
            for number in range(3):
                await websocket.send_text(f"{text} {number}")
    note(websocket, "over")


class Numbers(WebSocketEndpoint):
    """A class with an encoding."""

    encoding = "json"

    async def on_connect(self, websocket: WebSocket) -> None:
        """Accepts."""
        await websocket.accept()

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        """Sums."""
        await websocket.send_json(sum(data))

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        """Notes how it ended."""
        note(websocket, f"{close_code}")


async def begin(request: Request) -> Response:
    """A session for `room`."""
    request.session["who"] = "me"
    return PlainTextResponse("begun")


routes = [
    Mount(
        "/sockets",
        routes=[
            Route("/journal", read_journal),
            Route("/begin", begin),
            WebSocketRoute("/echo", echo),
            WebSocketRoute("/texts", texts),
            WebSocketRoute("/json", json),
            WebSocketRoute("/wrong-kind", wrong_kind),
            WebSocketRoute("/protocols", protocols),
            WebSocketRoute("/headers", headers),
            WebSocketRoute("/scope", scope),
            WebSocketRoute("/rooms/{room}", room, name="room"),
            WebSocketRoute("/refuse", refuse),
            WebSocketRoute("/deny", deny),
            WebSocketRoute("/ends", ends),
            WebSocketRoute("/after-close", after_close),
            WebSocketRoute("/order", order),
            WebSocketRoute("/gone", gone),
            WebSocketRoute("/raced", raced),
            WebSocketRoute("/both-ways", both_ways),
            WebSocketRoute("/numbers", Numbers),
        ],
    )
]
