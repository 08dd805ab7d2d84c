"""Bodies both ways, cancelled and raced receives, and how a disconnect is noticed."""

import asyncio
import hashlib

from words import Behaviour, Receive, Scope, Send, body, query, start, text, until_gone

SENT = 0


async def count(_scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body; answers with how it came."""
    total = events = largest = 0
    sha = hashlib.sha256()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            print(f"disconnected after {total} bytes")
            return
        assert set(event) == {"type", "body", "more_body"}, event
        events += 1
        total += len(event["body"])
        largest = max(largest, len(event["body"]))
        sha.update(event["body"])
        if events == 1:
            print("the first event has come")
        if not event["more_body"]:
            break
    await text(send, f"bytes={total} hash={sha.hexdigest()} events={events} largest={largest}")


async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the body back as it comes."""
    await start(send)
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        more = event["more_body"]
        await body(send, event["body"], more)


async def never_receive(scope: Scope, receive: Receive, send: Send) -> None:
    """Does not look at the body; `?sleep` waits for ever instead of answering."""
    if "sleep" in query(scope):
        print("sleeping")
        await asyncio.sleep(3600)
    await text(send, "answered without the body")
    print("after the response:", (await receive())["type"])


async def receive_after_the_body(scope: Scope, receive: Receive, send: Send) -> None:
    """`receive` blocks after the body, and repeats the disconnect after the end."""
    while (await receive()).get("more_body"):
        pass
    if "wait" in query(scope):
        print("waiting")
        await until_gone(receive)
    else:
        try:
            answer = str(await asyncio.wait_for(receive(), 0.05))
        except TimeoutError:
            answer = "it blocks"
        await text(send, answer)
    for number in range(1, 4):
        print(f"receive {number}:", (await receive())["type"])


async def race(scope: Scope, receive: Receive, send: Send) -> None:
    """Cancels `receive` again and again: a hundred times for nothing, then between the pieces of the body (`G-09`)."""
    seconds = float(query(scope).get("seconds", "0.001"))
    timeouts = 0
    taken = [await receive()]
    while timeouts < 100:
        try:
            taken.append(await asyncio.wait_for(receive(), seconds))
        except TimeoutError:
            timeouts += 1
    print("a hundred timeouts")
    while taken[-1]["more_body"]:
        try:
            taken.append(await asyncio.wait_for(receive(), seconds))
        except TimeoutError:
            timeouts += 1
    await start(send, [(b"x-timeouts", b"%d" % timeouts)])
    await body(send, b"".join(event["body"] for event in taken))


async def two_receives(_scope: Scope, receive: Receive, send: Send) -> None:
    """Two tasks wait at the same time and are served in their order (`A-16`)."""
    events = await asyncio.gather(receive(), receive())
    await text(send, "|".join(event.get("body", b"").decode() for event in events))


async def flood(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Sends 400 × 64 KiB as fast as it may, and counts."""
    global SENT
    SENT = 0
    await start(send)
    piece = b"x" * 65_536
    for _ in range(400):
        await body(send, piece, more=True)
        SENT += len(piece)
    await body(send, b"")


async def sent(_scope: Scope, _receive: Receive, send: Send) -> None:
    """How far `flood` has got."""
    await text(send, str(SENT))


async def unawaited(scope: Scope, _receive: Receive, send: Send) -> None:
    """Sends from many tasks at once: each keeps its place (`G-22`)."""
    asked = query(scope)
    pieces, length = int(asked["pieces"]), int(asked["length"])
    await start(send)
    tasks = [
        asyncio.create_task(body(send, bytes([ord("a") + number % 26]) * length, more=True)) for number in range(pieces)
    ]
    tasks.append(asyncio.create_task(body(send, b"end")))
    await asyncio.gather(*tasks)


async def hang(scope: Scope, receive: Receive, send: Send) -> None:
    """Does nothing, for ever: before the start, after it, or in the middle of the body."""
    at = query(scope).get("at", "before")
    if at in ("start", "mid"):
        await start(send, [(b"content-type", b"text/event-stream")])
    if at == "mid":
        await body(send, "part", more=True)
    print(f"hanging at {at}")
    await until_gone(receive)
    print(f"disconnected at {at}")


async def notice(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells the log how it hears that the client is gone, from `send` or from `receive`, and what comes then."""
    await start(send)
    await body(send, "hello ", more=True)
    if query(scope)["by"] == "send":
        try:
            while True:
                await body(send, "tick ", more=True)
                await asyncio.sleep(0.001)
        except OSError as error:
            print("send:", isinstance(error, OSError), type(error) is not OSError)
        print("then receive:", await first_that_is_no_request(receive))
    else:
        print("receive:", await first_that_is_no_request(receive))
        try:
            await body(send, "tick", more=True)
        except OSError as error:
            print("then send:", isinstance(error, OSError), type(error) is not OSError)
    print("again receive:", (await receive())["type"])
    await asyncio.sleep(0.02)
    print("the app goes on")
    # Escapes, and counts as a clean end (`A-09`, `D-02`).
    await body(send, "tick", more=True)
    print("not reached")


async def first_that_is_no_request(receive: Receive) -> str:
    """The first event that is no `http.request`."""
    while True:
        event = await receive()
        if event["type"] != "http.request":
            return str(event)


async def work_after(_scope: Scope, receive: Receive, send: Send) -> None:
    """Goes on after its response (`G-11`)."""
    await text(send, "whole")
    await asyncio.sleep(0.1)
    print("after the response:", (await receive())["type"])
    await body(send, "ignored")
    await start(send)
    print("the work is done")


async def large(scope: Scope, _receive: Receive, send: Send) -> None:
    """Sends `?bytes=` as the last body, and goes on once they have left, or nobody wants them (`A-11`)."""
    await start(send)
    await body(send, b"x" * int(query(scope)["bytes"]))
    print("goes on after the last body")


async def meet(scope: Scope, _receive: Receive, send: Send) -> None:
    """Waits until `?n=` calls are here at the same time (`G-01`)."""
    global MET
    wanted = int(query(scope)["n"])
    MET += 1
    if wanted == MET:
        MET = 0
        WAITERS.set_result(None)
        renew()
    else:
        await asyncio.shield(WAITERS)
    await text(send, f"{wanted} met")


def renew() -> None:
    """Begins a new meeting."""
    global WAITERS
    WAITERS = asyncio.get_running_loop().create_future()


async def meet_first(scope: Scope, receive: Receive, send: Send) -> None:
    """As `meet`, made on the first call: there is no loop while this module is imported."""
    if "WAITERS" not in globals():
        renew()
    await meet(scope, receive, send)


MET = 0
WAITERS: asyncio.Future[None]

PATHS: dict[str, Behaviour] = {
    "/count": count,
    "/echo": echo,
    "/never-receive": never_receive,
    "/receive-after": receive_after_the_body,
    "/race": race,
    "/two-receives": two_receives,
    "/flood": flood,
    "/sent": sent,
    "/unawaited": unawaited,
    "/hang": hang,
    "/notice": notice,
    "/work-after": work_after,
    "/large": large,
    "/meet": meet_first,
}
