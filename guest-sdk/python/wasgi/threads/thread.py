"""`threading.Thread` without threads.

Owns: `start`, `join` and `is_alive`. `start` queues the thread; it runs as a job when a loop is idle, when
something waits, or at once when somebody joins it. So a thread that works and ends does what it did, and one that
loops for ever and waits in its loop (a queue, an event) lies at the bottom of the stack while the instance goes on
above it. Two of those cannot both go on, and one that loops without waiting stops its instance. A thread that is
only `loop.run_forever` needs no frame.
"""

from __future__ import annotations

import sys
import threading
from contextvars import Context, copy_context
from typing import Any

from ..loop.event_loop import EventLoop
from ..loop.hub import HUB
from .inline import notice, run_inline


class _State:
    """What became of a started thread."""

    __slots__ = ("begun", "done", "loop")

    def __init__(self) -> None:
        self.begun = False
        self.done = False
        self.loop: EventLoop | None = None


def _start(self: Any) -> None:
    """`Thread.start`."""
    if not self._initialized:
        raise RuntimeError("thread.__init__() not called")
    if self._started.is_set():
        raise RuntimeError("threads can only be started once")
    notice(f"thread {self.name!r}")
    self._wasgi = _State()
    if getattr(self, "_context", None) is None:
        inherit = getattr(sys.flags, "thread_inherit_context", False)
        self._context = copy_context() if inherit else Context()
    self._started.set()
    HUB.add_job(lambda: _run(self))


def _run(thread: Any) -> None:
    state: _State = thread._wasgi
    if state.begun:
        return
    state.begun = True
    loop = _loop_of(thread)
    if loop is not None and loop.adopt():
        state.loop = loop
        return
    if type(thread).run is threading.Timer.run and _later(thread, state):
        return
    run_inline(_body, thread, state)


def _body(thread: Any, state: _State) -> None:
    ident = threading.get_ident()
    thread._ident = ident
    before = threading._active.get(ident)  # type: ignore[attr-defined]
    threading._active[ident] = thread  # type: ignore[attr-defined]
    try:
        thread._context.run(thread.run)
    except BaseException:
        # threading.excepthook: it is silent about SystemExit and prints the rest.
        thread._invoke_excepthook(thread)
    finally:
        state.done = True
        if before is None:
            threading._active.pop(ident, None)  # type: ignore[attr-defined]
        else:
            threading._active[ident] = before  # type: ignore[attr-defined]


def _loop_of(thread: Any) -> EventLoop | None:
    """The loop of a thread that does nothing but `loop.run_forever()`."""
    if type(thread).run is not threading.Thread.run:
        return None
    target = thread._target
    loop = getattr(target, "__self__", None)
    if isinstance(loop, EventLoop) and getattr(target, "__func__", None) is EventLoop.run_forever:
        return loop
    return None


def _later(thread: Any, state: _State) -> bool:
    """A `threading.Timer` is a timer of the root loop, so that it does not wait on the stack."""
    root = HUB.root
    if root is None or not root.is_running():
        return False

    def ring() -> None:
        if not thread.finished.is_set():
            thread.interval = 0
            run_inline(_body, thread, state)
        state.done = True

    root.call_later(thread.interval, ring, context=Context())
    return True


def _finished(thread: Any) -> bool:
    state: _State = thread._wasgi
    if state.loop is not None:
        return not state.loop.is_running()
    if isinstance(thread, threading.Timer) and thread.finished.is_set() and state.begun:
        return True
    return state.done


def _join(self: Any, timeout: float | None = None) -> None:
    """`Thread.join`: runs the thread now if it has not begun, else waits for it."""
    if not self._initialized:
        raise RuntimeError("Thread.__init__() not called")
    if not self._started.is_set():
        raise RuntimeError("cannot join thread before it is started")
    if self is threading.current_thread():
        raise RuntimeError("cannot join current thread")
    if not hasattr(self, "_wasgi"):
        return
    if not self._wasgi.begun:
        _run(self)
    HUB.wait(lambda: _finished(self), timeout)


def _is_alive(self: Any) -> bool:
    """`Thread.is_alive`."""
    assert self._initialized, "Thread.__init__() not called"
    if not self._started.is_set():
        return False
    return not hasattr(self, "_wasgi") or not _finished(self)


def _repr(self: Any) -> str:
    """`repr(thread)`: asks `is_alive`, not the thread's handle of the operating system."""
    status = "initial"
    if self._started.is_set():
        status = "started" if self.is_alive() else "stopped"
    if self._daemonic:
        status += " daemon"
    if self._ident is not None:
        status += f" {self._ident}"
    return f"<{type(self).__name__}({self._name}, {status})>"


def install() -> None:
    """Replaces the methods and the identity of threads."""
    from . import inline

    threading.get_ident = inline.get_ident
    thread: Any = threading.Thread
    thread.start = _start
    thread.join = _join
    thread.is_alive = _is_alive
    thread.__repr__ = _repr
