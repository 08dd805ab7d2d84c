"""The event loop: asyncio's own base class with another inner loop, on `turn` instead of a selector.

Owns: the ready queue, the timers and what runs next. The bridge makes one with its `turn` and calls `run_forever`
and `spawn`; asyncio makes further ones through the policy. Never: knows a file descriptor, a signal, a process or
a thread (`unsupported.py` says so to those who ask), decides who else may run (`hub.py`).
"""

from __future__ import annotations

import asyncio
import heapq
import sys
import threading
import time
from asyncio import base_events, events, format_helpers
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from itertools import count
from typing import Any, Final, TypeVar

from .hub import HUB, Turn
from .unsupported import Unsupported

T = TypeVar("T")

POLL_BUDGET: Final = 64
"""A loop that always has something ready polls its host after so many callbacks; each round counts for
`ROUND_COST` of them. Polling costs as much as several callbacks, and waiting for it costs latency."""
ROUND_COST: Final = 8
MIN_CANCELLED_TIMERS: Final = 100
"""Cancelled timers are swept out of the heap when there are so many and they are more than half of it."""

_get_running_loop = events._get_running_loop  # type: ignore[attr-defined]
_set_running_loop = events._set_running_loop
_heappush = heapq.heappush
_heappop = heapq.heappop
_time = time.monotonic
_new_handle = object.__new__
_CANNOT_ENTER: Final = "cannot enter context"


class _Handle(events.Handle):
    """`events.Handle` as it is outside debug mode. `call_soon` fills it in, without a frame for `__init__`: each
    wake-up makes one."""

    __slots__ = ()


class _Timer(events.TimerHandle):
    """`events.TimerHandle` as it is outside debug mode."""

    __slots__ = ()

    def __init__(self, when: float, callback: Any, args: Any, loop: Any, context: Context | None) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = True


class EventLoop(Unsupported, base_events.BaseEventLoop):
    """An asyncio event loop that waits in `turn`.

    With a `turn` it is the root: the loop of the instance, whose `turn` serves every other loop too, and
    which outlives `SystemExit` in a callback. Without one it shares the root's.
    """

    def __init__(self, turn: Turn | None = None) -> None:
        super().__init__()
        self._hub = HUB
        self._timers: list[tuple[float, int, events.TimerHandle]] = []
        self._count = count()
        self._budget = POLL_BUDGET
        self._exit: BaseException | None = None
        self._root = turn is not None
        self._adopted = False
        # In a snapshot the resolution is that of the build; what matters is only that it is small.
        self._clock_resolution: float = max(self._clock_resolution, 1e-9)
        self.owner: ContextVar[Any] | None = None
        """Set by the bridge together with `enter`: the variable that names the call a context belongs to."""
        self.enter: Callable[[Any], None] | None = None
        """Called with the value of `owner` (None for none) before a callback, when that is not `entered`."""
        self.entered: Any = None
        if turn is not None:
            self._hub.turn = turn
            self._hub.root = self

    # ------------------------------------------------------------------ scheduling

    def time(self) -> float:
        """Seconds on `time.monotonic`, as in asyncio's own loops."""
        return _time()

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> events.Handle:
        """As in asyncio."""
        if self._closed or self._debug:
            self._check_closed()
            self._check_thread()
            self._check_callback(callback, "call_soon")
            checked: events.Handle = self._call_soon(callback, args, context)  # type: ignore[attr-defined]
            if checked._source_traceback:
                del checked._source_traceback[-1]
            return checked
        handle: Any = _new_handle(_Handle)
        handle._context = copy_context() if context is None else context
        handle._loop = self
        handle._callback = callback
        handle._args = args
        handle._cancelled = False
        handle._repr = None
        handle._source_traceback = None
        self._ready.append(handle)
        return handle  # type: ignore[no-any-return]

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Context | None = None) -> events.Handle:
        """`call_soon`: there are no other threads."""
        self._check_closed()
        if self._debug:
            self._check_callback(callback, "call_soon_threadsafe")
        handle = self._call_soon(callback, args, context)  # type: ignore[attr-defined]
        if handle._source_traceback:
            del handle._source_traceback[-1]
        return handle  # type: ignore[no-any-return]

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> events.TimerHandle:
        """As in asyncio."""
        if self._closed or self._debug or delay is None:
            checked = super().call_later(delay, callback, *args, context=context)
            if checked._source_traceback:
                del checked._source_traceback[-1]
            return checked
        when = _time() + delay
        timer = _Timer(when, callback, args, self, context)
        _heappush(self._timers, (when, next(self._count), timer))
        return timer

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> events.TimerHandle:
        """As in asyncio, and timers of the same time run in the order in which they were set."""
        if when is None:
            raise TypeError("when cannot be None")
        self._check_closed()
        if self._debug:
            self._check_thread()
            self._check_callback(callback, "call_at")
        timer = events.TimerHandle(when, callback, args, self, context)
        if timer._source_traceback:
            del timer._source_traceback[-1]
        _heappush(self._timers, (when, next(self._count), timer))
        timer._scheduled = True
        return timer

    def spawn(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, Any, T],
        *,
        context: Context | None = None,
        name: str | None = None,
    ) -> asyncio.Task[T]:
        """Starts a call: its first step runs now, unless too many waits lie on the stack.

        For `turn`, which runs with this loop as the running one and outside any task.
        """
        if not self._hub.waits or self._hub.admits():
            return asyncio.Task(coro, loop=self, name=name, context=context, eager_start=True)  # type: ignore[call-arg]
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._hub.held.append(self._ready.pop())
        self._hub.settle()
        return task

    # ------------------------------------------------------------------ running

    def run_forever(self) -> None:
        """Until `stop()`. Runs inside another loop's frames too, from code that no loop runs in."""
        self._check_closed()
        self._check_running()
        wait = self._hub.enter(self)
        try:
            self._begin()
            try:
                while True:
                    self._run_once()
                    if self._stopping:
                        break
            finally:
                self._end()
        finally:
            self._hub.leave(self, wait)
        if self._exit is not None:
            raised, self._exit = self._exit, None
            raise raised

    def close(self) -> None:
        """As in asyncio. Its timers are gone with it."""
        super().close()
        self._timers.clear()

    def _begin(self) -> None:
        self._set_coroutine_origin_tracking(self._debug)
        self._old_agen_hooks = sys.get_asyncgen_hooks()
        self._thread_id = threading.get_ident()
        self._hook()
        _set_running_loop(self)

    def _end(self) -> None:
        self._stopping = False
        self._thread_id = None
        _set_running_loop(None)
        self._set_coroutine_origin_tracking(False)
        if self._old_agen_hooks is not None:
            sys.set_asyncgen_hooks(*self._old_agen_hooks)
            self._old_agen_hooks = None

    def _hook(self) -> None:
        sys.set_asyncgen_hooks(firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook)

    def _check_running(self) -> None:
        if self.is_running():
            raise RuntimeError("This event loop is already running")
        if _get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")

    def _run_once(self) -> None:
        """One iteration: let the host speak (not in every one while there is work), due timers, the ready queue."""
        ready = self._ready
        if self._hub.busy:
            self._budget = POLL_BUDGET
            self._hub.pump(self, 0 if ready or self._stopping else self._deadline(), self._has_work)
        elif ready or self._stopping:
            self._budget -= ROUND_COST + len(ready)
            if self._budget < 0:
                self._budget = POLL_BUDGET
                self._hub.turn(0)
        else:
            self._budget = POLL_BUDGET
            if self._root:
                self._hub.turn(self._deadline() if self._timers else None)
            else:
                self._hub.take_turn(self._deadline())
                _set_running_loop(self)
        if self._timers:
            self._ring()
        if ready:
            self._run_ready(len(ready))

    def _has_work(self) -> bool:
        return bool(self._ready) or self._stopping

    def _run_outer(self) -> int | None:
        """One iteration without a turn, from below: the loop waits in a frame further down, or was adopted.

        Returns when it wants the next one, in nanoseconds.
        """
        if self._stopping:
            return 0
        if self._timers:
            self._ring()
        if self._ready:
            hooks = sys.get_asyncgen_hooks()
            self._hook()
            _set_running_loop(self)
            try:
                self._run_ready(len(self._ready))
            except (SystemExit, KeyboardInterrupt) as raised:
                # It belongs to the frames of this loop, not to those on top of them.
                self._exit = raised
                self._stopping = True
            finally:
                _set_running_loop(None)
                sys.set_asyncgen_hooks(*hooks)
        if self._ready or self._stopping:
            return 0
        return self._deadline()

    def _deadline(self) -> int | None:
        """When the next timer is due, without cancelled ones at the head."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            self._timer_cancelled_count -= 1
            _heappop(timers)[2]._scheduled = False
        return int(timers[0][0] * 1e9) + 1 if timers else None

    def _ring(self) -> None:
        """Moves due timers to the ready queue."""
        timers = self._timers
        if self._timer_cancelled_count > MIN_CANCELLED_TIMERS and self._timer_cancelled_count * 2 > len(timers):
            for entry in timers:
                if entry[2]._cancelled:
                    entry[2]._scheduled = False
            timers[:] = [entry for entry in timers if not entry[2]._cancelled]
            heapq.heapify(timers)
            self._timer_cancelled_count = 0
        now = _time() + self._clock_resolution
        while timers and timers[0][0] < now:
            timer = _heappop(timers)[2]
            timer._scheduled = False
            if timer._cancelled:
                self._timer_cancelled_count -= 1
            else:
                self._ready.append(timer)

    def _run_ready(self, todo: int) -> None:
        """Runs the `todo` oldest callbacks. A wait inside one of them may run the rest, and more."""
        ready = self._ready
        if self._debug:
            self._run_ready_slowly(todo)
            return
        owner, enter = self.owner, self.enter
        while todo and ready:
            todo -= 1
            handle = ready.popleft()
            if handle._cancelled:
                continue
            if owner is not None and enter is not None:
                call = handle._context.get(owner)
                if call is not self.entered:
                    self.entered = call
                    enter(call)
            try:
                handle._context.run(handle._callback, *handle._args)
            except BaseException as raised:
                self._failed(handle, raised)
        # The traceback of a task that failed holds this frame, and the frame the task, through its handle.
        handle = None

    def _run_ready_slowly(self, todo: int) -> None:
        ready = self._ready
        while todo and ready:
            todo -= 1
            handle = ready.popleft()
            if handle._cancelled:
                continue
            before = self._current_handle
            self._current_handle = handle
            started = _time()
            try:
                handle._context.run(handle._callback, *handle._args)
            except BaseException as raised:
                self._failed(handle, raised)
            finally:
                self._current_handle = before
            took = _time() - started
            if took >= self.slow_callback_duration:
                base_events.logger.warning(
                    "Executing %s took %.3f seconds",
                    base_events._format_handle(handle),  # type: ignore[attr-defined]
                    took,
                )
        handle = None

    def _failed(self, handle: Any, raised: BaseException) -> None:
        """What a callback raised goes to the exception handler; an exit ends the loop, unless it is the root."""
        if isinstance(raised, RuntimeError) and self._hub.busy and handle._callback is not None:
            trace = raised.__traceback__
            if str(raised).startswith(_CANNOT_ENTER) and trace is not None and trace.tb_next is None:
                # A frame further down has entered this context and waits for what we run here.
                try:
                    handle._context.copy().run(handle._callback, *handle._args)
                    return
                except BaseException as again:
                    raised = again
        if isinstance(raised, (SystemExit, KeyboardInterrupt)) and not self._root:
            raise raised
        if handle._callback is None:
            source = "<cancelled>"
        else:
            source = format_helpers._format_callback_source(  # type: ignore[call-arg]
                handle._callback, handle._args, **({"debug": self._debug} if sys.version_info >= (3, 13) else {})
            )
        context = {"message": f"Exception in callback {source}", "exception": raised, "handle": handle}
        if isinstance(raised, (SystemExit, KeyboardInterrupt)):
            context["message"] = f"{type(raised).__name__} in callback {source}: the instance goes on"
        if handle._source_traceback:
            context["source_traceback"] = handle._source_traceback
        self.call_exception_handler(context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As in asyncio, except that an exit which has ended a task is told once, by whoever it has reached."""
        if "future" in context and isinstance(context.get("exception"), (SystemExit, KeyboardInterrupt)):
            return
        super().call_exception_handler(context)

    # ------------------------------------------------------------------ for threads

    def adopt(self) -> bool:
        """Runs without a frame of its own, as `Thread(target=loop.run_forever)` would; False if it cannot."""
        if self._closed or self.is_running():
            return False
        self._adopted = True
        self._thread_id = threading.get_ident()
        self._hub.running.append(self)
        self._hub.settle()
        return True

    def stop(self) -> None:
        """As in asyncio."""
        if self._adopted:
            self._adopted = False
            self._thread_id = None
            self._hub.leave(self, None)
            return
        super().stop()

    def _inline_executor(self, executor: Any) -> bool:
        return executor is None and self._default_executor is None

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """As in asyncio. Without an executor `func` runs on this stack in one of the next iterations."""
        self._check_closed()
        if self._debug:
            self._check_callback(func, "run_in_executor")
        if not self._inline_executor(executor):
            return super().run_in_executor(executor, func, *args)  # type: ignore[return-value]
        self._check_default_executor()  # type: ignore[attr-defined]
        from ..threads import run_job  # it needs this module to be there first

        future: asyncio.Future[T] = self.create_future()
        self.call_soon(run_job, future, func, args, context=Context())
        return future
