"""Answers of every kind: text, JSON, files, redirects, templates, errors, statuses, headers."""

from datetime import UTC, datetime
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route
from starlette.templating import Jinja2Templates
from starlette.types import Receive, Scope, Send

HERE = Path(__file__).parent
templates = Jinja2Templates(directory=HERE / "templates")


class Teapot(Exception):
    """Has a handler of its own."""


async def value_error(_: Request, error: Exception) -> Response:
    """The handler of `ValueError`."""
    return PlainTextResponse(f"no such value: {error}", 400)


async def teapot(request: Request, error: Exception) -> Response:
    """The handler of `Teapot`."""
    return JSONResponse({"teapot": str(error), "path": request.url.path}, 418, {"x-brew": "tea"})


async def not_found(request: Request, _: Exception) -> Response:
    """The handler of 404."""
    return HTMLResponse(f"<h1>nothing at {request.url.path}</h1>", 404)


async def home(_: Request) -> Response:
    """Text."""
    return PlainTextResponse("Hello, world!")


async def short(_: Request) -> Response:
    """Text below the size that is compressed."""
    return PlainTextResponse("short")


async def long(request: Request) -> Response:
    """A long text, of `?kib=`."""
    kib = int(request.query_params.get("kib", "64"))
    line = "the quick brown fox jumps over the lazy dog, and once more it does\n"
    return PlainTextResponse((line * (kib * 1024 // len(line) + 1))[: kib * 1024])


async def json(_: Request) -> Response:
    """JSON with what is easily got wrong."""
    return JSONResponse(
        {
            "text": "ünï ☃ 𝄞 \u2028",
            "float": 0.1 + 0.2,
            "big": 2**63,
            "none": None,
            "list": [1, [2, {"three": 3.0}]],
            "": "",
        }
    )


async def html(_: Request) -> Response:
    """HTML."""
    return HTMLResponse("<p>☃</p>", headers={"x-html": "yes"})


async def page(request: Request) -> Response:
    """A template that extends another, with loops, filters, escaping and `url_for`."""
    context = {"title": "<wide>", "items": [{"name": "tea", "price": 3.5}, {"name": "ünï", "price": 4}]}
    return templates.TemplateResponse(request, "page.html", context, headers={"x-page": "1"})


async def redirect(request: Request) -> Response:
    """A redirect to `?to=`, with `?status=`."""
    status = int(request.query_params.get("status", "307"))
    return RedirectResponse(request.query_params.get("to", "/"), status)


async def download(_: Request) -> Response:
    """A file under a name that no header can have as it is."""
    return FileResponse(HERE / "static" / "letters.txt", filename="schöne grüße ☃.txt")


async def status(request: Request) -> Response:
    """Any status, without a body where none may be."""
    code = request.path_params["code"]
    return Response(status_code=code) if code in (204, 304) else PlainTextResponse(f"status {code}", code)


async def headers(_: Request) -> Response:
    """Headers twice, in Latin-1, empty, in upper case."""
    response = PlainTextResponse("headers", headers={"X-Upper": "A", "x-empty": "", "x-latin": "café"})
    response.headers.append("x-twice", "1")
    response.headers.append("x-between", "2")
    response.headers.append("x-twice", "3")
    response.headers["cache-control"] = "no-store"
    response.headers["date"] = "Tue, 14 Nov 2023 22:13:20 GMT"
    response.headers["server"] = "the app's own"
    return response


async def set_cookies(_: Request) -> Response:
    """Several cookies with attributes, and one that goes."""
    response = PlainTextResponse("cookies")
    response.set_cookie("plain", "value")
    response.set_cookie("odd", 'a b;c,"d"', path="/set", httponly=True, secure=True, samesite="none")
    response.set_cookie("aged", "1", max_age=60, expires=datetime(2030, 1, 1, tzinfo=UTC))
    response.set_cookie("gone", "", max_age=0, expires=datetime(1970, 1, 1, tzinfo=UTC))
    return response


async def http_error(request: Request) -> Response:
    """An `HTTPException`, with headers."""
    raise HTTPException(int(request.query_params.get("status", "409")), "as asked", {"x-why": "asked"})


async def bad_value(_: Request) -> Response:
    """An exception that has a handler."""
    raise ValueError("seven")


async def brew(_: Request) -> Response:
    """Another."""
    raise Teapot("short and stout")


async def unhandled(_: Request) -> Response:
    """An exception that has none."""
    raise RuntimeError("secret: nobody handles this")


async def group(_: Request) -> Response:  # type: ignore[return]
    """An exception out of a task group."""
    import anyio

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep, 0)
        raise ValueError("from within a task group")


async def nothing(_: Request) -> None:
    """Returns no response."""


async def api(_: Request) -> Response:
    """On a host of its own."""
    return PlainTextResponse("the API")


class Box(HTTPEndpoint):
    """An endpoint as a class: GET and POST, and 405 for the rest."""

    async def get(self, _: Request) -> Response:
        """GET."""
        return PlainTextResponse("in the box")

    def post(self, request: Request) -> Response:
        """POST, in a thread."""
        return PlainTextResponse(
            f"put {request.query_params['what']} into the box", 201, background=BackgroundTask(int)
        )


async def raw(scope: Scope, receive: Receive, send: Send) -> None:
    """Plain ASGI below a mount: an iterator of headers, and keys that nobody knows."""
    while (await receive()).get("more_body"):
        pass
    pairs = (
        (name, value) for name, value in [[b"content-type", b"text/plain"], [b"x-root", scope["root_path"].encode()]]
    )
    await send({"type": "http.response.start", "status": 200, "headers": pairs, "unknown": 1})
    await send({"type": "http.response.body", "body": b"raw ", "more_body": True, "unknown": [1]})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


routes = [
    Route("/", home),
    Route("/short", short),
    Route("/long", long),
    Route("/json", json),
    Route("/html", html),
    Route("/page", page),
    Route("/redirect", redirect),
    Route("/download", download),
    Route("/status/{code:int}", status),
    Route("/headers", headers),
    Route("/cookies/set", set_cookies),
    Route("/errors/http", http_error),
    Route("/errors/value", bad_value),
    Route("/errors/teapot", brew),
    Route("/errors/unhandled", unhandled),
    Route("/errors/group", group),
    Route("/errors/nothing", nothing),
    Route("/box", Box),
]
