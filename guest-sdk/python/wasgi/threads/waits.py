"""Blocking waits of `threading` and `queue` that let the instance go on.

Owns: `threading.Condition.wait`, on which Event, Semaphore, Barrier, `queue.Queue` and `concurrent.futures.Future` stand, and
`queue.SimpleQueue`, which in C would wait for a thread that cannot come. Never: touches a plain `threading.Lock`: one that
somebody further down the stack holds cannot be had, here as little as in any program that deadlocks.
"""

from __future__ import annotations

import queue
import threading
from typing import Any

from ..loop.hub import HUB


def _wait(self: Any, timeout: float | None = None) -> bool:
    """`threading.Condition.wait`: releases the lock, lets everything else run until notified, takes the lock again."""
    if not self._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    waiter = threading.Lock()
    waiter.acquire()
    self._waiters.append(waiter)
    state = self._release_save()
    notified = False
    try:
        # `notify` releases the waiter, and nobody else ever takes it.
        notified = HUB.wait(lambda: not waiter.locked(), timeout)
        return notified
    finally:
        self._acquire_restore(state)
        if not notified and waiter in self._waiters:
            self._waiters.remove(waiter)


def install() -> None:
    """Replaces both."""
    threading.Condition.wait = _wait  # type: ignore[method-assign, assignment]
    queue.SimpleQueue = queue._PySimpleQueue  # type: ignore[attr-defined, misc]
