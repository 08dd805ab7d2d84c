"""asgiref's way back into the thread that waits: `sync_to_async` inside `async_to_sync`.

Owns: `CurrentThreadExecutor.submit`. That executor's thread waits in a frame further down the one stack; it could
take the work only after everything above it has ended, some of which waits for this very work. So the function runs
at once, under the identity of that thread. The rest of asgiref stands on `ThreadPoolExecutor` and `Condition` and
needs nothing. Never: runs work for an executor that has quit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import ModuleType
from typing import Any

from ..loop.hub import HUB
from .hooks import expect


def patch(module: ModuleType) -> None:
    """For `asgiref.current_thread_executor`."""
    executor: Any = module.CurrentThreadExecutor
    expect(executor, "submit", "run_until_future")
    original: Callable[..., Future[Any]] = executor.submit

    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        waiting = self
        while waiting is not None and waiting._broken:
            waiting = getattr(waiting, "_old_executor", None)
        if waiting is None or threading.current_thread() is self._work_thread:
            # It knows best what to say.
            return original(self, fn, *args, **kwargs)
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        thread = waiting._work_thread
        ident = None if thread is threading.main_thread() else thread.ident
        try:
            result = HUB.run_detached(ident, lambda: fn(*args, **kwargs))
        except BaseException as raised:
            future.set_exception(raised)
        else:
            future.set_result(result)
        return future

    executor.submit = submit
