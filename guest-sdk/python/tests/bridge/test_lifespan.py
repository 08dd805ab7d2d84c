"""Every way in which an app may handle its lifespan, and what the host is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from wasgi.bridge.lifespan import Lifespan

App = Callable[..., Any]
Told = list[tuple[str, str]]


class SpawningLoop:
    """The one method that lifespan uses of wasgi's loop."""

    def spawn(self, coroutine: Coroutine[Any, Any, None], **arguments: Any) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(coroutine, **arguments)


def play(app: App) -> tuple[Lifespan, Told]:
    """Start-up, then shutdown."""
    told: Told = []

    async def main() -> Lifespan:
        loop: Any = SpawningLoop()
        lifespan = Lifespan(app, loop, lambda kind, text: told.append((kind, text)), lambda: told.append(("over", "")))
        lifespan.on_startup()
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(told) == 1
        lifespan.on_shutdown()
        for _ in range(5):
            await asyncio.sleep(0)
        if lifespan.task is not None:
            lifespan.task.cancel()
        return lifespan

    return asyncio.run(main()), told


async def complete(scope: Any, receive: Any, send: Any) -> None:
    scope["state"]["made"] = True
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


def test_both_are_completed_l03() -> None:
    lifespan, told = play(complete)
    assert told == [("complete", ""), ("over", "")]
    assert lifespan.failure is None
    assert lifespan.state == {"made": True}


def test_the_scope_is_that_of_l01() -> None:
    seen = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    play(app)
    assert seen == {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}


def test_an_app_that_raises_has_no_lifespan_l04() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("http only")

    _, told = play(app)
    assert [kind for kind, _ in told] == ["unsupported", "over"]
    assert "http only" in told[0][1]


def test_an_app_that_returns_has_no_lifespan_l07() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    _, told = play(app)
    assert told == [("unsupported", "the app returned from its lifespan without a word"), ("over", "")]


def test_a_failed_startup_says_why_l05() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    _, told = play(app)
    assert told[0] == ("failed", "no database")


def test_a_failed_shutdown_says_why_l06() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "still busy"})

    lifespan, told = play(app)
    assert told == [("complete", ""), ("over", "")]
    assert lifespan.failure == "still busy"


def test_a_shutdown_that_raises_has_failed_l06() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise ValueError("oh")

    lifespan, _ = play(app)
    assert lifespan.failure is not None
    assert lifespan.failure.endswith("ValueError: oh")


def test_an_app_that_has_returned_early_is_not_asked_again() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    lifespan, told = play(app)
    assert told == [("complete", ""), ("over", "")]
    assert lifespan.failure is None


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (3, TypeError),
        ({}, ValueError),
        ({"type": 3}, TypeError),
        ({"type": "http.response.start"}, ValueError),
        ({"type": "lifespan.startup.failed", "message": b"x"}, TypeError),
        ({"type": "lifespan.shutdown.complete"}, RuntimeError),
    ],
)
def test_an_invalid_event_raises_and_changes_nothing_a06(event: Any, error: type[Exception]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        with pytest.raises(error):
            await send(event)
        await send({"type": "lifespan.startup.complete"})
        with pytest.raises(RuntimeError):
            await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete", "extra": 1})

    lifespan, told = play(app)
    assert told == [("complete", ""), ("over", "")]
    assert lifespan.failure is None
