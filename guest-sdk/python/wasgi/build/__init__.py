"""The guest's half of `wasgi build`: runs once, inside the interpreter that will be the snapshot.

`build` is called by the entry module while the build tool imports it. It reads what the host asks for, imports
the app, warms it up and freezes the heap; `Built` is what an instance later starts from. Whatever goes wrong
becomes a `BuildFailure` and thereby `/0/report.json`. It serves nothing.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import bytecode, failures, load, output, preload, remember, report, settings, snapshot, stubs, warm
from .report import BuildFailure, Progress, Report
from .settings import Settings

if TYPE_CHECKING:
    from wasgi.loop import EventLoop

__all__ = ["Built", "build", "main"]

SETTINGS = Path("/0/settings.json")
REPORT = Path("/0/report.json")
PROGRESS = Path("/0/progress")
OUTPUT = "/0/output.txt"

HOME = "/data"
"""`~` in the guest: there are no users, and what is written should land where the app may write."""


@dataclass
class Built:
    """What the snapshot holds for the start of an instance."""

    settings: Settings
    app: Callable[..., Any] | None
    """`None` in reload mode: the instance imports it."""
    loop: Any = None
    """The instance's loop, made before the app was imported. What the app binds to it at import or in a warm-up is
    still right when the instance runs."""
    instance: Any = None
    """The app with all that serves it; `None` where there is no app yet."""


def main() -> Built:
    """Builds, and writes the report whatever happens. Raises to end the build tool when there is nothing to keep."""
    found = Report()
    output.to_file(OUTPUT)
    bytecode.use()
    try:
        built = build(settings.read(SETTINGS), found, Progress(PROGRESS))
        kind = built.settings.mode if built.settings.mode != "compile" else "compiled"
        report.write(REPORT, found.succeeded(kind))
    except BaseException as error:
        failure = error if isinstance(error, BuildFailure) else _unexpected(error)
        report.write(REPORT, found.failed(failure))
        output.to_host()
        raise RuntimeError(f"the build ends here, see the report: {failure.what}") from None
    output.to_host()
    if built.settings.mode == "compile":
        raise RuntimeError("the build ends here: bytecode was all that was asked for")
    return built


def build(asked: Settings, found: Report, progress: Progress) -> Built:
    """Does what `asked` says. Raises `BuildFailure`."""
    if asked.mode == "compile":
        return _compile(asked, found, progress)
    loop = _prepare(asked)
    import wasgi.bridge

    snapshot.record()
    with _timed(found, "bytecode"), progress.step("compiling bytecode"):
        trees = ("/0/wasgi", "/0/stubs", *(asked.python_path if asked.mode == "snapshot" else ()))
        found.facts["bytecode"] = bytecode.compile_trees(trees).as_dict()
    found.facts["app"] = f"{asked.module}:{asked.attribute}"
    app: Callable[..., Any] | None = None
    with _timed(found, "import"):
        if asked.mode == "reload":
            preload.preload(asked, found, progress)
        else:
            app = load.load(asked, found, progress)
            found.facts["framework"] = load.framework(app)
    _verify()
    if asked.remember:
        remember.remember(found)
    with _timed(found, "warm_up"):
        warm.frameworks(found, progress)
        if app is not None:
            warm.paths(app, asked, found, progress, loop)
    instance = None if app is None else wasgi.bridge.Instance(app, loop)
    with _timed(found, "freeze"), progress.step("freezing"):
        snapshot.tidy(found)
    return Built(asked, app, loop, instance)


def _compile(asked: Settings, found: Report, progress: Progress) -> Built:
    with _timed(found, "bytecode"), progress.step("compiling bytecode"):
        found.facts["bytecode"] = bytecode.compile_trees(asked.trees).as_dict()
    if asked.export_stdlib:
        with _timed(found, "export"), progress.step("copying the standard library"):
            found.facts["modules"] = bytecode.export_stdlib("/0/python")
    return Built(asked, None)


def _prepare(asked: Settings) -> EventLoop:
    """Makes the interpreter look like the one that will run: path, folder, environment, arguments, patches."""
    sys.path[:] = search_path(asked, sys.path)
    sys.path_importer_cache.clear()
    os.chdir("/1")
    os.environ.clear()
    os.environ["HOME"] = HOME
    os.environ.update(asked.env)
    sys.argv[:] = sys.argv[:1] if sys.argv and sys.argv[0] else ["wasgi"]
    stubs.install()

    import wasgi.bridge
    import wasgi.threads
    from wasgi.loop import HUB, EventLoop, install

    install()
    wasgi.threads.install()
    loop = EventLoop(HUB.turn)
    asyncio.set_event_loop(loop)
    return loop


def search_path(asked: Settings, given: list[str]) -> list[str]:
    """The app's own folders, the standard library, the dependencies, ours; the build tool's stay until it has ended.
    The stubs come last, so that a real module always wins."""
    tools = [entry for entry in given if entry in ("/world", "/bundled")]
    paths = [*asked.python_path, "/python", "/0/lib", "/0", *tools, "/0/stubs"]
    return list(dict.fromkeys(paths))


def _verify() -> None:
    import wasgi.threads

    try:
        wasgi.threads.verify()
    except wasgi.threads.PatchError as error:
        raise BuildFailure("dependency", error.what, why=error.why, hint=error.hint) from error


@contextmanager
def _timed(found: Report, name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    found.facts.setdefault("ms", {})[name] = round((time.monotonic() - started) * 1000)


def _unexpected(error: BaseException) -> BuildFailure:
    from .tracebacks import text

    return BuildFailure(
        "internal", "the build fails in wasgi itself", why=failures.said(error), traceback=text(error, ("/",))
    )
