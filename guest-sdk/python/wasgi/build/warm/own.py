"""The paths that `[build] warm_up` names, requested of the user's own app.

They run with the app's lifespan around them: startup before, shutdown after, as at run time. That has side
effects which the user asked for and the docs describe: what the app keeps in memory meanwhile is in the
snapshot, and thereby in every instance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .. import failures
from ..report import BuildFailure, Progress, Report
from ..settings import Settings
from ..tracebacks import text
from ..watch import ExitCalled
from . import driver

__all__ = ["paths"]

ROUNDS = 3
"""How often each path is requested: the interpreter specialises code that has run more than once."""


def paths(
    app: Callable[..., Awaitable[None]],
    settings: Settings,
    report: Report,
    progress: Progress,
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Requests each path, on the loop that the instance will have. Raises `BuildFailure` of kind `warm-up` if the app
    fails at it."""
    if not settings.warm_up:
        return
    answers: list[dict[str, Any]] = []
    doing = "starting its lifespan"

    async def run() -> None:
        nonlocal doing
        async with driver.lifespan(app) as state:
            for path in settings.warm_up:
                doing = f"GET {path}"
                with progress.step(f"warm-up: {doing}"):
                    for _ in range(ROUNDS):
                        answer = await driver.request(app, path if path.startswith("/") else f"/{path}", state=state)
                answers.append({"path": path, "status": answer.status})
                _judge(path, answer, report)
            doing = "ending its lifespan"

    try:
        with progress.step("warm-up: lifespan"), failures.Watch(settings.python_path, progress):
            loop.run_until_complete(run())
    except BuildFailure:
        raise
    except TimeoutError as error:
        raise _failed(doing, f"no end after {driver.SECONDS_MAX:g} s", text(error, settings.python_path)) from error
    except driver.LifespanFailed as error:
        raise _failed(doing, f"lifespan.startup.failed: {error}", "") from error
    except (Exception, SystemExit, ExitCalled) as error:
        raise _failed(doing, failures.said(error), text(error, settings.python_path)) from error
    report.facts["warm_up"] = answers


def _judge(path: str, answer: driver.Answer, report: Report) -> None:
    if answer.status >= 500 or answer.status == 0:
        raise _failed(f"GET {path}", f"the app answered {answer.status or 'nothing'}", "")
    if answer.status >= 400:
        report.warn(f"warm-up: GET {path} was answered with {answer.status}")


def _failed(doing: str, why: str, traceback: str) -> BuildFailure:
    return BuildFailure(
        "warm-up",
        f"the app fails in the warm-up, {doing}",
        why=why,
        hint="`warm_up` in [build] runs the app at build time, where there is no data directory and no network: "
        "leave out the paths that need one",
        traceback=traceback,
    )
