"""A root loop on a turn that sleeps and hands over what a test has prepared."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from wasgi.loop import HUB, EventLoop
from wasgi.loop.hub import idle_turn


class Host:
    """Stands for the bridge: `post` is an event that comes with the next turn. Turns are re-entrant, as its are."""

    def __init__(self) -> None:
        self.turns: list[int | None] = []
        self.pending: deque[Callable[[], None]] = deque()
        self.loop = EventLoop(self.turn)
        self.results: list[Any] = []

    def turn(self, deadline: int | None) -> None:
        self.turns.append(deadline)
        if not self.pending:
            idle_turn(deadline)
        while self.pending:
            self.pending.popleft()()

    def post(self, event: Callable[[], None]) -> None:
        self.pending.append(event)

    def call(self, coro: Coroutine[Any, Any, Any]) -> None:
        """Posts a call; its result or exception is appended to `results`."""

        async def run() -> None:
            try:
                self.results.append(await coro)
            except Exception as raised:  # a test looks at it
                self.results.append(raised)

        self.post(lambda: self.loop.spawn(run(), context=Context()) and None)

    def serve(self, count: int = 1, seconds: float = 10.0) -> list[Any]:
        """Runs until `count` calls have ended."""
        end = time.monotonic() + seconds

        def look() -> None:
            if len(self.results) >= count or time.monotonic() > end:
                self.loop.stop()
            else:
                self.loop.call_later(0.002, look)

        self.loop.call_soon(look)
        try:
            self.loop.run_forever()
        finally:
            HUB.turn, HUB.root = idle_turn, None
            self.loop.close()
        return self.results
