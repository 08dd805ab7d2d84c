"""anyio's worker threads, and so Starlette's `run_in_threadpool` and FastAPI's `def` endpoints.

Owns: the one method of anyio's asyncio backend through which all of them go (anyio 4: a class method, anyio 3: a
function). The caller awaits the result in any case, so the function runs at once in its coroutine: no queue, no
wake-up. `anyio.from_thread` and its portals need nothing here: they wait for a future, and waits let the loop go
on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from types import ModuleType
from typing import Any, Final

from .hooks import expect
from .inline import notice, run_inline

YIELD_EVERY: Final = 16
"""A task that calls only such functions lets others run after so many. A power of two."""

_calls = 0


def _turn_is_due() -> bool:
    global _calls
    _calls = (_calls + 1) & (YIELD_EVERY - 1)
    return _calls == 0


def patch(module: ModuleType) -> None:
    """For `anyio._backends._asyncio`."""
    expect(module, "claim_worker_thread", "threadlocals", "_task_states")
    if hasattr(module, "AsyncIOBackend"):
        _patch_4(module)
    else:
        _patch_3(module)


def _patch_4(module: Any) -> None:
    backend = module.AsyncIOBackend
    expect(backend, "run_sync_in_worker_thread", "checkpoint", "checkpoint_if_cancelled")

    def claim(loop: asyncio.AbstractEventLoop) -> Any:
        return module.claim_worker_thread(backend, loop)

    run = _runner(module, claim)

    async def run_sync_in_worker_thread(
        cls: Any, func: Callable[..., Any], args: tuple[Any, ...], abandon_on_cancel: bool = False, limiter: Any = None
    ) -> Any:
        if _turn_is_due():
            await cls.checkpoint()
        else:
            await cls.checkpoint_if_cancelled()
        if limiter is None:
            return run(func, args)
        async with limiter:
            return run(func, args)

    backend.run_sync_in_worker_thread = classmethod(run_sync_in_worker_thread)


def _patch_3(module: Any) -> None:
    expect(module, "run_sync_in_worker_thread", "checkpoint", "checkpoint_if_cancelled")

    @contextmanager
    def claim(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        with module.claim_worker_thread("asyncio"):
            module.threadlocals.loop = loop
            yield

    run = _runner(module, claim)

    async def run_sync_in_worker_thread(
        func: Callable[..., Any], *args: Any, cancellable: bool = False, limiter: Any = None
    ) -> Any:
        if _turn_is_due():
            await module.checkpoint()
        else:
            await module.checkpoint_if_cancelled()
        if limiter is None:
            return run(func, args)
        async with limiter:
            return run(func, args)

    module.run_sync_in_worker_thread = run_sync_in_worker_thread


def _runner(module: Any, claim: Callable[[asyncio.AbstractEventLoop], Any]) -> Callable[..., Any]:
    """What both versions do once it is the function's turn."""
    storage: dict[str, Any] = module.threadlocals.__dict__
    states = module._task_states
    library = getattr(sys.modules.get("sniffio"), "current_async_library_cvar", None)
    worker: dict[str, Any] = {}
    worker_of: asyncio.AbstractEventLoop | None = None

    def run(func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        nonlocal worker, worker_of
        notice("anyio.to_thread.run_sync")
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        state = states.get(task)
        before = storage.copy()
        if worker_of is not loop:
            # What anyio puts into a worker's thread-local storage is the same for each call of a loop.
            storage.clear()
            with claim(loop):
                worker = storage.copy()
            worker_of = loop
        context = copy_context()
        if library is not None:
            context.run(library.set, None)
        storage.clear()
        storage.update(worker)
        storage["current_cancel_scope"] = None if state is None else state.cancel_scope
        try:
            return run_inline(context.run, func, *args)
        except StopIteration as raised:
            raise RuntimeError("coroutine raised StopIteration") from raised
        finally:
            storage.clear()
            storage.update(before)

    return run
