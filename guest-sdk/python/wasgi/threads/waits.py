"""Blocking waits of `threading` and `queue` that let the instance go on.

Owns: `threading.Lock`, `threading.Condition.wait`, on which Event, Semaphore, Barrier, `queue.Queue` and
`concurrent.futures.Future` stand, and `queue.SimpleQueue`. Their originals would wait for a thread that cannot
come, and the interpreter ends the instance for it. Never: touches RLock: everything here is one thread to it, so it
is never taken.
"""

from __future__ import annotations

import _thread
import queue
import threading
from typing import Any

from ..loop.hub import HUB

_allocate = _thread.allocate_lock


class Lock:
    """`threading.Lock` whose blocking `acquire` lets everything else run until somebody releases it.

    Who holds it may lie further down the stack and then cannot go on before this `acquire` ends: the two wait for
    ever, as in any program that waits while it holds a lock that others need. The hub says so in the log.
    """

    __slots__ = ("__weakref__", "_lock", "locked", "release")

    def __init__(self) -> None:
        self._lock = _allocate()
        self.release = self._lock.release
        self.locked = self._lock.locked

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As in `threading`."""
        if timeout != -1:
            if not blocking:
                raise ValueError("can't specify a timeout for a non-blocking call")
            if timeout < 0:
                raise ValueError("timeout value must be a non-negative number")
            if timeout > threading.TIMEOUT_MAX:
                raise OverflowError("timestamp out of range for platform time_t")
        if self._lock.acquire(False):
            return True
        if not blocking or not HUB.wait(lambda: not self.locked(), None if timeout == -1 else timeout):
            return False
        return self._lock.acquire(False)

    def __enter__(self) -> bool:
        return self._lock.acquire(False) or self.acquire()

    def __exit__(self, *raised: object) -> None:
        self.release()

    def __repr__(self) -> str:
        state = "locked" if self.locked() else "unlocked"
        return f"<{state} {type(self).__module__}.{type(self).__qualname__} object at {id(self):#x}>"

    def _at_fork_reinit(self) -> None:
        self.__init__()  # type: ignore[misc]


def _wait(self: Any, timeout: float | None = None) -> bool:
    """`threading.Condition.wait`: releases the lock, lets everything else run until notified, takes the lock again."""
    if not self._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    waiter = _allocate()
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
    """Replaces all three."""
    threading.Lock = Lock  # type: ignore[misc, assignment]
    threading.Condition.wait = _wait  # type: ignore[method-assign, assignment]
    queue.SimpleQueue = queue._PySimpleQueue  # type: ignore[attr-defined, misc]
