"""A Starlette app as wide as Starlette: what it is asked is in `tests/it/python/wide_starlette.rs`.

It is served by uvicorn natively and by wasgi, and every answer must be the same bytes. So nothing in it depends on the
clock, on chance, or on what the machine is.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import itsdangerous
import starlette.responses
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Host, Mount, Route, Router
from starlette.staticfiles import StaticFiles

import answers
import asking
import bodies
import layers
import sockets
import work

# Cookies of sessions carry the second in which they were signed, and answers with several ranges a random boundary.
itsdangerous.TimestampSigner.get_timestamp = lambda self: 1_700_000_000  # type: ignore[method-assign]
starlette.responses.token_hex = lambda nbytes=None: "0" * 2 * (nbytes or 32)  # type: ignore[attr-defined]


class State(TypedDict):
    """What start-up gives to every request."""

    greeting: str
    visits: list[str]


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[State]:
    """Start-up and shutdown."""
    work.journal.append("startup")
    yield {"greeting": "hello from the lifespan", "visits": []}
    work.journal.append("shutdown")


app = Starlette(
    lifespan=lifespan,
    middleware=[
        Middleware(layers.Pure, name=b"x-pure"),
        Middleware(
            CORSMiddleware,
            allow_origins=["https://example.org"],
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["x-token"],
            allow_credentials=True,
            expose_headers=["x-pure"],
            max_age=60,
        ),
        Middleware(SessionMiddleware, secret_key="not a secret", same_site="strict"),
        Middleware(layers.Around),
    ],
    exception_handlers={ValueError: answers.value_error, answers.Teapot: answers.teapot, 404: answers.not_found},
    routes=[
        *answers.routes,
        *asking.routes,
        *bodies.routes,
        *sockets.routes,
        *work.routes,
        Mount("/static", StaticFiles(directory="static", html=True), name="static"),
        Mount(
            "/zipped",
            routes=[Route("/long", answers.long), Route("/short", answers.short), Route("/stream", work.stream)],
            middleware=[Middleware(GZipMiddleware, minimum_size=100)],
        ),
        Mount(
            "/trusted",
            routes=[Route("/", answers.short)],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["test", "*.example.org"])],
        ),
        Mount(
            "/mounted", routes=[Route("/scope/{rest:path}", asking.scope), Route("/url", asking.url)], name="mounted"
        ),
        Mount("/raw", answers.raw),
        Host("api.example.org", Router(routes=[Route("/who", answers.api)])),
    ],
)
