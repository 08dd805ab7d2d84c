"""`concurrent.futures.ThreadPoolExecutor` without threads.

Owns: `submit` and `shutdown` of the class, in place, so that subclasses and instances made by libraries work. A
submitted function is queued; it runs when a loop is idle, when something waits, or at once when somebody asks for
its result. `max_workers` holds: of an executor with one worker never do two functions interleave, which is what
asgiref's thread-sensitive mode and Django's database connections rely on. Never: drops a function that was
accepted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from types import ModuleType
from typing import Any

from ..loop.hub import HUB
from .hooks import expect
from .inline import notice, run_inline


class _Work:
    """Lives on an executor as `_wasgi`: what is queued, and how much of it runs."""

    __slots__ = ("context", "queue", "ready", "running")

    def __init__(self) -> None:
        self.queue: deque[_Item] = deque()
        self.running = 0
        self.ready = False
        self.context: Any = None


class _Item:
    __slots__ = ("args", "func", "future", "kwargs")

    def __init__(self, future: Future[Any], func: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.future = future
        self.func = func
        self.args = args
        self.kwargs = kwargs


class InlineFuture(Future[Any]):
    """A future whose function is run by whoever asks first."""

    _executor: Any = None

    def result(self, timeout: float | None = None) -> Any:
        """As in `concurrent.futures`."""
        self._hurry()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As in `concurrent.futures`."""
        self._hurry()
        return super().exception(timeout)

    def _hurry(self) -> None:
        """Runs what was submitted before this and this, as far as the executor has workers for it."""
        executor = self._executor
        while executor is not None and not self.done() and _run_next(executor):
            pass


def _work(executor: Any) -> _Work:
    work: _Work | None = executor.__dict__.get("_wasgi")
    if work is None:
        work = executor._wasgi = _Work()
    return work


def _submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    """`Executor.submit`."""
    if self._broken:
        raise getattr(self, "BROKEN", _broken_error())(self._broken)
    if self._shutdown:
        raise RuntimeError("cannot schedule new futures after shutdown")
    notice("ThreadPoolExecutor")
    future = InlineFuture()
    future._executor = self
    _work(self).queue.append(_Item(future, fn, args, kwargs))
    HUB.add_job(lambda: _run_next(self))
    return future


def _run_next(executor: Any) -> bool:
    """Runs the oldest function, if there is one and a worker is free."""
    work = _work(executor)
    while work.queue and work.running < executor._max_workers:
        item = work.queue.popleft()
        if not item.future.set_running_or_notify_cancel():
            continue
        work.running += 1
        try:
            run_inline(_run_item, executor, work, item)
        finally:
            work.running -= 1
            item.future._executor = None  # type: ignore[attr-defined]
            if work.queue:
                HUB.add_job(lambda: _run_next(executor))
        return True
    return False


def _run_item(executor: Any, work: _Work, item: _Item) -> None:
    if not work.ready:
        try:
            _initialize(executor, work)
        except BaseException:
            import concurrent.futures.thread as thread

            thread._base.LOGGER.critical("Exception in initializer:", exc_info=True)  # type: ignore[attr-defined]
            executor._broken = "A thread initializer failed, the thread pool is not usable anymore"
            failed = [item.future, *(other.future for other in work.queue)]
            work.queue.clear()
            for future in failed:
                future.set_exception(_broken_error()(executor._broken))
            return
        work.ready = True
    try:
        if work.context is None:
            result = item.func(*item.args, **item.kwargs)
        else:
            result = work.context.run(executor._resolve_work_item_task(item.func, item.args, item.kwargs))
    except BaseException as raised:
        item.future.set_exception(raised)
    else:
        item.future.set_result(result)


def _initialize(executor: Any, work: _Work) -> None:
    """The pool's initializer: once, because there is one thread, whatever it is called."""
    create = getattr(executor, "_create_worker_context", None)
    if create is not None:
        work.context = create()
        work.context.initialize()
    elif executor._initializer is not None:
        executor._initializer(*executor._initargs)


def _shutdown(self: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
    """`Executor.shutdown`."""
    self._shutdown = True
    work = _work(self)
    if cancel_futures:
        for item in work.queue:
            item.future.cancel()
        work.queue.clear()
    if wait:
        while _run_next(self):
            pass
        HUB.wait(lambda: not work.queue and not work.running)


def _broken_error() -> Any:
    import concurrent.futures.thread as thread

    return thread.BrokenThreadPool


def patch(module: ModuleType) -> None:
    """For `concurrent.futures.thread`."""
    executor: Any = module.ThreadPoolExecutor
    expect(executor, "submit", "shutdown")
    expect(module, "BrokenThreadPool")
    executor.submit = _submit
    executor.shutdown = _shutdown
