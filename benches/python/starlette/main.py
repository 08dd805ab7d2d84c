"""Starlette: a greeting, and JSON that is parsed and rendered again."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route


async def hello(request: Request) -> PlainTextResponse:
    """Greets."""
    return PlainTextResponse("Hello, world!")


async def echo(request: Request) -> JSONResponse:
    """Answers what was sent."""
    return JSONResponse(await request.json())


app = Starlette(
    routes=[
        Route("/", hello),
        Route("/echo", echo, methods=["POST"]),
    ]
)
