"""Throw-away apps, one per framework that the user's app has imported.

They use what apps of that framework commonly use, so that everything that is imported late, cached on first use or
specialised by the interpreter is in the snapshot. They import nothing heavy that the user's app has not
imported itself: what is not in `sys.modules` is not warmed. No failure here is the user's.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from ..report import Progress, Report

__all__ = ["frameworks"]

ROUNDS = 4
"""How often each request is sent: the interpreter specialises code that has run more than once."""


def frameworks(report: Report, progress: Progress) -> None:
    """Warms up each framework that has been imported; says in the report what did not work."""
    warmed: list[str] = []
    for name, run in (("asyncio", _asyncio), ("starlette", _starlette), ("fastapi", _fastapi)):
        if name in sys.modules:
            with progress.step(f"warm-up: {name}"):
                if _tried(name, run, report):
                    warmed.append(name)
    report.facts["warmed"] = warmed


def _tried(name: str, run: Callable[[], Coroutine[Any, Any, None]], report: Report) -> bool:
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(run())
    except BaseException as error:  # a version of a framework that we do not know may do anything
        report.facts.setdefault("warm_up_notes", []).append(f"{name}: {type(error).__name__}: {error}"[:500])
        return False
    finally:
        logging.disable(disabled)
    return True


async def _asyncio() -> None:
    async def nothing() -> None:
        await asyncio.sleep(0)

    for _ in range(ROUNDS):
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(nothing())
        await asyncio.gather(nothing(), nothing())
        await asyncio.wait_for(nothing(), 5)


async def _starlette() -> None:
    from . import starlette_app

    await starlette_app.run(ROUNDS)


async def _fastapi() -> None:
    from . import fastapi_app

    await fastapi_app.run(ROUNDS)
