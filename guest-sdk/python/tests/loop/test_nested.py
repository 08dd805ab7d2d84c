"""Waits inside Python frames: everything else goes on, and at the end all is as before."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from typing import Any

import pytest
from hosts import Host

from wasgi.loop import HUB
from wasgi.loop.hub import CALLS_DEPTH, WAITS_DEPTH


def run_in_thread(func: Any, *args: Any) -> Any:
    return asyncio.to_thread(func, *args)


def test_asyncio_run_in_sync_code_lets_other_calls_go_on() -> None:
    host = Host()
    order: list[str] = []

    async def nested() -> str:
        await asyncio.sleep(0.05)
        order.append("nested")
        return "nested"

    async def sync_view() -> Any:
        host.call(other())
        return await run_in_thread(lambda: asyncio.run(nested()))

    async def other() -> str:
        await asyncio.sleep(0.01)
        order.append("other")
        return "other"

    host.call(sync_view())
    assert host.serve(2) == ["other", "nested"]
    assert order == ["other", "nested"]


def test_the_running_loop_and_task_are_restored() -> None:
    async def nested() -> asyncio.AbstractEventLoop:
        await asyncio.sleep(0.001)
        return asyncio.get_running_loop()

    def sync() -> asyncio.AbstractEventLoop:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        inner = asyncio.run(nested())
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return inner

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        inner = await run_in_thread(sync)
        assert inner is not loop
        assert asyncio.get_running_loop() is loop
        assert asyncio.current_task() is task

    asyncio.run(main())
    assert HUB.ident is None


def test_a_coroutine_of_the_outer_loop_is_awaited_from_sync_code() -> None:
    async def on_the_loop() -> str:
        await asyncio.sleep(0.001)
        return "value"

    async def main() -> str:
        loop = asyncio.get_running_loop()
        return await run_in_thread(lambda: asyncio.run_coroutine_threadsafe(on_the_loop(), loop).result(timeout=5))

    assert asyncio.run(main()) == "value"


def test_a_result_that_does_not_come_times_out() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        def sync() -> None:
            future = asyncio.run_coroutine_threadsafe(asyncio.sleep(60), loop)
            with pytest.raises(TimeoutError):
                future.result(timeout=0.01)
            future.cancel()

        await run_in_thread(sync)

    asyncio.run(main())


def test_a_condition_is_notified_by_a_task() -> None:
    async def main() -> list[str]:
        condition = threading.Condition()
        seen: list[str] = []

        def consumer() -> None:
            with condition:
                assert condition.wait_for(lambda: seen, timeout=5)
                seen.append("consumed")

        async def producer() -> None:
            await asyncio.sleep(0.005)
            with condition:
                seen.append("produced")
                condition.notify()

        task = asyncio.create_task(producer())
        await run_in_thread(consumer)
        await task
        return seen

    assert asyncio.run(main()) == ["produced", "consumed"]


def test_a_wait_is_bounded_by_its_timeout() -> None:
    started = time.monotonic()
    assert threading.Event().wait(0.01) is False
    assert time.monotonic() - started >= 0.01


def test_events_of_a_turn_keep_their_order_when_a_call_waits_inside_it() -> None:
    host = Host()
    seen: list[int] = []

    async def waits() -> str:
        def sync() -> None:
            asyncio.run(asyncio.sleep(0.005))

        # Eager, so this is inside `turn`, and the events behind it are still to be dispatched.
        HUB.run_detached(None, sync)
        return "waited"

    host.call(waits())
    for number in range(5):
        host.post(lambda number=number: seen.append(number))
    assert host.serve() == ["waited"]
    assert seen == [0, 1, 2, 3, 4]


def test_nested_waits_end_last_in_first_out_and_hold_new_calls_back() -> None:
    host = Host()
    depth: list[int] = []
    calls = CALLS_DEPTH * 3

    async def view() -> str:
        def sync() -> None:
            depth.append(len(HUB.waits))
            asyncio.run(asyncio.sleep(0.003))

        HUB.run_detached(None, sync)
        return "done"

    for _ in range(calls):
        host.call(view())
    assert host.serve(calls) == ["done"] * calls
    assert max(depth) <= CALLS_DEPTH


def test_no_call_starts_on_top_of_a_wait_that_could_end() -> None:
    host = Host()
    released = threading.Event()
    started: list[str] = []

    async def waits() -> str:
        await run_in_thread(released.wait)
        return "waited"

    async def releases() -> str:
        released.set()
        host.call(later())
        # This wait lies on top of one that could end now.
        HUB.run_detached(None, lambda: asyncio.run(asyncio.sleep(0.01)))
        started.append("releases ends")
        return "released"

    async def later() -> str:
        started.append("later starts")
        return "later"

    host.call(waits())
    host.loop.call_later(0.005, lambda: host.call(releases()))
    results = host.serve(3)
    assert set(results) == {"waited", "released", "later"}
    assert started == ["releases ends", "later starts"]


def test_too_many_waits_are_an_error_of_the_last_one() -> None:
    def nest(depth: int) -> int:
        async def deeper() -> int:
            return await run_in_thread(nest, depth + 1)

        coro = deeper()
        try:
            return asyncio.run(coro)
        except RuntimeError as raised:
            coro.close()
            assert "inside each other" in str(raised)
            return depth

    assert nest(0) >= WAITS_DEPTH // 2
    assert not HUB.waits


def test_a_callback_whose_context_is_taken_runs_in_a_copy() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
        context = contextvars.copy_context()
        context.run(variable.set, "seen")
        got: list[str] = []

        def sync() -> None:
            done = threading.Event()

            def callback() -> None:
                got.append(variable.get())
                done.set()

            loop.call_soon_threadsafe(callback, context=context)
            assert done.wait(5)

        await loop.run_in_executor(None, context.run, sync)
        return got[0]

    assert asyncio.run(main()) == "seen"


def test_an_exit_in_an_outer_loop_ends_that_loop() -> None:
    seen: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().call_later(0.005, leave)
        await run_in_thread(lambda: asyncio.run(nested()))

    def leave() -> None:
        raise SystemExit(5)

    async def nested() -> None:
        await asyncio.sleep(0.02)
        seen.append("nested ended")

    with pytest.raises(SystemExit):
        asyncio.run(main())
    assert seen == ["nested ended"]
    assert not HUB.running


def test_a_lock_is_handed_over_by_a_task() -> None:
    async def main() -> list[str]:
        lock = threading.Lock()
        seen: list[str] = []
        lock.acquire()
        assert lock.acquire(False) is False
        assert lock.acquire(timeout=0.002) is False

        def wants() -> None:
            with lock:
                seen.append("held")

        async def releases() -> None:
            await asyncio.sleep(0.005)
            seen.append("released")
            lock.release()

        task = asyncio.create_task(releases())
        await run_in_thread(wants)
        await task
        assert not lock.locked()
        return seen

    assert asyncio.run(main()) == ["released", "held"]


def test_a_lock_that_nobody_can_release_says_so() -> None:
    lock = threading.Lock()
    lock.acquire()
    with pytest.raises(RuntimeError, match="can never end"):
        lock.acquire()
    with pytest.raises(ValueError, match="non-blocking"):
        lock.acquire(False, 1)


def test_a_wait_kept_from_ending_is_reported(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wasgi.loop.hub.STUCK_NS", 1_000_000)
    ready = threading.Event()

    async def upper() -> None:
        ready.set()
        await asyncio.sleep(0.02)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.005, lambda: HUB.run_detached(None, asyncio.run, upper()))
        await run_in_thread(ready.wait)

    with caplog.at_level("WARNING", logger="wasgi"):
        asyncio.run(main())
    assert any("last in, first out" in record.message for record in caplog.records)
