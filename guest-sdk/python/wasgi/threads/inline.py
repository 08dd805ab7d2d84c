"""Runs a function as if a worker thread did.

Owns: the identities of such threads and the one warning. Every bridge of this package ends here. While the function
runs no event loop is running and no task is current, `threading.get_ident` and `current_thread` name a worker, and
at the end all of it is as before. Never: patches anything.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from ..loop.hub import HUB

T = TypeVar("T")

FIRST_IDENT: Final = 1 << 20
"""Identities of workers start here: one for each depth of the stack, as a pool would reuse its threads."""

_log = logging.getLogger("wasgi")
_real_get_ident = threading.get_ident
_workers: list[threading.Thread] = []
_told = False
_depth = 0


def get_ident() -> int:
    """`threading.get_ident`: the thread that the running frame stands for."""
    ident = HUB.ident
    return _real_get_ident() if ident is None else ident


def notice(what: str) -> None:
    """Says once per process that there are no threads, naming who asked first."""
    global _told
    if not _told:
        _told = True
        _log.warning(
            "%s runs inline: an instance has no threads, so a function that computes or blocks stops the other "
            "calls of its instance for so long (further uses are not reported)",
            what,
        )


def run_inline[T](func: Callable[..., T], *args: Any) -> T:
    """`func(*args)` as a worker thread would run it. What it raises comes out."""
    global _depth
    if _depth >= len(_workers):
        _workers.append(_make_worker(_depth))
    ident = FIRST_IDENT + _depth
    _depth += 1
    try:
        return HUB.run_detached(ident, func, *args)
    finally:
        _depth -= 1


def run_job[T](future: asyncio.Future[T], func: Callable[..., T], args: tuple[Any, ...]) -> None:
    """`loop.run_in_executor` without an executor: runs `func`, unless the future was cancelled before."""
    if future.cancelled():
        return
    notice("run_in_executor")
    try:
        result = run_inline(func, *args)
    except StopIteration as raised:
        # A future cannot hold it, and a coroutine could not raise it.
        error = RuntimeError("function raised StopIteration")
        error.__cause__ = raised
        if not future.done():
            future.set_exception(error)
    except concurrent.futures.CancelledError as raised:
        # Something that it waited for was cancelled. A future of asyncio has its own word for that.
        if not future.done():
            future.set_exception(asyncio.CancelledError(*raised.args))
    except BaseException as raised:
        if not future.done():
            future.set_exception(raised)
    else:
        if not future.done():
            future.set_result(result)


def _make_worker(depth: int) -> threading.Thread:
    """A thread object that never starts, for `threading.current_thread()`."""
    worker = threading.Thread(name=f"wasgi-inline-{depth}", daemon=True)
    worker._ident = FIRST_IDENT + depth  # type: ignore[attr-defined]
    worker._started.set()  # type: ignore[attr-defined]
    threading._active[FIRST_IDENT + depth] = worker  # type: ignore[attr-defined]
    return worker
