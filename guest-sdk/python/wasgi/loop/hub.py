"""Who waits, and who gets to run meanwhile.

Owns: the one `turn` of the process, the loops that run (outermost first), the frames that wait, and jobs
that threads would have done. Called by `EventLoop` once per iteration when more than one of these exists, and by
`wasgi.threads` whenever sync code would block. Never: looks into an event, starts a thread.

There is one stack. A wait inside Python frames (`asyncio.run` in a sync view, `Future.result()`,
`Condition.wait`) lets everything below it go on, so waits end last in, first out. Two rules keep that fair: no new
call starts while a wait further down could already end, and none starts above `CALLS_DEPTH` waits.
"""

from __future__ import annotations

import logging
import sys
import time
from asyncio import events, tasks
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .event_loop import EventLoop

type Turn = Callable[[int | None], None]
"""Hands over what was said, waits until something happened or the deadline passed (nanoseconds on
`time.monotonic_ns`, None for ever, a past one to poll), and dispatches what came."""

T = TypeVar("T")

CALLS_DEPTH: Final = 8
"""So many waits may lie on the stack and a new call still starts."""
JOBS_DEPTH: Final = 32
"""So many waits may lie on the stack and a queued job still starts."""
STUCK_NS: Final = 2_000_000_000
"""A wait that could end and lies below one that does not for so long is reported."""
WAITS_DEPTH: Final = 48
"""So many waits may lie on the stack; a further one raises RuntimeError."""

_get_running_loop = events._get_running_loop  # type: ignore[attr-defined]
_set_running_loop = events._set_running_loop
_swap_task: Callable[[Any, Any], Any] = tasks._swap_current_task  # type: ignore[attr-defined]
_monotonic_ns = time.monotonic_ns
_log = logging.getLogger("wasgi")


def _swap_task_3_12(loop: Any, task: Any) -> Any:
    """`_swap_current_task`, which in some 3.12 raises KeyError when None replaces None."""
    if task is None and tasks.current_task(loop) is None:
        return None
    return _swap_task(loop, task)


_swap_current_task = _swap_task if sys.version_info >= (3, 13) else _swap_task_3_12


def idle_turn(deadline: int | None) -> None:
    """The turn of a process without a host, as at build time: only timers can happen."""
    if deadline is None:
        raise RuntimeError(
            "this wait can never end: nothing is ready, no timer is set, and there is no host to wait for "
            "(at build time no request, no other thread and no network can wake it)"
        )
    left = deadline - _monotonic_ns()
    if left > 0:
        time.sleep(left / 1e9)


class Wait:
    """A frame on the stack that waits: a running loop below another one, or sync code."""

    __slots__ = ("ready",)

    def __init__(self, ready: Callable[[], bool]) -> None:
        self.ready = ready


class Hub:
    """What the loops and the waits of one process share."""

    def __init__(self) -> None:
        self.turn: Turn = idle_turn
        """Called with the root loop as the running one and with no current task."""
        self.root: EventLoop | None = None
        """The loop that owns `turn`."""
        self.running: list[EventLoop] = []
        """Loops inside `run_forever`, outermost first, and adopted ones."""
        self.waits: list[Wait] = []
        """Frames that wait, innermost last."""
        self.jobs: deque[Callable[[], None]] = deque()
        """What threads would be doing, oldest first."""
        self.held: deque[events.Handle] = deque()
        """First steps of calls that may not start yet."""
        self.busy = False
        """False while one loop runs alone and nothing is queued: the loop then needs no `pump`."""
        self.stuck_since: int | None = None
        """Since when a wait could end that lies below another one; 0 after it was reported."""
        self.ident: int | None = None
        """The identity of the thread that the running frame stands for; None for the real one."""

    # ------------------------------------------------------------------ who runs

    def settle(self) -> None:
        """Computes `busy` again. Everybody who changes one of the queues calls it."""
        self.busy = bool(self.jobs or self.held or self.waits or len(self.running) > 1)

    def enter(self, loop: EventLoop) -> Wait | None:
        """`loop.run_forever` begins."""
        wait = None
        if self.running or self.waits:
            wait = self._push(lambda: loop._stopping)
        self.running.append(loop)
        self.settle()
        return wait

    def leave(self, loop: EventLoop, wait: Wait | None) -> None:
        """`loop.run_forever` ends."""
        if loop in self.running:
            self.running.remove(loop)
        if wait is not None:
            self.waits.remove(wait)
        self.settle()

    def add_job(self, job: Callable[[], None]) -> None:
        """Queues what a thread would do. It runs when a loop is idle or something waits."""
        self.jobs.append(job)
        self.busy = True
        loop = _get_running_loop()
        if loop is not None and loop not in self.running:
            # A loop of another kind: it would never come here.
            loop.call_soon_threadsafe(self._run_job)

    def _run_job(self) -> None:
        if self.jobs:
            self.jobs.popleft()()
            self.settle()

    def admits(self) -> bool:
        """Whether a new call may start on top of the stack."""
        waits = self.waits
        return len(waits) < CALLS_DEPTH and not any(wait.ready() for wait in waits)

    def _push(self, ready: Callable[[], bool]) -> Wait:
        if len(self.waits) >= WAITS_DEPTH:
            raise RuntimeError(
                f"more than {WAITS_DEPTH} waits inside each other: sync code that waits (asyncio.run, Future.result, "
                "Event.wait …) keeps its frames on the instance's one stack; make these handlers async"
            )
        wait = Wait(ready)
        self.waits.append(wait)
        self.busy = True
        return wait

    # ------------------------------------------------------------------ sync code

    @contextmanager
    def detached(self, ident: int | None) -> Iterator[None]:
        """Inside, no loop runs and no task is current, as in the thread `ident`."""
        loop = _get_running_loop()
        task = None
        if loop is not None:
            task = _swap_current_task(loop, None)
            _set_running_loop(None)
        before = self.ident
        self.ident = ident
        try:
            yield
        finally:
            self.ident = before
            _set_running_loop(loop)
            if task is not None:
                _swap_current_task(loop, task)

    def run_detached(self, ident: int | None, func: Callable[..., T], *args: Any) -> T:
        """`func(*args)` under `detached`, without the cost of a context manager."""
        loop = _get_running_loop()
        task = None
        if loop is not None:
            task = _swap_current_task(loop, None)
            _set_running_loop(None)
        before = self.ident
        self.ident = ident
        try:
            return func(*args)
        finally:
            self.ident = before
            _set_running_loop(loop)
            if task is not None:
                _swap_current_task(loop, task)

    def wait(self, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Lets everything else run until `ready()`, which must be cheap and change nothing.

        False when `timeout` seconds have passed first. For sync code that would block its thread.
        """
        if ready():
            return True
        if timeout is not None and timeout <= 0:
            return False
        deadline = None if timeout is None else _monotonic_ns() + int(timeout * 1e9)
        with self.detached(self.ident):
            wait = self._push(ready)
            try:
                while not ready():
                    if deadline is not None and _monotonic_ns() >= deadline:
                        return False
                    self.pump(None, deadline, ready)
                return True
            finally:
                self.waits.remove(wait)
                self.settle()

    # ------------------------------------------------------------------ one round

    def pump(self, inner: EventLoop | None, deadline: int | None, ready: Callable[[], bool]) -> None:
        """One round of everything that is not `inner`: other loops, a job, held calls, then a turn.

        Called with `inner` as the running loop (None for sync code) and no current task.
        """
        _set_running_loop(None)
        ident = self.ident
        self.ident = None
        try:
            for loop in tuple(self.running):
                if loop is not inner:
                    due = loop._run_outer()
                    if due is not None and (deadline is None or due < deadline):
                        deadline = due
            if self.held and self.root is not None and self.admits():
                self.root._ready.append(self.held.popleft())
                deadline = 0
            if self.jobs and len(self.waits) <= JOBS_DEPTH:
                self.jobs.popleft()()
                deadline = 0
            self.settle()
            if ready():
                if inner is None:
                    return
                deadline = 0
            if len(self.waits) > 1:
                deadline = self._watch(deadline)
            self.take_turn(deadline)
        finally:
            self.ident = ident
            _set_running_loop(inner)

    def _watch(self, deadline: int | None) -> int | None:
        """Reports a wait that is kept from ending. Returns when to look again."""
        if not any(wait.ready() for wait in self.waits[:-1]):
            self.stuck_since = None
            return deadline
        if self.stuck_since == 0:
            return deadline
        now = _monotonic_ns()
        if self.stuck_since is None:
            self.stuck_since = now
        due = self.stuck_since + STUCK_NS
        if now >= due:
            self.stuck_since = 0
            _log.warning(
                "sync code that waits could go on, but %d waits on top of it have not ended for %d s: waits of an "
                "instance end last in, first out, so two that need each other never do; make one of them async",
                len(self.waits) - 1,
                STUCK_NS // 1_000_000_000,
            )
            return deadline
        return due if deadline is None or due < deadline else deadline

    def take_turn(self, deadline: int | None) -> None:
        """`turn` as it expects to be called. Nothing runs before and after."""
        root = self.root
        if root is not None and root in self.running:
            _set_running_loop(root)
        try:
            self.turn(deadline)
        finally:
            _set_running_loop(None)


HUB: Final = Hub()
"""The hub of this process. A process has one stack, so it has one hub."""
