"""anyio, asgiref and aiosqlite over the bridges, as frameworks use them."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import aiosqlite
import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from hosts import Host

import wasgi.threads

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def test_every_bridge_fits() -> None:
    wasgi.threads.verify()


def test_anyio_runs_at_once_with_a_copy_of_the_context() -> None:
    async def main() -> tuple[str, str, bool]:
        VARIABLE.set("outer")

        def work() -> tuple[str, bool]:
            before = VARIABLE.get()
            VARIABLE.set("inner")
            return before, threading.current_thread() is threading.main_thread()

        before, is_main = await anyio.to_thread.run_sync(work)
        return before, VARIABLE.get(), is_main

    assert anyio.run(main) == ("outer", "outer", False)


def test_anyio_keeps_exceptions_and_turns_stop_iteration() -> None:
    async def main() -> None:
        with pytest.raises(LookupError):
            await anyio.to_thread.run_sync({}.__getitem__ and (lambda: {}["missing"]))
        with pytest.raises(RuntimeError):
            await anyio.to_thread.run_sync(next, iter(()))

    anyio.run(main)


def test_anyio_honours_a_limiter_and_a_cancelled_scope() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        limiter = anyio.CapacityLimiter(1)
        await anyio.to_thread.run_sync(seen.append, "limited", limiter=limiter)
        assert limiter.borrowed_tokens == 0
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.to_thread.run_sync(seen.append, "never")
        return seen

    assert anyio.run(main) == ["limited"]


def test_anyio_calls_back_from_the_thread() -> None:
    async def on_the_loop(value: int) -> int:
        await anyio.sleep(0.001)
        return value + 1

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        seen: list[Any] = []

        def work() -> int:
            seen.append(anyio.from_thread.run_sync(asyncio.get_running_loop) is loop)
            return anyio.from_thread.run(on_the_loop, 1)

        seen.append(await anyio.to_thread.run_sync(work))
        return seen

    assert anyio.run(main) == [True, 2]


def test_anyio_portal_of_the_running_loop() -> None:
    async def main() -> int:
        async with anyio.from_thread.BlockingPortal() as portal:
            return await anyio.to_thread.run_sync(portal.call, pow, 2, 3)

    assert anyio.run(main) == 8


def test_anyio_lets_others_run_between_many_calls() -> None:
    async def main() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        task = asyncio.create_task(tick())
        for _ in range(200):
            await anyio.to_thread.run_sync(str)
        task.cancel()
        return ticks

    assert anyio.run(main) > 5


@pytest.mark.parametrize("sensitive", [True, False])
def test_asgiref_both_ways(sensitive: bool) -> None:
    host = Host()

    async def query(value: int) -> int:
        await asyncio.sleep(0.002)
        return await sync_to_async(lambda: value + 1, thread_sensitive=sensitive)()

    def view(value: int) -> int:
        return async_to_sync(query)(value) * 10

    for number in range(4):
        host.call(sync_to_async(view, thread_sensitive=sensitive)(number))
    assert sorted(host.serve(4)) == [10, 20, 30, 40]


def test_asgiref_without_a_loop() -> None:
    async def work() -> str:
        await asyncio.sleep(0.001)
        return await sync_to_async(str)(5)

    assert async_to_sync(work)() == "5"


def test_asgiref_thread_sensitive_work_does_not_interleave() -> None:
    host = Host()
    inside = most = 0

    async def pause() -> None:
        await asyncio.sleep(0.002)

    def view() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        async_to_sync(pause)()
        inside -= 1

    for _ in range(4):
        host.call(sync_to_async(view, thread_sensitive=True)())
    assert host.serve(4) == [None] * 4
    assert most == 1


def test_asgiref_thread_sensitive_context() -> None:
    async def main() -> int:
        async with ThreadSensitiveContext():
            return await sync_to_async(pow)(2, 4)

    assert asyncio.run(main()) == 16


def test_asgiref_refuses_async_to_sync_on_the_loop() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="same thread"):
            async_to_sync(asyncio.sleep)(0)

    asyncio.run(main())


def test_aiosqlite_connections_side_by_side() -> None:
    async def main() -> list[Any]:
        async with aiosqlite.connect(":memory:") as one, aiosqlite.connect(":memory:") as two:
            for base in (one, two):
                await base.execute("create table entry (name text)")
            await one.execute("insert into entry values ('one')")
            await one.commit()
            rows: list[Any] = []
            for base in (one, two):
                async with base.execute("select name from entry") as cursor:
                    rows.append([tuple(row) async for row in cursor])
            with pytest.raises(aiosqlite.OperationalError):
                await one.execute("select nothing from nowhere")
            return rows

    assert asyncio.run(main()) == [[("one",)], []]
