"""A Starlette app: it runs here as it runs under uvicorn (`uvicorn main:app`)."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route


class State(TypedDict):
    """What the lifespan gives to every request."""

    greeting: str


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[State]:
    """Runs once in each instance. `[env]` in `wasgi.toml` sets what the app finds in its environment."""
    yield {"greeting": os.environ.get("GREETING", "Hello")}


async def hello(_: Request) -> PlainTextResponse:
    """`GET /`."""
    return PlainTextResponse("Hello, world!\n")


async def greet(request: Request) -> JSONResponse:
    """`GET /greet/{name}`."""
    name = request.path_params["name"]
    return JSONResponse({"greeting": f"{request.state.greeting}, {name}!"})


app = Starlette(
    lifespan=lifespan,
    routes=[Route("/", hello), Route("/greet/{name}", greet)],
)
