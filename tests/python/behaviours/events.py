"""Events of the wrong shape (`A-06`, `A-07`, `R-07`, `R-10`, `F-05`, `F-08`, `M-02`, `M-03`)."""

import asyncio
from urllib.parse import parse_qsl

from words import Behaviour, Event, Receive, Scope, Send, body, query, start, text

START = "http.response.start"
BODY = "http.response.body"

# What no server may take; each must raise out of `send`, and leave the response as it was.
WRONG: dict[str, object] = {
    "not a dictionary": ["type", START],
    "none": None,
    "no type": {"status": 200},
    "type of the wrong type": {"type": 7},
    "type as bytes": {"type": b"http.response.start", "status": 200},
    "unknown type": {"type": "http.response.begin", "status": 200},
    "an event of receive": {"type": "http.request", "body": b""},
    "an event of a websocket": {"type": "websocket.accept"},
    "an event of the lifespan": {"type": "lifespan.startup.complete"},
    "no status": {"type": START, "headers": []},
    "status as text": {"type": START, "status": "200"},
    "status as float": {"type": START, "status": 200.0},
    "status none": {"type": START, "status": None},
    "status 0": {"type": START, "status": 0},
    "status 99": {"type": START, "status": 99},
    "status 101": {"type": START, "status": 101},
    "status 103": {"type": START, "status": 103},
    "status 1000": {"type": START, "status": 1000},
    "status negative": {"type": START, "status": -200},
    "status huge": {"type": START, "status": 2**70},
    "headers as text": {"type": START, "status": 200, "headers": "a: b"},
    "headers as number": {"type": START, "status": 200, "headers": 5},
    "headers with text": {"type": START, "status": 200, "headers": [("a", "b")]},
    "header value as text": {"type": START, "status": 200, "headers": [(b"a", "b")]},
    "header value as number": {"type": START, "status": 200, "headers": [(b"a", 1)]},
    "header of one": {"type": START, "status": 200, "headers": [(b"a",)]},
    "header of three": {"type": START, "status": 200, "headers": [(b"a", b"b", b"c")]},
    "header that is none": {"type": START, "status": 200, "headers": [None]},
    "header name empty": {"type": START, "status": 200, "headers": [(b"", b"b")]},
    "header name with a space": {"type": START, "status": 200, "headers": [(b"a b", b"c")]},
    "header name with a line break": {"type": START, "status": 200, "headers": [(b"a\nx-forged", b"1")]},
    "header with CR LF": {"type": START, "status": 200, "headers": [(b"a", b"b\r\nx-forged: 1")]},
    "header with NUL": {"type": START, "status": 200, "headers": [(b"a", b"b\0c")]},
    "pseudo-header": {"type": START, "status": 200, "headers": [(b":status", b"201")]},
    "content-length not a number": {"type": START, "status": 200, "headers": [(b"content-length", b"+5")]},
    "content-length twice": {
        "type": START,
        "status": 200,
        "headers": [(b"content-length", b"5"), (b"content-length", b"6")],
    },
    "trailers of the wrong type": {"type": START, "status": 200, "trailers": "yes"},
    "body before the start": {"type": BODY, "body": b"secret"},
    "early hint": {"type": "http.response.early_hint", "links": [b"</x>"]},
    "pathsend": {"type": "http.response.pathsend", "path": "/etc/passwd"},
    "push": {"type": "http.response.push", "path": "/", "headers": []},
    "debug": {"type": "http.response.debug", "info": {}},
}

# The same after the start, with `content-length: 6`.
WRONG_LATER: dict[str, object] = {
    "second start": {"type": START, "status": 200},
    "body as text": {"type": BODY, "body": "secret"},
    "body none": {"type": BODY, "body": None},
    "body as list": {"type": BODY, "body": [115]},
    "more_body as text": {"type": BODY, "body": b"", "more_body": "no"},
    "more than announced": {"type": BODY, "body": b"seventy", "more_body": True},
    "less than announced": {"type": BODY, "body": b"five5"},
    "trailers": {"type": "http.response.trailers", "headers": []},
}


async def outcome(send: Send, event: object) -> str:
    """What `send` says to it."""
    try:
        await send(event)  # type: ignore[arg-type]
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "taken"


async def wrong(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Sends all of them, goes on, and tells the log what came of each."""
    for name, event in WRONG.items():
        print(f"{name} -> {await outcome(send, event)}")
    await start(send, [(b"content-length", b"6"), (b"x-app", b"legal")])
    for name, event in WRONG_LATER.items():
        print(f"{name} -> {await outcome(send, event)}")
    await body(send, "legal!")
    for name, event in {"body after the end": {"type": BODY, "body": b"secret"}, **WRONG_LATER}.items():
        print(f"after the end, {name} -> {await outcome(send, event)}")
    print("all sent")


async def one_wrong(scope: Scope, _receive: Receive, send: Send) -> None:
    """Lets the error of one escape: `?which=`."""
    which = query(scope)["which"]
    if which in WRONG_LATER:
        await start(send)
        await send(WRONG_LATER[which])  # type: ignore[arg-type]
    else:
        await send(WRONG[which])  # type: ignore[arg-type]


async def unknown_keys(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Keys that nobody knows never raise (`A-07`), and headers may be any iterable of pairs (`F-12`)."""
    headers: list[Event] = [
        {
            "type": START,
            "status": 200,
            "unknown": object(),
            "headers": iter([[b"x-app", b"legal"], (b"X-Upper", b"1")]),
        },
        {"type": BODY, "body": bytearray(b"legal "), "more_body": 1, "x": None},
        {"type": BODY, "body": memoryview(b"too")},
    ]
    for event in headers:
        print(f"{event['type']} -> {await outcome(send, event)}")


async def status(scope: Scope, _receive: Receive, send: Send) -> None:
    """Any status with a body, where none may be too; `?length` announces it."""
    asked = query(scope)
    headers = [(b"content-length", b"4")] if "length" in asked else []
    await start(send, headers, int(asked["status"]))
    await body(send, "body")


async def many_headers(scope: Scope, _receive: Receive, send: Send) -> None:
    """More headers than a response may have."""
    asked = query(scope)
    count, length = int(asked["count"]), int(asked["length"])
    await start(send, [(b"x-%d" % number, b"y" * length) for number in range(count)])
    await body(send, "many")


async def bad_length(scope: Scope, _receive: Receive, send: Send) -> None:
    """Announces `?announced=` and sends `?sent=` bytes in `?pieces=`."""
    asked = query(scope)
    await start(send, [(b"content-length", asked["announced"].encode())])
    pieces = int(asked.get("pieces", "1"))
    for number in range(pieces):
        await body(send, "x" * int(asked["sent"]), more=number + 1 < pieces)


async def server_header(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Headers that belong to the host (`F-07`, `F-09`, `F-10`)."""
    await start(
        send,
        [
            (b"transfer-encoding", b"chunked"),
            (b"connection", b"close"),
            (b"Date", b"Tue, 14 Nov 2023 22:13:20 GMT"),
            (b"server", b"mine"),
        ],
    )
    await body(send, "headers")


async def body_shapes(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Empty events in the middle and a missing body are legal (`R-02`, `R-08`)."""
    await start(send)
    await send({"type": BODY, "more_body": True})
    await send({"type": BODY, "body": b"a", "more_body": True})
    await send({"type": BODY, "body": b"", "more_body": True})
    await send({"type": BODY, "body": b"b", "more_body": True})
    await send({"type": BODY})


async def bare_start(_scope: Scope, _receive: Receive, send: Send) -> None:
    """No headers at all."""
    await send({"type": START, "status": 200})
    await send({"type": BODY, "body": b"bare"})


async def before(_scope: Scope, _receive: Receive, send: Send) -> None:
    """A body first; then, after the error, a response as it should be."""
    said = await outcome(send, {"type": BODY, "body": b"secret"})
    await text(send, said)


async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answers as the query says: the twin of the Rust guest `answer_as_asked`, which tells how."""
    status, pause, more, announced, path = 200, 0.0, False, False, None
    headers, bodies, trailers = [], [], []
    for name, value in parse_qsl(scope["query_string"], keep_blank_values=True):
        match name:
            case b"status":
                status = int(value)
            case b"header":
                headers.append(value.partition(b":")[::2])
            case b"body":
                bodies.append(value)
            case b"fill":
                bodies.append(b"x" * int(value))
            case b"finish":
                more = True
            case b"pause":
                pause = int(value) / 1000
            case b"trailer":
                trailers.append(value.partition(b":")[::2])
            case b"trailers":
                announced = True
            case b"path":
                path = value.decode()
    begun: Event = {"type": START, "status": status, "headers": headers}
    if announced or trailers:
        begun["trailers"] = True
    await send(begun)
    if path is not None:
        await send({"type": "http.response.pathsend", "path": path})
        return
    bodies = bodies or [b""]
    for number, part in enumerate(bodies, 1):
        if pause:
            await asyncio.sleep(pause)
        await body(send, part, more or number < len(bodies))
    for number, trailer in enumerate(trailers, 1):
        event = {"type": "http.response.trailers", "headers": [trailer], "more_trailers": number < len(trailers)}
        await send(event)


PATHS: dict[str, Behaviour] = {
    "/": answer,
    "/wrong": wrong,
    "/one-wrong": one_wrong,
    "/unknown-keys": unknown_keys,
    "/status": status,
    "/many-headers": many_headers,
    "/bad-length": bad_length,
    "/server-header": server_header,
    "/body-shapes": body_shapes,
    "/bare-start": bare_start,
    "/body-first": before,
}
