"""The loop alone: order, timers, contexts, exits, what it refuses."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import socket
from collections.abc import Callable
from typing import Any

import pytest
from hosts import Host

from wasgi.loop import HUB, EventLoop


def test_asyncio_makes_our_loops() -> None:
    async def main() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    loop = asyncio.run(main())
    assert isinstance(loop, EventLoop)
    assert loop.is_closed()
    with asyncio.Runner() as runner:
        assert runner.run(main()) is not loop


def test_new_event_loop_is_new_each_time() -> None:
    one, two = asyncio.new_event_loop(), asyncio.new_event_loop()
    one.set_task_factory(asyncio.eager_task_factory)
    assert two.get_task_factory() is None
    one.close()
    assert not two.is_closed()
    two.close()


def test_callbacks_run_in_order_and_cancelled_ones_do_not() -> None:
    seen: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(5):
            handle = loop.call_soon(seen.append, number)
            if number == 2:
                handle.cancel()
        await asyncio.sleep(0)

    asyncio.run(main())
    assert seen == [0, 1, 3, 4]


def test_timers_run_by_time_and_then_by_order_of_setting() -> None:
    seen: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        loop.call_at(now + 0.02, seen.append, "late")
        for name in ("a", "b", "c"):
            loop.call_at(now + 0.01, seen.append, name)
        loop.call_at(now + 0.01, seen.append, "never").cancel()
        await asyncio.sleep(0.04)

    asyncio.run(main())
    assert seen == ["a", "b", "c", "late"]


def test_many_cancelled_timers_are_swept_out() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, EventLoop)
        for _ in range(500):
            loop.call_later(3600, print).cancel()
        await asyncio.sleep(0.001)
        return len(loop._timers)

    assert asyncio.run(main()) < 10


def test_the_deadline_of_a_turn_is_the_next_timer() -> None:
    host = Host()

    async def app() -> float:
        started = host.loop.time()
        await asyncio.sleep(0.01)
        return host.loop.time() - started

    host.call(app())
    (slept,) = host.serve()
    assert slept >= 0.01
    assert all(deadline is not None for deadline in host.turns)


def test_a_call_starts_at_once_in_its_own_context() -> None:
    host = Host()
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    seen: list[str] = []

    async def app(name: str) -> str:
        seen.append(name)
        variable.set(name)
        await asyncio.sleep(0)
        return variable.get()

    def turn_of_two() -> None:
        host.loop.spawn(keep("a"), context=contextvars.Context())
        assert seen == ["a"], "eager"
        host.loop.spawn(keep("b"), context=contextvars.Context())

    async def keep(name: str) -> None:
        host.results.append(await app(name))

    host.post(turn_of_two)
    assert sorted(host.serve(2)) == ["a", "b"]
    assert variable.get() == "none"


def test_a_root_outlives_exits_and_reports_them() -> None:
    host = Host()
    reported: list[dict[str, Any]] = []
    host.loop.set_exception_handler(lambda loop, context: reported.append(context))

    async def app() -> str:
        task = asyncio.create_task(leave())
        await asyncio.wait([task])
        assert isinstance(task.exception(), SystemExit)
        return "alive"

    async def leave() -> None:
        raise SystemExit(3)

    host.call(app())
    assert host.serve() == ["alive"]
    assert "SystemExit" in reported[0]["message"]


def test_another_loop_ends_with_an_exit() -> None:
    async def main() -> None:
        raise SystemExit(4)

    with pytest.raises(SystemExit):
        asyncio.run(main())


def test_exceptions_of_callbacks_reach_the_handler() -> None:
    async def main() -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        seen: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda loop, context: seen.append(context))
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return seen

    (context,) = asyncio.run(main())
    assert isinstance(context["exception"], ZeroDivisionError)
    assert "handle" in context


@pytest.mark.parametrize("debug", [False, True])
def test_a_slow_callback_is_reported_in_debug_mode_only(debug: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0.0
        await asyncio.sleep(0)

    with caplog.at_level("WARNING", logger="asyncio"):
        asyncio.run(main(), debug=debug)
    assert any("took" in record.message for record in caplog.records) is debug


def test_task_groups_timeouts_and_cancellation() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def child(name: str, delay: float) -> None:
            try:
                await asyncio.sleep(delay)
                seen.append(name)
            except asyncio.CancelledError:
                seen.append(f"{name} cancelled")
                raise

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02), asyncio.TaskGroup() as group:
                group.create_task(child("quick", 0.001))
                group.create_task(child("slow", 60))
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(child("sibling", 60))
                await asyncio.sleep(0)
                raise ValueError
        return seen

    assert asyncio.run(main()) == ["quick", "slow cancelled", "sibling cancelled"]


def test_async_generators_are_closed() -> None:
    closed: list[str] = []

    async def numbers(name: str) -> Any:
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(name)

    async def main() -> None:
        dropped = numbers("dropped")
        await anext(dropped)
        del dropped
        gc.collect()
        await asyncio.sleep(0.01)
        assert closed == ["dropped"]
        kept.append(numbers("kept"))
        await anext(kept[0])

    kept: list[Any] = []
    asyncio.run(main())
    assert closed == ["dropped", "kept"]


def test_a_busy_loop_lets_its_host_speak() -> None:
    host = Host()
    heard: list[str] = []

    async def app() -> int:
        host.post(lambda: heard.append("event"))
        for turn in range(10_000):
            await asyncio.sleep(0)
            if heard:
                return turn
        return -1

    host.call(app())
    (turns,) = host.serve()
    assert 0 <= turns < 100


def test_a_wait_that_cannot_end_says_so() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="can never end"):
        asyncio.run(main())
    assert not HUB.running
    assert not HUB.waits


def test_asyncio_run_inside_a_loop_is_refused_as_ever() -> None:
    async def main() -> None:
        coro = asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
            asyncio.run(coro)
        coro.close()

    asyncio.run(main())


REFUSED: list[tuple[str, Callable[[Any], Any], type[Exception]]] = [
    ("instance has no sockets", lambda loop: loop.create_connection(asyncio.Protocol, "example.org", 80), OSError),
    ("instance has no sockets", lambda loop: loop.getaddrinfo("example.org", 80), OSError),
    ("instance has no sockets", lambda loop: asyncio.open_connection("example.org", 80), OSError),
    ("cannot listen", lambda loop: loop.create_server(asyncio.Protocol, "", 80), NotImplementedError),
    ("cannot start processes", lambda loop: asyncio.create_subprocess_exec("ls"), NotImplementedError),
    ("cannot start processes", lambda loop: asyncio.create_subprocess_shell("ls"), NotImplementedError),
    ("no file descriptors", lambda loop: loop.add_reader(0, print), NotImplementedError),
    ("receives no signals", lambda loop: loop.add_signal_handler(15, print), NotImplementedError),
]


@pytest.mark.parametrize(("why", "attempt", "error"), REFUSED)
def test_what_an_instance_has_not_got(why: str, attempt: Callable[[Any], Any], error: type[Exception]) -> None:
    async def main() -> None:
        outcome = attempt(asyncio.get_running_loop())
        if hasattr(outcome, "__await__"):
            await outcome

    with pytest.raises(error, match=why):
        asyncio.run(main())


def test_no_method_of_asyncio_reaches_a_socket() -> None:
    async def main(name: str, *args: Any) -> None:
        await getattr(asyncio.get_running_loop(), name)(*args)

    # Never opened: a component could not, and nothing may touch it.
    unused = socket.socket.__new__(socket.socket)
    for name in ("sock_recv", "sock_accept", "sock_connect", "sock_sendall"):
        with pytest.raises(OSError, match="no sockets"):
            asyncio.run(main(name, unused))
