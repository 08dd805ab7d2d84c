"""The bridge between the host's contract and `app(scope, receive, send)`.

Owns what has to be Python: the two coroutine functions that an app awaits, lifespan, tracebacks, and `serve`, which
runs an instance from its first event to its last. The rest is native (`_wasgi`): scopes, events, the order of
a response, credit, batches. Called by the entry module, inside the component's `run`. Never: raises out of `serve`,
shows an error to a client, touches a socket.
"""

from .context import current_request_id
from .errors import ClientDisconnected
from .instance import Instance, serve

__all__ = ["ClientDisconnected", "Instance", "current_request_id", "serve"]
