"""The greeting of `benches/python/raw`, said through wasi:http: for `wasmtime serve`, an instance for each request."""

from componentize_py_types import Ok
from wit_world import exports
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)

HELLO = b"Hello, world!"
HEADERS = [
    ("content-type", b"text/plain"),
    ("content-length", str(len(HELLO)).encode()),
]


class IncomingHandler(exports.IncomingHandler):
    """Answers without an event loop: as little as such a guest can do."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        """A whole response."""
        response = OutgoingResponse(Fields.from_list(HEADERS))
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        with body.write() as stream:
            stream.blocking_write_and_flush(HELLO)
        OutgoingBody.finish(body, None)
