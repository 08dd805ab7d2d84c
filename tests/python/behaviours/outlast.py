"""Calls that go on when their client has what it gets, or is gone (`G-10`, `G-11`). It has a twin among the guests."""

import asyncio
import os

from words import Behaviour, Receive, Scope, Send, body, start, text

INSTANCE: list[str] = []


async def deaf(_scope: Scope, _receive: Receive, send: Send) -> None:
    """In the middle of its body, for ever."""
    await start(send)
    await body(send, "part", more=True)
    print("deaf")
    await asyncio.sleep(3600)


async def work(_scope: Scope, _receive: Receive, send: Send) -> None:
    """After its response, for ever."""
    await text(send, "accepted")
    print("working")
    await asyncio.sleep(3600)


async def brief(_scope: Scope, _receive: Receive, send: Send) -> None:
    """After its response, for a while."""
    await text(send, "accepted")
    await asyncio.sleep(0.7)
    print("the work is done")


async def ticks(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Until `send` fails."""
    await start(send)
    print("ticking")
    try:
        while True:
            await body(send, "tick", more=True)
            await asyncio.sleep(0.005)
    except OSError:
        print("ticking ends")


async def join(_scope: Scope, receive: Receive, send: Send) -> None:
    """Ends with the request's body."""
    print("joining")
    while (await receive()).get("more_body"):
        pass
    await text(send, f"joined {number()}")


async def which(_scope: Scope, _receive: Receive, send: Send) -> None:
    """The instance."""
    await text(send, number())


def number() -> str:
    """Tells instances apart: what is made while the module is imported is the same in all of them."""
    if not INSTANCE:
        INSTANCE.append(os.urandom(8).hex())
    return INSTANCE[0]


PATHS: dict[str, Behaviour] = {
    "/deaf": deaf,
    "/work": work,
    "/brief": brief,
    "/ticks": ticks,
    "/join": join,
    "/which": which,
}
