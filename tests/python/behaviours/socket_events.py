"""Events of the wrong shape or out of turn in a WebSocket (`A-06`, `W-06`, `W-10`, `W-11`, `W-12`, `E-01`)."""

from collections import UserDict

from events import outcome
from words import Receive, Scope, Send

ACCEPT = "websocket.accept"
SEND = "websocket.send"
CLOSE = "websocket.close"
START = "websocket.http.response.start"
BODY = "websocket.http.response.body"

# Before `accept`; each must raise out of `send`, and leave the handshake unanswered.
BEFORE: dict[str, object] = {
    "not a dictionary": [ACCEPT],
    "no type": {"text": "x"},
    "unknown type": {"type": "websocket.open"},
    "an event of receive": {"type": "websocket.connect"},
    "an event of http": {"type": "http.response.start", "status": 200},
    "a message before accept": {"type": SEND, "text": "secret"},
    "a denial's body first": {"type": BODY, "body": b"secret"},
    "a denial without a status": {"type": START},
    "a denial with status 99": {"type": START, "status": 99},
    "subprotocol of the wrong type": {"type": ACCEPT, "subprotocol": b"chat"},
    "subprotocol that was not offered": {"type": ACCEPT, "subprotocol": "soap"},
    "headers as text": {"type": ACCEPT, "headers": "a: b"},
    "headers with text": {"type": ACCEPT, "headers": [("a", "b")]},
    "header with CR LF": {"type": ACCEPT, "headers": [(b"a", b"b\r\nx-forged: 1")]},
    "sec-websocket-protocol": {"type": ACCEPT, "headers": [(b"Sec-WebSocket-Protocol", b"soap")]},
    "code as text": {"type": CLOSE, "code": "1000"},
    "code 1005 in a refusal": {"type": CLOSE, "code": 1005},
}

# After it; each must raise, and the client must see none of it.
OPEN: dict[str, object] = {
    "second accept": {"type": ACCEPT},
    "a denial after accept": {"type": START, "status": 403},
    "a denial's body after accept": {"type": BODY, "body": b"secret"},
    "text and bytes": {"type": SEND, "text": "secret", "bytes": b"secret"},
    "neither": {"type": SEND},
    "both none": {"type": SEND, "text": None, "bytes": None},
    "text as bytes": {"type": SEND, "text": b"secret"},
    "text as a number": {"type": SEND, "text": 1},
    "bytes as text": {"type": SEND, "bytes": "secret"},
    "bytes as a list": {"type": SEND, "bytes": [1]},
    "a lone surrogate": {"type": SEND, "text": "\ud800"},
    "code none of the app's": {"type": CLOSE, "code": 1005},
    "code 1006": {"type": CLOSE, "code": 1006},
    "code 999": {"type": CLOSE, "code": 999},
    "code 5000": {"type": CLOSE, "code": 5000},
    "code huge": {"type": CLOSE, "code": 2**70},
    "code negative": {"type": CLOSE, "code": -1},
    "code as float": {"type": CLOSE, "code": 1000.0},
    "code as bool": {"type": CLOSE, "code": True},
    "reason as bytes": {"type": CLOSE, "reason": b"secret"},
    "reason of 124 bytes": {"type": CLOSE, "reason": "ü" * 62},
}

# What must be taken: other mappings, subclasses, keys that ASGI does not know, None where a key may be missing.
TAKEN: dict[str, object] = {
    "text, and bytes none": {"type": SEND, "text": "text", "bytes": None},
    "bytes, and text none": {"type": SEND, "bytes": b"bytes", "text": None},
    "an empty text": {"type": SEND, "text": ""},
    "no bytes": {"type": SEND, "bytes": b""},
    "a bytearray": {"type": SEND, "bytes": bytearray(b"array")},
    "a memoryview": {"type": SEND, "bytes": memoryview(b"view")},
    "another mapping": UserDict({"type": SEND, "text": "mapping"}),
    "an unknown key": {"type": SEND, "text": "key", "compress": True},
}

CLOSED: dict[str, object] = {
    "a message after close": {"type": SEND, "text": "secret"},
    "second close": {"type": CLOSE},
    "accept after close": {"type": ACCEPT},
}


async def wrong(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Sends all of them and tells the log what came of each."""
    for name, event in BEFORE.items():
        print(f"{name} -> {await outcome(send, event)}")
    await send({"type": ACCEPT, "subprotocol": None, "headers": iter([[b"X-App", b"legal"]])})
    for name, event in {**OPEN, **TAKEN}.items():
        print(f"{name} -> {await outcome(send, event)}")
    await send({"type": CLOSE, "code": None, "reason": None})
    for name, event in CLOSED.items():
        print(f"{name} -> {await outcome(send, event)}")
    print("all sent")
