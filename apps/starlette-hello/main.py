"""Starlette as it comes: routes, JSON, a stream out, a stream in, and a lifespan that hands state to requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from time import time
from typing import TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route


class State(TypedDict):
    """What the lifespan gives to every request of this instance."""

    started: float


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[State]:
    """Runs once in each instance: open what requests share here, close it after the yield."""
    yield {"started": time()}


async def hello(_: Request) -> PlainTextResponse:
    """`GET /`."""
    return PlainTextResponse("Hello, world!")


async def greet(request: Request) -> JSONResponse:
    """`GET /hello/{name}`."""
    return JSONResponse({"hello": request.path_params["name"]})


async def uptime(request: Request) -> JSONResponse:
    """`GET /uptime`: seconds since this instance started."""
    return JSONResponse({"seconds": round(time() - request.state.started, 3)})


async def ticks(_: Request) -> StreamingResponse:
    """`GET /ticks`: five lines, a tenth of a second apart."""

    async def lines() -> AsyncIterator[str]:
        for number in range(1, 6):
            yield f"tick {number}\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(lines(), media_type="text/plain")


async def digest(request: Request) -> JSONResponse:
    """`POST /digest`: the body is hashed while it arrives, in constant memory."""
    length, hashed = 0, sha256()
    async for chunk in request.stream():
        length += len(chunk)
        hashed.update(chunk)
    return JSONResponse({"bytes": length, "sha256": hashed.hexdigest()})


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/", hello),
        Route("/hello/{name}", greet),
        Route("/uptime", uptime),
        Route("/ticks", ticks),
        Route("/digest", digest, methods=["POST"]),
    ],
)
