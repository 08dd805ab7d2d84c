"""What comes in: bodies whole and in pieces, JSON, forms, uploads."""

import hashlib

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send


async def echo(request: Request) -> Response:
    """The body, whole."""
    return Response(await request.body(), media_type=request.headers.get("content-type"))


class Both:
    """Answers while it reads, piece by piece, as plain ASGI.

    A `StreamingResponse` cannot: below ASGI 2.4 it listens for the disconnect itself, and eats what the reader waits
    for.
    """

    def __init__(self, status: int, shout: bool) -> None:
        self.status = status
        self.shout = shout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call."""
        await send(
            {"type": "http.response.start", "status": self.status, "headers": [(b"content-type", b"text/plain")]}
        )
        async for piece in Request(scope, receive).stream():
            body = piece.upper() if self.shout else piece
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b" <" if self.shout else b""})


async def digest(request: Request) -> Response:
    """Length and hash of a body that is never held whole."""
    total = 0
    sha = hashlib.sha256()
    async for piece in request.stream():
        total += len(piece)
        sha.update(piece)
    return JSONResponse({"bytes": total, "sha256": sha.hexdigest()})


async def as_json(request: Request) -> Response:
    """JSON in, JSON out; what is no JSON is a `ValueError`."""
    try:
        value = await request.json()
        return JSONResponse({"got": value, "type": type(value).__name__})
    except ValueError:
        return PlainTextResponse("that is no JSON", 400)
    except RecursionError:
        return PlainTextResponse("that is nested too deeply", 400)


async def form(request: Request) -> Response:
    """Fields and files, in order."""
    shown: list[list[object]] = []
    async with request.form(max_files=3, max_fields=5) as fields:
        for name, value in fields.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read()
                shown.append(
                    [name, value.filename, value.content_type, value.size, hashlib.sha256(content).hexdigest()]
                )
            else:
                shown.append([name, value])
    return JSONResponse(shown)


async def unread(_: Request) -> Response:
    """Does not look at the body."""
    return PlainTextResponse("not looked at")


routes = [
    Route("/echo", echo, methods=["POST", "PUT"]),
    Route("/echo/stream", Both(200, shout=False), methods=["POST"]),
    Route("/digest", digest, methods=["POST"]),
    Route("/shout", Both(202, shout=True), methods=["POST"]),
    Route("/as-json", as_json, methods=["POST"]),
    Route("/form", form, methods=["POST"]),
    Route("/unread", unread, methods=["POST"]),
]
