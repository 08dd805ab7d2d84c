"""What an app can ask of a request: paths, queries, headers, cookies, scope, sessions, state."""

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import layers


class Hexadecimal(Convertor[int]):
    """A path parameter of our own."""

    regex = "[0-9a-f]+"

    def convert(self, value: str) -> int:
        """Out of the path."""
        return int(value, 16)

    def to_string(self, value: int) -> str:
        """Into a path."""
        return f"{value:x}"


register_url_convertor("hex", Hexadecimal())


async def params(request: Request) -> Response:
    """The parameters in the path, as Python has them."""
    return JSONResponse({name: [type(value).__name__, str(value)] for name, value in request.path_params.items()})


async def query(request: Request) -> Response:
    """The query, in order, with doubles."""
    return JSONResponse({"items": request.query_params.multi_items(), "string": request.url.query})


async def request_headers(request: Request) -> Response:
    """The headers, as bytes on the wire."""
    return JSONResponse([[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers.raw])


async def cookies(request: Request) -> Response:
    """The cookies."""
    return JSONResponse(request.cookies)


async def scope(request: Request) -> Response:
    """The scope, without what differs from run to run."""
    keys = ["type", "http_version", "method", "scheme", "path", "root_path"]
    shown = {key: request.scope[key] for key in keys}
    shown["asgi"] = request.scope["asgi"]["version"]
    shown["raw_path"] = request.scope["raw_path"].decode("latin-1")
    shown["query_string"] = request.scope["query_string"].decode("latin-1")
    shown["client"] = [type(part).__name__ for part in request.scope["client"]]
    shown["server"] = [type(part).__name__ for part in request.scope["server"]]
    shown["params"] = request.path_params
    return JSONResponse(shown)


async def url(request: Request) -> Response:
    """URLs made of the request's."""
    return JSONResponse(
        {
            "url": str(request.url),
            "base": str(request.base_url),
            "item": str(request.url_for("item", number=7)),
            "hex": request.app.url_path_for("hex", value=255),
            "static": str(request.url_for("static", path="/site.css")),
            "changed": str(request.url.include_query_params(more="ünï").remove_query_params("a")),
        }
    )


async def session(request: Request) -> Response:
    """Counts in a session; `?clear` forgets it."""
    if "clear" in request.query_params:
        request.session.clear()
    else:
        request.session["count"] = request.session.get("count", 0) + 1
        request.session["name"] = "ünï"
    return JSONResponse(request.session)


async def state(request: Request) -> Response:
    """What start-up made: shared below, private on top."""
    request.state.visits.append(request.query_params.get("by", "nobody"))
    greeting = request.state.greeting
    request.state.greeting = "changed by a request"
    return JSONResponse({"greeting": greeting, "visits": request.state.visits})


async def context(_: Request) -> Response:
    """The context variable that a middleware has set around us."""
    return JSONResponse({"trace": layers.trace.get()})


def in_a_thread(request: Request) -> Response:
    """An endpoint that is no coroutine sees the same."""
    return JSONResponse({"trace": layers.trace.get(), "query": dict(request.query_params)})


async def is_disconnected(request: Request) -> Response:
    """Asks twice whether the client is gone, after reading the body: before, the question would eat the body."""
    body = await request.body()
    asked = [await request.is_disconnected(), await request.is_disconnected()]
    return JSONResponse({"gone": asked, "bytes": len(body)})


routes = [
    Route("/items/{number:int}", params, name="item"),
    Route("/prices/{price:float}", params),
    Route("/files/{path:path}", params),
    Route("/ids/{id:uuid}", params),
    Route("/hex/{value:hex}", params, name="hex"),
    Route("/names/{first}/{last}", params),
    Route("/query", query),
    Route("/request-headers", request_headers),
    Route("/cookies", cookies),
    Route("/scope", scope, methods=["GET", "POST", "OPTIONS", "DELETE", "PURGE"]),
    Route("/scope/{rest:path}", scope),
    Route("/url", url),
    Route("/session", session),
    Route("/state", state),
    Route("/context", context),
    Route("/thread", in_a_thread),
    Route("/is-disconnected", is_disconnected, methods=["GET", "POST"]),
]
