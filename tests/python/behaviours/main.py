"""One raw ASGI app whose path selects how it behaves, mostly badly.

Its twins in Rust are the guests of `tests/guests`, one file for each. Here it is one app, because a component with an
interpreter in it takes seconds to build. What the lifespan does is chosen by the variable `LIFESPAN`.
"""

import bodies
import events
import exits
import lives
import nested
import outlast
import sandbox
import sockets
from words import Behaviour, Receive, Scope, Send, text


async def ok(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Whether it still serves."""
    await text(send, "ok")


MODULES = (exits, bodies, events, lives, nested, outlast, sandbox, sockets)
PATHS: dict[str, Behaviour] = {"/ok": ok}
for module in MODULES:
    # Two of a name, and one of them would never be met.
    twice = PATHS.keys() & module.PATHS.keys()
    assert not twice, twice
    PATHS |= module.PATHS


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The app."""
    if scope["type"] == "lifespan":
        await lives.lifespan(scope, receive, send)
        return
    if scope["type"] == "websocket":
        await sockets.app(scope, receive, send)
        return
    if scope["type"] != "http":
        raise TypeError(f"no such protocol: {scope['type']}")
    path = scope["path"].removeprefix(scope["root_path"])
    behaviour = PATHS["/scope"] if path.startswith("/scope/") else PATHS.get(path)
    if behaviour is None:
        await text(send, f"no such behaviour: {scope['path']}", 404)
        return
    await behaviour(scope, receive, send)
