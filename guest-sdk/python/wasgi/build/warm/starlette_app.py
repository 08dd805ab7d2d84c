"""A throw-away Starlette app, and the requests that exercise it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route

from .driver import lifespan, request

__all__ = ["run"]

SCRATCH = "/0/warm-up"
"""A folder that exists during the warm-up only."""

FORM = (b"content-type", b"application/x-www-form-urlencoded")
UPLOAD = (b"content-type", b"multipart/form-data; boundary=wasgi")
UPLOAD_BODY = (
    b'--wasgi\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n'
    b'--wasgi\r\ncontent-disposition: form-data; name="f"; filename="f.txt"\r\n'
    b"content-type: text/plain\r\n\r\nhello\r\n"
    b"--wasgi--\r\n"
)


async def run(rounds: int) -> None:
    """Exercises the app. Raises whatever goes wrong."""
    os.makedirs(SCRATCH, exist_ok=True)
    try:
        with open(f"{SCRATCH}/file.txt", "w", encoding="utf-8") as file:
            file.write("{{ word }}\n")
        app = _app()
        async with lifespan(app) as state:
            for _ in range(rounds):
                for path in _paths():
                    await request(app, path, state=state)
                await request(app, "/json", "POST", b'{"a": [1, 2.5, null, true, "x"]}', state=state)
                await request(app, "/json", "DELETE", state=state)
                with suppress(ZeroDivisionError):
                    await request(app, "/raises", state=state)
                if _forms():
                    await request(app, "/form", "POST", b"a=b&c=d%20e", [FORM], state=state)
                    await request(app, "/form", "POST", UPLOAD_BODY, [UPLOAD], state=state)
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)


def _forms() -> bool:
    return any(importlib.util.find_spec(name) is not None for name in ("python_multipart", "multipart"))


def _paths() -> list[str]:
    paths = ["/?q=1", "/json", "/html", "/stream", "/file", "/moved", "/http-error", "/none", "/sync/7?a=1&a=2"]
    if "starlette.staticfiles" in sys.modules:
        paths += ["/static/file.txt", "/static/none.txt"]
    if "starlette.templating" in sys.modules and "jinja2" in sys.modules:
        paths.append("/template")
    return paths


def _app() -> Starlette:
    routes: list[Any] = [
        Route("/", _hello),
        Route("/json", _json, methods=["GET", "POST"]),
        Route("/html", _html),
        Route("/stream", _stream),
        Route("/file", _file),
        Route("/moved", _moved),
        Route("/http-error", _http_error),
        Route("/raises", _raises),
        Route("/sync/{number:int}", _sync, name="sync"),
        Route("/form", _form, methods=["POST"]),
    ]
    if "starlette.staticfiles" in sys.modules:
        from starlette.staticfiles import StaticFiles

        routes.append(Mount("/static", StaticFiles(directory=SCRATCH), name="static"))
    if "starlette.templating" in sys.modules and "jinja2" in sys.modules:
        routes.append(Route("/template", _template()))
    return Starlette(routes=routes, middleware=_middleware())


def _middleware() -> list[Middleware]:
    middleware: list[Middleware] = []
    if "starlette.middleware.base" in sys.modules:
        from starlette.middleware.base import BaseHTTPMiddleware

        class Base(BaseHTTPMiddleware):
            async def dispatch(self, request: Request, call_next: Any) -> Response:
                response: Response = await call_next(request)
                response.headers["x-warm"] = "1"
                return response

        middleware.append(Middleware(Base))
    if "starlette.middleware.cors" in sys.modules:
        from starlette.middleware.cors import CORSMiddleware

        middleware.append(Middleware(CORSMiddleware, allow_origins=["*"]))
    if "starlette.middleware.gzip" in sys.modules:
        from starlette.middleware.gzip import GZipMiddleware

        middleware.append(Middleware(GZipMiddleware, minimum_size=1))
    if "starlette.middleware.sessions" in sys.modules:
        from starlette.middleware.sessions import SessionMiddleware

        middleware.append(Middleware(SessionMiddleware, secret_key="warm-up"))
    return middleware


async def _hello(request: Request) -> Response:
    if "session" in request.scope:
        request.session["seen"] = 1
    response = PlainTextResponse(f"{request.query_params.get('q')} {request.url} {request.client}")
    response.set_cookie("a", "b", max_age=1)
    return response


async def _json(request: Request) -> Response:
    if request.method == "POST":
        return JSONResponse(await request.json(), background=BackgroundTask(_nothing))
    return JSONResponse({"hello": "world", "cookies": request.cookies})


async def _html(request: Request) -> Response:
    return HTMLResponse(f"<p>{request.url_for('sync', number=1)}</p>", background=BackgroundTask(_nothing_sync))


async def _stream(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d" % number

    return StreamingResponse(pieces(), media_type="text/plain")


async def _file(request: Request) -> Response:
    return FileResponse(f"{SCRATCH}/file.txt")


async def _moved(request: Request) -> Response:
    return RedirectResponse("/")


async def _http_error(request: Request) -> Response:
    raise HTTPException(status_code=418, detail="warm")


async def _raises(request: Request) -> Response:
    raise ZeroDivisionError


def _sync(request: Request) -> Response:
    return JSONResponse({**request.path_params, "a": request.query_params.getlist("a")})


async def _form(request: Request) -> Response:
    async with request.form() as form:
        found: dict[str, str] = {}
        for name, value in form.items():
            found[name] = value if isinstance(value, str) else (await value.read()).decode()
    return JSONResponse(found)


def _template() -> Any:
    from starlette.templating import Jinja2Templates

    templates = Jinja2Templates(directory=SCRATCH)

    async def render(request: Request) -> Response:
        return templates.TemplateResponse(request, "file.txt", {"word": "<b>"})

    return render


async def _nothing() -> None:
    """A background task."""


def _nothing_sync() -> None:
    """A background task that frameworks give to a thread."""
