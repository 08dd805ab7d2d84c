"""Middleware of both kinds: plain ASGI, and Starlette's `dispatch`."""

from contextvars import ContextVar

from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

trace: ContextVar[str] = ContextVar("trace", default="no trace")


class Pure:
    """Adds a header with the number of events that the app sent before it: one."""

    def __init__(self, app: ASGIApp, name: bytes) -> None:
        self.app = app
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        events = 0

        async def count(message: Message) -> None:
            nonlocal events
            events += 1
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                message["headers"] = [*message["headers"], (self.name, b"%d" % events)]
            await send(message)

        await self.app(scope, receive, count)


class Around(BaseHTTPMiddleware):
    """Runs the endpoint in a task of its own, with a context variable set around it."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """One call."""
        if request.headers.get("x-stop") == "here":
            return PlainTextResponse("stopped by a middleware", 403)
        token = trace.set(request.headers.get("x-trace", "untraced"))
        try:
            response = await call_next(request)
        finally:
            trace.reset(token)
        response.headers["x-around"] = request.url.path.encode("unicode_escape").decode()
        response.headers.append("x-around", "twice")
        return response
