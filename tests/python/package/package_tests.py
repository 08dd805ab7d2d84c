"""Runs the tests of the Python package (`guest-sdk/python/tests`, linked here) where the package runs: in an instance.

`GET /` lists the test files, `GET /build/test_load.py` runs one and answers with what pytest found, as JSON; a query
is pytest's `-k`. Whoever builds this app gives it a copy in which the link is a folder.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import urllib.parse
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from wasgi.loop import HUB
from wasgi.loop.hub import idle_turn

# Imported with the app, so that the tests find them as an app leaves them.
for _library in ("aiosqlite", "asgiref.sync", "fastapi", "flask", "starlette.applications"):
    importlib.import_module(_library)

TESTS = Path(__file__).parent / "tests"
SCRATCH = "/data/tmp"
TEXT_CHARACTERS_MAX = 4000

ARGUMENTS = (
    "--rootdir=/1/tests",
    f"--basetemp={SCRATCH}/pytest",
    # There is no /dev/null, where it would go otherwise.
    f"--log-file={SCRATCH}/log",
    # The app's folder cannot be written to; there is no file descriptor to capture, and no signal to dump a stack at.
    *("-p", "no:cacheprovider", "-p", "no:faulthandler", "--capture=sys"),
    # What the app has imported keeps its assertions.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
    "--quiet",
)


class Outcomes:
    """A plugin of pytest that keeps what became of each test."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: dict[str, str] = {}
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called after the set-up, the call and the tear-down of each test."""
        if report.failed:
            self.failed[report.nodeid] = str(report.longrepr)[-TEXT_CHARACTERS_MAX:]
        elif report.skipped:
            # A file, a line and the reason.
            self.skipped[report.nodeid] = str(report.longrepr[-1] if isinstance(report.longrepr, tuple) else "")
        elif report.when == "call":
            self.passed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Called for each file and class in which tests were looked for."""
        if report.failed:
            self.failed[report.nodeid] = str(report.longrepr)[-TEXT_CHARACTERS_MAX:]


@contextmanager
def own_hub() -> Iterator[None]:
    """Inside, nothing runs and nothing waits, as in a process of its own: the tests count what does."""
    queues: tuple[Any, ...] = (HUB.running, HUB.waits, HUB.jobs, HUB.held)
    kept = [tuple(queue) for queue in queues]
    turn, root = HUB.turn, HUB.root
    for queue in queues:
        queue.clear()
    HUB.turn, HUB.root = idle_turn, None
    HUB.settle()
    try:
        yield
    finally:
        # The same objects: the bridge holds them, too.
        for queue, items in zip(queues, kept, strict=True):
            queue.clear()
            queue.extend(items)
        HUB.turn, HUB.root = turn, root
        HUB.settle()


def run(file: str, only: str) -> dict[str, Any]:
    """Runs the tests of one file, those whose names fit `only`."""
    os.makedirs(SCRATCH, exist_ok=True)
    os.environ["TMPDIR"] = SCRATCH
    outcomes = Outcomes()
    with own_hub():
        status = pytest.main([*ARGUMENTS, "-k", only, str(TESTS / file)], plugins=[outcomes])
    sys.stdout.flush()
    return {
        "status": int(status),
        "passed": outcomes.passed,
        "failed": outcomes.failed,
        "skipped": outcomes.skipped,
    }


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """One file of tests per request."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    files = sorted(str(path.relative_to(TESTS)) for path in TESTS.rglob("test_*.py"))
    file = scope["path"].removeprefix("/")
    answer: Any = files
    if file in files:
        # As the main thread, where no loop runs.
        answer = HUB.run_detached(None, run, file, urllib.parse.unquote_plus(scope["query_string"].decode()))
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200 if file in files or not file else 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})
