"""What takes time: streams, server-sent events, background tasks, many things at once."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import anyio
from starlette.background import BackgroundTask, BackgroundTasks
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

journal: list[str] = []


async def stream(request: Request) -> Response:
    """`?pieces=` of `?size=` bytes, a turn of the loop between them."""
    pieces = int(request.query_params.get("pieces", "5"))
    size = int(request.query_params.get("size", "10"))

    async def parts() -> AsyncIterator[bytes]:
        for number in range(pieces):
            yield b"%d" % (number % 10) * size
            await asyncio.sleep(0.001 if number % 10 == 0 else 0)

    return StreamingResponse(parts(), media_type="text/plain", headers={"x-pieces": str(pieces)})


async def stream_from_a_thread(_: Request) -> Response:
    """A generator that is not asynchronous."""

    def parts() -> Iterator[str]:
        for number in range(5):
            yield f"line {number}\n"

    return StreamingResponse(parts(), media_type="text/csv")


async def sized_stream(_: Request) -> Response:
    """A stream whose length is known."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"12345"
        yield b""
        yield b"67890"

    return StreamingResponse(parts(), headers={"content-length": "10", "x-after": "1"})


async def empty_stream(_: Request) -> Response:
    """A stream of nothing."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in ():
            yield b""

    return StreamingResponse(parts())


async def broken_stream(_: Request) -> Response:
    """A stream that raises in the middle."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"part"
        await asyncio.sleep(0.01)
        raise RuntimeError("secret: the stream broke")

    return StreamingResponse(parts(), media_type="text/plain")


async def events(_: Request) -> Response:
    """Server-sent events."""

    async def parts() -> AsyncIterator[str]:
        for number in range(3):
            yield f'id: {number}\nevent: tick\ndata: {{"number": {number}}}\n\n'
            await asyncio.sleep(0.01)

    return StreamingResponse(parts(), media_type="text/event-stream", headers={"cache-control": "no-store"})


async def later(what: str) -> None:
    """Runs after the response."""
    await asyncio.sleep(0.01)
    journal.append(what)


def later_in_a_thread(what: str) -> None:
    """So does this."""
    journal.append(what)


async def background(request: Request) -> Response:
    """One task after the response."""
    return PlainTextResponse("in a moment", background=BackgroundTask(later, request.query_params["note"]))


async def backgrounds(_: Request) -> Response:
    """Several, one after the other."""
    tasks = BackgroundTasks()
    tasks.add_task(later, "first")
    tasks.add_task(later_in_a_thread, "second")
    tasks.add_task(later, what="third")
    return PlainTextResponse("in a few moments", background=tasks)


async def read_journal(request: Request) -> Response:
    """What the tasks have left behind, once there are `?until=` of them."""
    until = int(request.query_params.get("until", "0"))
    async with asyncio.timeout(20):
        while len(journal) < until:
            await asyncio.sleep(0.005)
    return JSONResponse(journal)


async def together(_: Request) -> Response:
    """`gather`, a queue, a task group, a timeout, a lock, threads: and the order in which they end."""
    order: list[str] = []
    lock = asyncio.Lock()

    async def wait(name: str, seconds: float) -> str:
        await asyncio.sleep(seconds)
        async with lock:
            order.append(name)
        return name

    gathered = await asyncio.gather(wait("slow", 0.03), wait("fast", 0.0), wait("middle", 0.015))
    queue: asyncio.Queue[int] = asyncio.Queue(1)

    async def produce() -> None:
        for number in range(3):
            await queue.put(number)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(produce())
        taken = [await queue.get() for _ in range(3)]
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.01)
    except TimeoutError:
        order.append("timeout")
    with anyio.move_on_after(0.01) as moved:
        await anyio.sleep(60)
    summed = await asyncio.to_thread(sum, [1, 2, 3])
    pooled = await run_in_threadpool(str.upper, "thread")
    executed = await asyncio.get_running_loop().run_in_executor(None, len, "four")
    return JSONResponse([gathered, taken, order, moved.cancelled_caught, summed, pooled, executed])


async def lazily(_: Request) -> Response:
    """Modules that nobody has imported before."""
    import decimal
    import fractions
    import tomllib
    from xml.etree import ElementTree

    return JSONResponse(
        [
            str(decimal.Decimal("1.10") + 1),
            str(fractions.Fraction(3, 9)),
            tomllib.loads("a = [1, 2]"),
            ElementTree.tostring(ElementTree.fromstring("<a><b/></a>")).decode(),
        ]
    )


routes = [
    Route("/stream", stream),
    Route("/stream/thread", stream_from_a_thread),
    Route("/stream/sized", sized_stream),
    Route("/stream/empty", empty_stream),
    Route("/stream/broken", broken_stream),
    Route("/events", events),
    Route("/background", background),
    Route("/backgrounds", backgrounds),
    Route("/journal", read_journal),
    Route("/together", together),
    Route("/lazily", lazily),
]
