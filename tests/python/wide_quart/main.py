"""A Quart app: what it is asked is in `tests/it/python/websocket`. It is served by uvicorn natively and by wasgi."""

import asyncio
from collections import defaultdict

from quart import Quart, Response, abort, jsonify, make_response, request, websocket

app = Quart(__name__)
journal: defaultdict[str, list[str]] = defaultdict(list)


@app.get("/")
async def hello() -> str:
    """Plain."""
    return f"hello {request.args.get('name', 'world')}"


@app.post("/form")
async def form() -> Response:
    """A form, as JSON."""
    return jsonify(dict(await request.form))


@app.get("/sockets/journal")
async def read_journal() -> Response:
    """What is in the journal of `?talk=`, once there are `?until=` entries."""
    entries = journal[request.args["talk"]]
    async with asyncio.timeout(30):
        while len(entries) < int(request.args["until"]):
            await asyncio.sleep(0.005)
    return jsonify(entries)


@app.websocket("/sockets/echo")
async def echo() -> None:
    """Every message back, and a word at the end."""
    try:
        while True:
            await websocket.send(await websocket.receive())
    except asyncio.CancelledError:
        # Quart ends a handler so when its client has gone.
        journal[websocket.args["talk"]].append("cancelled")
        raise


@app.websocket("/sockets/json")
async def json() -> None:
    """A subprotocol, a header, JSON and a code at the end."""
    protocol = "chat" if "chat" in websocket.requested_subprotocols else None
    await websocket.accept(headers={"x-a": "1"}, subprotocol=protocol)
    await websocket.send_json({"got": await websocket.receive_json(), "q": websocket.args.get("q")})
    await websocket.close(4000, "done")


@app.websocket("/sockets/refused")
async def refused() -> None:
    """Not found, before it was accepted."""
    abort(404)


@app.websocket("/sockets/denied")
async def denied() -> Response:
    """A response in place of a WebSocket."""
    return await make_response("not yours", 401, {"x-why": "rights"})


@app.websocket("/sockets/raises")
async def raises() -> None:
    """After it was accepted."""
    await websocket.accept()
    raise RuntimeError("secret")
