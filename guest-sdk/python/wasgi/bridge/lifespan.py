"""The lifespan call: one per instance, pending beside all others (`L-02`, `G-02`).

The host asks for start-up and shutdown; the app answers through `send`. An app without lifespan is one that returns or
raises before it has answered (`L-04`, `L-07`): the instance goes on without, and its shutdown is answered for it.
"""

from __future__ import annotations

import sys
from asyncio import Future, Task, get_running_loop
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from .errors import describe, shorten

if TYPE_CHECKING:
    from ..loop import EventLoop

COMPLETE = "complete"
UNSUPPORTED = "unsupported"
FAILED = "failed"


class Lifespan:
    """Drives the app's lifespan.

    `started(kind, text)` is called once with how start-up ended; `over` once when the shutdown is answered, after
    which `failure` is the text of `lifespan.shutdown.failed`, or None.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        loop: EventLoop,
        started: Callable[[str, str], None],
        over: Callable[[], None],
    ) -> None:
        self.state: dict[str, Any] = {}
        self.failure: str | None = None
        self.task: Task[None] | None = None
        self._app = app
        self._loop = loop
        self._started = started
        self._over = over
        self._startup_seen = False
        self._startup: str | None = None
        self._shutdown_asked = False
        self._shutdown_seen = False
        self._answered = False
        self._waiting: list[Future[None]] = []

    # ------------------------------------------------------------------ the host's side

    def on_startup(self) -> None:
        """The host's first event: calls the app."""
        self.task = self._loop.spawn(self._run(), context=Context(), name="lifespan")

    def on_shutdown(self) -> None:
        """The host's last event. Shown only to an app that completed its start-up and still runs."""
        self._shutdown_asked = True
        if self._startup != COMPLETE or self.task is None or self.task.done():
            self._answer(None)
            return
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def _run(self) -> None:
        text = None
        try:
            await self._app(
                {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state},
                self.receive,
                self.send,
            )
        except BaseException as error:
            text = describe(error)
        if self._startup is None:
            self._start(UNSUPPORTED, text or "the app returned from its lifespan without a word")
        elif self._shutdown_asked:
            self._answer(text)
        elif text is not None:
            print(f"the lifespan ended before the shutdown:\n{text}", file=sys.stderr)

    def _start(self, kind: str, text: str) -> None:
        self._startup = kind
        self._started(kind, shorten(text))

    def _answer(self, failure: str | None) -> None:
        if not self._answered:
            self._answered = True
            self.failure = failure
            self._over()

    # ------------------------------------------------------------------ the app's side

    async def receive(self) -> dict[str, Any]:
        """`lifespan.startup`, then `lifespan.shutdown` when the host asks for it (`L-03`), then nothing."""
        if not self._startup_seen:
            self._startup_seen = True
            return {"type": "lifespan.startup"}
        while not self._shutdown_asked or self._shutdown_seen:
            waiter = get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            finally:
                self._waiting.remove(waiter)
        self._shutdown_seen = True
        return {"type": "lifespan.shutdown"}

    async def send(self, event: dict[str, Any]) -> None:
        """One of `lifespan.{startup,shutdown}.{complete,failed}`.

        Raises:
            TypeError, ValueError: the event is not one of these.
            RuntimeError: it has been answered already, or nobody has asked.
        """
        kind, message = _read(event)
        match kind:
            case "lifespan.startup.complete" | "lifespan.startup.failed":
                if self._startup is not None:
                    raise RuntimeError(f"{kind}: the start-up has been answered already")
                self._start(COMPLETE if kind.endswith(COMPLETE) else FAILED, message)
            case "lifespan.shutdown.complete" | "lifespan.shutdown.failed":
                if not self._shutdown_asked:
                    raise RuntimeError(f"{kind}: nobody has asked for a shutdown")
                if self._answered:
                    raise RuntimeError(f"{kind}: the shutdown has been answered already")
                self._answer(None if kind.endswith(COMPLETE) else shorten(message or "the app gave no reason"))
            case _:
                raise ValueError(f"unknown event type {kind[:100]!r} in a lifespan scope")


def _read(event: object) -> tuple[str, str]:
    """The event's type and its `message`."""
    try:
        kind = event["type"]  # type: ignore[index]
        message = event.get("message", "")  # type: ignore[attr-defined]
    except KeyError:
        raise ValueError('an ASGI event must have a "type"') from None
    except (TypeError, AttributeError):
        raise TypeError(f"an ASGI event must be a dict, not {type(event).__name__}") from None
    if not isinstance(kind, str):
        raise TypeError(f'event: "type" must be a str, not {type(kind).__name__}')
    if not isinstance(message, str):
        raise TypeError(f'{kind}: "message" must be a str, not {type(message).__name__}')
    return kind, message
