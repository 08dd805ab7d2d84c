"""wasgi inside the guest: what stands between an ASGI app and the host.

An app needs none of this: `wasgi build` puts it beside the app, and the app stays as it is under any
other ASGI server. The rooms, and which way they know each other:

- `wasgi.bridge` turns the host's events into `app(scope, receive, send)`; it knows `_wasgi` and `wasgi.loop`.
- `wasgi.loop` is the asyncio event loop; it knows nothing of ASGI.
- `wasgi.threads` runs inline what other servers give to threads.
- `wasgi.build` runs once, inside `wasgi build`: imports the app, warms it up, freezes it. It is not used afterwards.
- `wasgi.start` is what happens when an instance starts from the snapshot.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
