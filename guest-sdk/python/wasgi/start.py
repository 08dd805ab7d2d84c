"""What happens when an instance starts from the snapshot: the entry calls `run`, once, and it never raises.

It puts right what the snapshot cannot hold (folders, environment, random state), imports the app in
reload mode, and hands over to the bridge. It knows nothing of ASGI but the one app that says why there is none.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from wasgi.build import HOME, Built, load, snapshot
from wasgi.build.report import BuildFailure, Progress, Report, bounded

__all__ = ["run"]

App = Callable[..., Any]
BUILD_ONLY = frozenset({"/world", "/bundled"})


def run(built: Built, borrows: int) -> int:
    """Runs the instance until it has been shut down, then returns the export's result to the runtime."""
    import componentize_py_runtime  # type: ignore[import-not-found]

    # The runtime leaves a loop of its own there.
    asyncio._set_running_loop(None)
    _serve(built)
    componentize_py_runtime.call_task_return(0, borrows, None)
    return 0


def _serve(built: Built) -> None:
    """An exception that left the export would trap, and take its reason along."""
    try:
        _renew(built)
        import wasgi.bridge

        instance = built.instance
        if instance is None:
            instance = wasgi.bridge.Instance(_imported(built), built.loop)
        wasgi.bridge.serve(instance)
    except BaseException:  # the entry guard
        _say_all()
    finally:
        _flush()


def _renew(built: Built) -> None:
    sys.path[:] = [entry for entry in sys.path if entry not in BUILD_ONLY]
    # Finders look at their folder's time again by themselves; the ones that found no folder would not.
    if built.app is None:
        sys.path_importer_cache.clear()
    if "HOME" not in os.environ:
        os.environ["HOME"] = HOME
    if not sys.argv:
        sys.argv.append("wasgi")
    # Of the snapshot, unless the app has left it there. To ask the host for a folder takes another thread's turn.
    if os.getcwd() != "/1":
        os.chdir("/1")
    snapshot.renew()


def _imported(built: Built) -> App:
    """Reload mode: the app from its live folder, or an app that says why there is none."""
    report = Report()
    try:
        app = load.load(built.settings, report, Progress(None))
    except BuildFailure as failure:
        return _failing(_text(failure))
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return app


def _text(failure: BuildFailure) -> str:
    lines = [failure.what]
    if failure.why:
        lines.append(f"caused by: {failure.why}")
    if failure.hint:
        lines.append(f"hint: {failure.hint}")
    if failure.traceback:
        lines.append(f"\n{failure.traceback}")
    return bounded("\n".join(lines), 32_768)


def _failing(text: str) -> App:
    async def app(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.failed", "message": text})

    return app


def _say_all() -> None:
    with suppress(BaseException):
        traceback.print_exc()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
