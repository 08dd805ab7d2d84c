"""aiosqlite's thread, of which every connection has one.

Owns: the queue that a connection puts its functions into, replaced by one that runs them at once. The connection's
thread is never started. Never: touches what the functions do, or aiosqlite's order of them.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from .hooks import expect
from .inline import notice, run_inline


class _InlineQueue:
    """Takes `(future, function)` as aiosqlite's worker would, and whatever tells that worker to stop."""

    def put_nowait(self, item: Any) -> None:
        """Runs the function and settles the future."""
        if not isinstance(item, tuple):
            return
        future, function = item
        notice("aiosqlite")
        try:
            result = run_inline(function)
        except BaseException as raised:
            if future is not None and not future.done():
                future.set_exception(raised)
        else:
            if future is not None and not future.done():
                future.set_result(result)

    def empty(self) -> bool:
        """Always."""
        return True


class _NoThread:
    """Stands where newer versions keep their thread."""

    daemon = True

    def start(self) -> None:
        """Does nothing: functions run when they are put."""

    def join(self, timeout: float | None = None) -> None:
        """Does nothing."""

    def is_alive(self) -> bool:
        """Never."""
        return False


def patch(module: ModuleType) -> None:
    """For `aiosqlite.core`."""
    connection: Any = module.Connection
    expect(connection, "__init__", "_execute", "_connect")
    original: Callable[..., None] = connection.__init__

    def initialize(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        expect(self, "_tx")
        self._tx = _InlineQueue()
        if hasattr(self, "_thread"):
            self._thread = _NoThread()

    connection.__init__ = initialize
    if hasattr(module, "Thread") and issubclass(connection, module.Thread):
        connection.start = lambda self: self._started.set()
        connection.join = lambda self, timeout=None: None
        connection.is_alive = lambda self: False
