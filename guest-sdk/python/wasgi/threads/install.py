"""Puts every thread bridge in its place.

Owns: the list of them. The build calls `install` once, before the app and its dependencies are imported: modules that
have bound `threading.Thread` or `get_ident` by then keep what they have.
"""

from __future__ import annotations

from . import aiosqlite, anyio, asgiref, executor, listener, processes, thread, waits
from .hooks import when_imported

_installed = False


def install() -> None:
    """Patches what is imported, and each of the rest when it is. A second call does nothing."""
    global _installed
    if _installed:
        return
    _installed = True
    thread.install()
    waits.install()
    when_imported("concurrent.futures.thread", executor.patch)
    when_imported("concurrent.futures.process", processes.patch_pool)
    when_imported("multiprocessing.process", processes.patch_process)
    when_imported("multiprocessing.pool", processes.patch_pools)
    when_imported("logging.handlers", listener.patch)
    when_imported("anyio._backends._asyncio", anyio.patch)
    when_imported("asgiref.current_thread_executor", asgiref.patch)
    when_imported("aiosqlite.core", aiosqlite.patch)
