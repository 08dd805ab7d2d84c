"""A throw-away FastAPI app, and the requests that exercise it: models, dependencies, errors, the docs.

No `from __future__ import annotations`: FastAPI reads the annotations of endpoints, and those of local functions
could not be found by name.
"""

import datetime
import importlib.util
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, Form, Header, HTTPException, Path, Query, UploadFile
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from .driver import lifespan, request
from .starlette_app import FORM, UPLOAD, UPLOAD_BODY

__all__ = ["run"]

JSON = (b"content-type", b"application/json")
GOOD = b'{"name": "a", "price": 1.5, "tags": ["x"], "made": "2026-01-01T00:00:00Z", "parts": [{"key": 1}]}'


async def run(rounds: int) -> None:
    """Exercises the app. Raises whatever goes wrong."""
    app = _app()
    async with lifespan(app) as state:
        for _ in range(rounds):
            for path in ("/", "/items/7?q=x&limit=3", "/items/x", "/sync", "/error", "/none", "/dependent", "/guarded"):
                await request(app, path, headers=[(b"x-token", b"t"), (b"authorization", b"Bearer t")], state=state)
            for body in (GOOD, b'{"name": 1}', b"{", b""):
                await request(app, "/items", "POST", body, [JSON], state=state)
            with suppress(ZeroDivisionError):
                await request(app, "/raises", state=state)
            if _forms():
                await request(app, "/form", "POST", b"a=b", [FORM], state=state)
                await request(app, "/upload", "POST", UPLOAD_BODY, [UPLOAD], state=state)
        for path in ("/openapi.json", "/docs", "/redoc"):
            await request(app, path, state=state)


def _forms() -> bool:
    return importlib.util.find_spec("python_multipart") is not None


class Part(BaseModel):
    """A part of an item."""

    key: int


class Item(BaseModel):
    """A model with what models commonly have."""

    name: str = Field(min_length=1, max_length=100)
    price: float = Field(gt=0)
    tags: list[str] = []
    made: datetime.datetime | None = None
    parts: list[Part] = []
    id: uuid.UUID = Field(default_factory=uuid.uuid4)


async def _dependency(x_token: Annotated[str, Header()]) -> str:
    return x_token


def _sync_dependency() -> str:
    return "sync"


async def _yielding() -> AsyncIterator[str]:
    yield "yielded"


def _app() -> FastAPI:  # one route after the other
    app = FastAPI(title="warm-up")

    @app.get("/")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    @app.get("/items/{number}", response_model=Item)
    async def read(
        number: Annotated[int, Path(ge=0)], limit: Annotated[int, Query(le=10)] = 5, q: str | None = None
    ) -> Any:
        return Item(name=str(q), price=number + limit)

    @app.post("/items", response_model=Item, status_code=201)
    async def create(item: Item, tasks: BackgroundTasks) -> Any:
        tasks.add_task(_sync_dependency)
        return item

    @app.get("/sync")
    def plain() -> Item:
        return Item(name="a", price=1)

    @app.get("/error")
    async def error() -> None:
        raise HTTPException(404, "none")

    @app.get("/raises")
    async def raises() -> None:
        raise ZeroDivisionError

    @app.get("/dependent")
    async def dependent(
        token: Annotated[str, Depends(_dependency)],
        plainly: Annotated[str, Depends(_sync_dependency)],
        yielded: Annotated[str, Depends(_yielding)],
    ) -> list[str]:
        return [token, plainly, yielded]

    @app.get("/guarded", dependencies=[Depends(HTTPBearer())])
    async def guarded() -> str:
        return "in"

    if _forms():

        @app.post("/form")
        async def form(a: Annotated[str, Form()]) -> str:
            return a

        @app.post("/upload")
        async def upload(f: UploadFile) -> int:
            return len(await f.read())

    return app
