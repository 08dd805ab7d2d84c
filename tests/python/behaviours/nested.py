"""Sync code that waits inside a call, as `asyncio.run` and asgiref's `async_to_sync` do in `def` endpoints (`G-16`).

Each wait has a name and ends when `/release` names it, or after `?seconds=`.
"""

import asyncio

from words import Behaviour, Receive, Scope, Send, query, text

RELEASED: set[str] = set()


async def released(name: str) -> None:
    """Comes back when the name was released."""
    while name not in RELEASED:
        await asyncio.sleep(0.002)
    RELEASED.discard(name)


def wait(name: str, seconds: float | None) -> str:
    """A `def` endpoint: the wait keeps its frames on the stack until it ends."""
    print(f"{name} waits")
    asyncio.run(released(name) if seconds is None else asyncio.sleep(seconds))
    print(f"{name} goes on")
    return f"{name} waited"


async def nested(scope: Scope, _receive: Receive, send: Send) -> None:
    """Runs a `def` endpoint as frameworks do, `?name=` and `?seconds=`."""
    asked = query(scope)
    seconds = float(asked["seconds"]) if "seconds" in asked else None
    answer = await asyncio.to_thread(wait, asked["name"], seconds)
    try:
        await text(send, answer)
    except OSError:
        print(f"{asked['name']} has no client any more")
        raise


async def release(scope: Scope, _receive: Receive, send: Send) -> None:
    """Releases `?first=` at once, and `?then=` a while later."""
    asked = query(scope)
    RELEASED.add(asked["first"])
    if "then" in asked:
        asyncio.get_running_loop().call_later(0.2, RELEASED.add, asked["then"])
    await text(send, "released")


PATHS: dict[str, Behaviour] = {"/nested": nested, "/release": release}
