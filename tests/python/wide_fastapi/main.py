"""A FastAPI app as wide as FastAPI: what it is asked is in `tests/it/python/wide_fastapi.rs`.

It is served by uvicorn natively and by wasgi, and every answer must be the same bytes. So nothing in it depends on the
clock, on chance, or on what the machine is.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import itsdangerous
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.middleware.sessions import SessionMiddleware

import answers
import dependencies
import inputs
import items
import sockets

HERE = Path(__file__).parent

# Cookies of sessions carry the second in which they were signed.
itsdangerous.TimestampSigner.get_timestamp = lambda self: 1_700_000_000  # type: ignore[method-assign]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
    """Start-up and shutdown."""
    app.state.started = True
    answers.journal.append("startup")
    yield {"shared": {"count": 0}, "motto": "one for all"}
    app.state.started = False


app = FastAPI(
    title="Wide",
    version="1.2.3",
    description="Everything, **once**.",
    lifespan=lifespan,
    openapi_tags=[{"name": "items", "description": "What is sold."}],
    contact={"name": "Nobody", "url": "https://example.org/"},
    license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
)
app.add_middleware(SessionMiddleware, secret_key="not a secret")
app.add_middleware(CORSMiddleware, allow_origins=["https://example.org"], allow_methods=["*"], allow_headers=["*"])
app.include_router(items.router)
app.include_router(inputs.router)
app.include_router(answers.router)
app.include_router(dependencies.router)
app.include_router(sockets.router)
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
templates = Jinja2Templates(directory=HERE / "templates")


class Sold(Exception):
    """Has a handler of its own."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@app.exception_handler(Sold)
async def sold(_: Request, error: Sold) -> JSONResponse:
    """The handler of `Sold`."""
    return JSONResponse({"sold": error.what}, 410, {"x-sold": "out"})


@app.middleware("http")
async def stamp(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Adds a header, as most tutorials do."""
    response = await call_next(request)
    response.headers["x-stamp"] = f"{request.method} {response.status_code}"
    return response


@app.get("/")
async def home() -> dict[str, str]:
    """A dictionary."""
    return {"hello": "world ☃"}


@app.get("/sync")
def in_a_thread(name: str = "nobody") -> dict[str, str]:
    """An endpoint that is no coroutine."""
    return {"hello": name}


@app.get("/page", response_class=HTMLResponse)
async def page(request: Request, name: str = "<you>") -> Response:
    """A template."""
    return templates.TemplateResponse(request, "page.html", {"name": name})


@app.get("/session")
async def session(request: Request) -> dict[str, int]:
    """Counts in a session."""
    request.session["count"] = request.session.get("count", 0) + 1
    return {"count": request.session["count"]}


@app.get("/state")
async def state(request: Request) -> dict[str, object]:
    """What start-up made."""
    request.state.shared["count"] += 1
    motto = request.state.motto
    request.state.motto = "changed by a request"
    return {"count": request.state.shared["count"], "motto": motto, "started": request.app.state.started}


@app.get("/errors/http")
async def http_error(status: int = 404) -> None:
    """An `HTTPException` with a detail that is no text."""
    raise HTTPException(status, {"why": ["as", "asked"]}, {"x-why": "asked"})


@app.get("/errors/sold")
def sold_error(what: str = "tea") -> None:
    """An exception with a handler, out of a thread."""
    raise Sold(what)


@app.get("/errors/unhandled")
async def unhandled() -> None:
    """An exception without one."""
    raise RuntimeError("secret: nobody handles this")


@app.api_route("/many", methods=["GET", "POST", "PUT", "DELETE"], include_in_schema=False)
async def many(request: Request) -> str:
    """Several methods."""
    return request.method


def in_plain_words(_: Request, error: Exception) -> PlainTextResponse:
    """Another shape of 422, in an app below the app."""
    assert isinstance(error, RequestValidationError)
    return PlainTextResponse(f"{len(error.errors())} things are wrong", 422)


below = FastAPI(title="Below", docs_url="/documentation", redoc_url=None)
below.add_exception_handler(RequestValidationError, in_plain_words)


@below.get("/add")
def add(request: Request, a: int, b: int) -> dict[str, object]:
    """Adds; says where it is mounted."""
    return {"sum": a + b, "root": request.scope["root_path"], "path": request.url.path}


app.mount("/below", below)
