"""Runs an instance: from the host's first event until the shutdown has been answered.

Called once per instance by the entry module, inside the component's `run`. An exception that left it would trap the
instance and every call in it, so none does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

import _wasgi

from ..loop import HUB
from .context import CALL
from .ends import awaiting, receive, send
from .errors import ClientDisconnected, describe
from .lifespan import COMPLETE, Lifespan

if TYPE_CHECKING:
    from ..loop import EventLoop

WIND_DOWN: Final = 1.0
"""Seconds that tasks which outlive the shutdown get to end after they were cancelled, as `asyncio.run` does it."""


def serve(instance: Instance) -> None:
    """Serves its app until the host's shutdown is answered. Never raises."""
    try:
        instance.run()
    except BaseException as error:
        # There is nobody left to tell but the log; the host sees a `run` that returned without an answer.
        print(f"wasgi: the instance ends:\n{describe(error)}", file=sys.stderr)
    finally:
        _wasgi.flush()


class Instance:
    """An app with all that serves it, as soon as there is an app: made at the end of the build, so that an instance
    starts with it, or, in reload mode, by the instance. It speaks to the host in `run` and not before.

    `loop` is the root loop that the build has made: what the app has bound to it there (tasks, queues, locks) is right
    in the instance too."""

    def __init__(self, app: Callable[..., Any], loop: EventLoop) -> None:
        self.over = False
        self.loop = loop
        self.lifespan = Lifespan(app, self.loop, self._started, self._ended)
        self.bridge = _wasgi.Bridge(
            {
                "app": app,
                "loop": self.loop,
                "waits": HUB.waits,
                "receive": receive,
                "send": send,
                "awaiting": awaiting,
                "on_startup": self.lifespan.on_startup,
                "on_shutdown": self.lifespan.on_shutdown,
                "call_variable": CALL,
                "disconnected": ClientDisconnected,
                "describe": describe,
            }
        )

    def run(self) -> None:
        """Until the shutdown is answered, however often an app stops the loop on the way."""
        os._exit = _exit
        HUB.turn = self.bridge.turn
        self.loop.owner = CALL
        self.loop.enter = _wasgi.enter
        while not self.over:
            self.loop.run_forever()
        try:
            self._wind_down()
        except BaseException as error:
            print(f"wasgi: while the instance winds down:\n{describe(error)}", file=sys.stderr)
        _wasgi.shutdown(self.lifespan.failure)

    def _started(self, kind: str, text: str) -> None:
        if kind == COMPLETE:
            self.bridge.use_state(self.lifespan.state)
        _wasgi.startup(kind, text)

    def _ended(self) -> None:
        self.over = True
        self.loop.stop()

    def _wind_down(self) -> None:
        """What `asyncio.run` does at its end: cancels what still runs, lets it end, closes asynchronous generators."""
        tasks = asyncio.all_tasks(self.loop)
        lifespan = self.lifespan.task
        for task in tasks:
            if task is not lifespan:
                task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=WIND_DOWN))
        if self.loop._asyncgens:  # type: ignore[attr-defined]
            self.loop.run_until_complete(asyncio.wait_for(self.loop.shutdown_asyncgens(), WIND_DOWN))


def _exit(status: int) -> NoReturn:
    """`os._exit` of an app: ends the call that said it, as `sys.exit` does, and not its siblings."""
    raise SystemExit(status)
