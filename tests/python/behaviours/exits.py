"""How an app may end (`X-01`–`X-08`): raising, returning, exiting, at each point of its response."""

import asyncio
import os
import sys

from words import Behaviour, Receive, Scope, Send, body, query, start, text, until_gone


class Own(BaseException):
    """Derives from nothing that anybody handles."""


async def reach(point: str, send: Send) -> None:
    """Gets as far as this point of a response."""
    if point == "start":
        await start(send)
    elif point == "mid":
        await start(send)
        await body(send, "part", more=True)
        # The host has it by then.
        await asyncio.sleep(0.03)
    elif point == "after":
        await text(send, "whole")
        await asyncio.sleep(0.03)


async def raising(scope: Scope, _receive: Receive, send: Send) -> None:
    """Raises `?what=` at `?at=`."""
    asked = query(scope)
    await reach(asked.get("at", "before"), send)
    what = asked.get("what", "error")
    if what == "error":
        raise RuntimeError("secret: it raised")
    if what == "system-exit":
        raise SystemExit("secret: system exit")
    if what == "sys-exit":
        sys.exit(3)
    if what == "os-exit":
        os._exit(3)
    if what == "keyboard-interrupt":
        raise KeyboardInterrupt("secret: interrupted")
    if what == "generator-exit":
        raise GeneratorExit("secret: generator exit")
    if what == "cancelled":
        raise asyncio.CancelledError("secret: cancelled")
    if what == "cancel-self":
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(60)
    if what == "own":
        raise Own("secret: own")
    if what == "os-error":
        raise OSError("secret: an error of the app's own")
    if what == "group":
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(failing())
    if what == "chained":
        try:
            await failing()
        except ValueError as error:
            raise RuntimeError("secret: the second") from error
    if what == "stop":
        raise StopIteration("secret: stop")
    if what == "memory-error":
        raise MemoryError("secret: none left")
    if what == "recursion":
        raise RecursionError("secret: too deep")


async def failing() -> None:
    """One of several tasks."""
    await asyncio.sleep(0)
    raise ValueError("secret: in a task")


async def returning(scope: Scope, _receive: Receive, send: Send) -> None:
    """Returns at `?at=`."""
    await reach(query(scope).get("at", "before"), send)


async def odd_return(_scope: Scope, _receive: Receive, send: Send) -> str:
    """Returns a value, which nobody looks at (`A-15`)."""
    await text(send, "whole")
    return "secret: a value"


async def trapping(scope: Scope, _receive: Receive, send: Send) -> None:
    """Aborts at `?at=`, as C code may: nothing in Python can catch that."""
    await reach(query(scope).get("at", "before"), send)
    print("secret: the interpreter ends", file=sys.stderr, flush=True)
    os.abort()


async def wait(_scope: Scope, receive: Receive, _send: Send) -> None:
    """A sibling in flight that has said nothing."""
    print("waiting at /wait")
    await until_gone(receive)


async def stream(_scope: Scope, receive: Receive, send: Send) -> None:
    """A sibling in flight whose response has begun."""
    await start(send)
    await body(send, "part", more=True)
    print("waiting at /stream")
    await until_gone(receive)


async def outliving(_scope: Scope, _receive: Receive, send: Send) -> None:
    """A task of its own goes on after the call, and fails."""
    task = asyncio.create_task(later(), name="outliving")
    KEPT.add(task)
    task.add_done_callback(KEPT.discard)
    await text(send, "whole")


async def later() -> None:
    """Fails after the response."""
    await asyncio.sleep(0.02)
    print("the task goes on")
    raise RuntimeError("secret: in a task that outlives its call")


KEPT: set[asyncio.Task[None]] = set()

PATHS: dict[str, Behaviour] = {
    "/raise": raising,
    "/return": returning,
    "/odd-return": odd_return,  # type: ignore[dict-item]
    "/trap": trapping,
    "/wait": wait,
    "/stream": stream,
    "/outlive": outliving,
}
