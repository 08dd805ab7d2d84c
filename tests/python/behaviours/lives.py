"""Start-up, shutdown, state and what an instance keeps from call to call (`L-*`, `G-03`, `G-18`)."""

import asyncio
import gc
import os
import sys
from contextvars import ContextVar

from nested import wait
from words import Behaviour, Receive, Scope, Send, text

ALIVE = 0
mark: ContextVar[str] = ContextVar("mark", default="unmarked")
NUMBER = os.urandom(8).hex()


class Guard:
    """Counts how many of it there are: what is alive after its call has leaked."""

    def __init__(self) -> None:
        global ALIVE
        ALIVE += 1

    def __del__(self) -> None:
        global ALIVE
        ALIVE -= 1


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """As `LIFESPAN` says."""
    kind = os.environ.get("LIFESPAN", "")
    if kind == "raise":
        raise RuntimeError("secret: raised in lifespan")
    if kind == "return":
        return
    event = await receive()
    print(f"event {event}")
    mark.set("set by the lifespan")
    if kind in ("fail", "nasty"):
        why = "secret: no database" if kind == "fail" else "\x1b[31mred\x1b[0m\r\nforged: line\x00 end"
        await send({"type": "lifespan.startup.failed", "message": why})
        return
    if kind == "fail-without-words":
        await send({"type": "lifespan.startup.failed"})
        return
    if kind == "raise-in-startup":
        raise RuntimeError("secret: raised in start-up")
    if kind == "exit-in-startup":
        sys.exit("secret: exit in start-up")
    if kind == "os-exit-in-startup":
        os._exit(4)
    if kind == "abort-in-startup":
        os.abort()
    if kind == "hang-in-startup":
        await asyncio.sleep(3600)
    if kind == "spin-in-startup":
        while True:
            pass
    if kind == "wrong-event":
        try:
            await send({"type": "http.response.start", "status": 200})
        except Exception as error:
            print(f"wrong event -> {type(error).__name__}: {error}")
    if kind == "nested-startup":
        print(await asyncio.to_thread(wait, "startup", 0.05))
    if kind == "nested-startup-hangs":
        await asyncio.to_thread(wait, "startup", 3600)
    if kind == "slow-startup":
        await asyncio.sleep(0.05)
        print("slowly started")
    if "state" in scope:
        scope["state"]["count"] = [0]
        scope["state"]["greeting"] = "hello"
    await send({"type": "lifespan.startup.complete"})
    ticking = asyncio.create_task(tick()) if kind == "ticking" else None
    event = await receive()
    print(f"event {event}")
    if kind == "fail-shutdown":
        await send({"type": "lifespan.shutdown.failed", "message": "secret: could not flush"})
        return
    if kind == "raise-in-shutdown":
        raise RuntimeError("secret: raised in shutdown")
    if kind == "hang-in-shutdown":
        print("stopping for ever")
        await asyncio.sleep(3600)
    if ticking is not None:
        ticking.cancel()
    print(f"at shutdown the count is {scope['state']['count'][0]}")
    await send({"type": "lifespan.shutdown.complete"})
    print("goodbye")


async def tick() -> None:
    """A task that lives as long as its instance."""
    try:
        for number in range(1_000_000):
            if number < 3:
                print(f"tick {number}")
            await asyncio.sleep(0.01)
    finally:
        print("ticking ends")


async def state(scope: Scope, _receive: Receive, send: Send) -> None:
    """Counts in what is shared, changes what is private, and leaves things behind (`L-09`, `G-03`)."""
    state = scope["state"]
    greeting = state["greeting"]
    left = "mine" in state
    state["count"][0] += 1
    state["mine"] = Guard()
    state["greeting"] = "changed by a call"
    await text(send, f"count={state['count'][0]} greeting={greeting} left_by_another={left} alive={ALIVE}")


async def no_state(scope: Scope, _receive: Receive, send: Send) -> None:
    """Whether there is a state, without a lifespan."""
    await text(send, f"state={scope.get('state')!r}")


async def memory(_scope: Scope, _receive: Receive, send: Send) -> None:
    """How many objects there are, garbage taken away."""
    gc.collect()
    await text(send, f"objects={len(gc.get_objects())} alive={ALIVE} tasks={len(asyncio.all_tasks())}")


async def cycle(scope: Scope, _receive: Receive, send: Send) -> None:
    """Leaves a cycle of references behind, as exceptions and callbacks do."""
    ring: list[object] = [scope, Guard(), b"x" * 10_000]
    ring.append(ring)
    await text(send, "a cycle")


async def context(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Context variables are the call's own (`G-18`)."""
    before = mark.get()
    mark.set("set by a call")
    await asyncio.sleep(0)
    task = asyncio.create_task(inherited())
    await text(send, f"before={before} after={mark.get()} task={await task}")


async def inherited() -> str:
    """Tasks inherit a copy."""
    seen = mark.get()
    mark.set("set by a task")
    return seen


async def instance(_scope: Scope, _receive: Receive, send: Send) -> None:
    """A number that tells instances apart only if randomness is fresh in each: made at import, and now."""
    await text(send, f"import={NUMBER} now={os.urandom(8).hex()}")


async def show_scope(scope: Scope, _receive: Receive, send: Send) -> None:
    """Every key of the scope, as Python shows it; `?spoil` spoils it afterwards."""
    lines = [f"type={type(scope).__name__}", f"keys: {' '.join(sorted(scope))}"]
    lines += [f"{key}: {scope[key]!r}" for key in scope if key not in ("headers", "state", "client", "server")]
    lines += [f"{key}: {scope[key] and tuple(scope[key])!r}" for key in ("client", "server")]
    lines += [f"header: {tuple(pair)!r}" for pair in scope["headers"]]
    lines.append(f"state: {sorted(scope['state'])}")
    if scope["query_string"] == b"spoil":
        scope["method"] = "SPOILT"
        scope["headers"].clear()
        scope.clear()
    await text(send, "\n".join(lines))


PATHS: dict[str, Behaviour] = {
    "/scope": show_scope,
    "/state": state,
    "/no-state": no_state,
    "/memory": memory,
    "/cycle": cycle,
    "/context": context,
    "/instance": instance,
}
