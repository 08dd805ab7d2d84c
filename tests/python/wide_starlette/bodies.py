"""What comes in: bodies whole and in pieces, JSON, forms, uploads."""

import hashlib
from collections.abc import AsyncIterator

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


async def echo(request: Request) -> Response:
    """The body, whole."""
    return Response(await request.body(), media_type=request.headers.get("content-type"))


async def stream_echo(request: Request) -> Response:
    """The body, piece by piece as it comes."""
    return StreamingResponse(request.stream(), media_type="application/octet-stream")


async def digest(request: Request) -> Response:
    """Length and hash of a body that is never held whole."""
    total = 0
    sha = hashlib.sha256()
    async for piece in request.stream():
        total += len(piece)
        sha.update(piece)
    return JSONResponse({"bytes": total, "sha256": sha.hexdigest()})


async def shout(request: Request) -> Response:
    """Answers while it reads."""

    async def pieces() -> AsyncIterator[str]:
        yield "> "
        async for piece in request.stream():
            yield piece.decode().upper()
        yield " <"

    return StreamingResponse(pieces(), 202, media_type="text/plain")


async def as_json(request: Request) -> Response:
    """JSON in, JSON out; what is no JSON is a `ValueError`."""
    try:
        value = await request.json()
    except ValueError:
        return PlainTextResponse("that is no JSON", 400)
    except RecursionError:
        return PlainTextResponse("that is nested too deeply", 400)
    return JSONResponse({"got": value, "type": type(value).__name__})


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
    Route("/echo/stream", stream_echo, methods=["POST"]),
    Route("/digest", digest, methods=["POST"]),
    Route("/shout", shout, methods=["POST"]),
    Route("/as-json", as_json, methods=["POST"]),
    Route("/form", form, methods=["POST"]),
    Route("/unread", unread, methods=["POST"]),
]
