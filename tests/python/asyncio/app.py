"""Runs test modules of CPython inside an instance: `GET /<module>` answers with what unittest found, as JSON.

`run.py` puts this file and CPython's `test` package side by side into an app folder. The modules of `plan.json` are
imported when the component is built; one that cannot be imported is reported by its request.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import pathlib
import sys
import sysconfig
import time
import traceback
import unittest
from typing import Any

from wasgi.loop import HUB

PLAN: dict[str, dict[str, str]] = json.loads(pathlib.Path(__file__).with_name("plan.json").read_text())
BROKEN: dict[str, str] = {}
KEEP = 2000
"""Characters of a traceback that are sent."""

# test.support splits these as a shell would, and this interpreter's build was configured with an odd quote.
sysconfig.get_config_vars()["CONFIG_ARGS"] = ""

# What it would skip as a whole on this platform; the plan leaves out what truly needs a socket or parallel threads.
support = importlib.import_module("test.support")
support.has_socket_support = True  # type: ignore[attr-defined]
importlib.import_module("test.support.threading_helper").can_start_thread = True  # type: ignore[attr-defined]

for _module in PLAN:
    try:
        importlib.import_module(_module)
    except BaseException:  # an import that fails is a result as well
        BROKEN[_module] = traceback.format_exc()


def _with_our_loop(module: Any) -> None:
    """Test classes that name a selector get the loop of the instance instead."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, unittest.TestCase) and hasattr(value, "create_event_loop"):
            value.create_event_loop = lambda self: asyncio.new_event_loop()


def _tests(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    found: list[unittest.TestCase] = []
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            found.extend(_tests(item))
        else:
            found.append(item)
    return found


def run_module(name: str, only: str) -> dict[str, Any]:
    """Runs one module's tests whose id contains `only`, without those that the plan leaves out."""
    left_out = PLAN.get(name, {})
    _with_our_loop(sys.modules[name])
    tests = _tests(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[name]))
    chosen = [test for test in tests if only in test.id() and not any(part in test.id() for part in left_out)]
    excluded = [test.id() for test in tests if any(part in test.id() for part in left_out)]
    stream = io.StringIO()

    class Result(unittest.TextTestResult):
        def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
            print(f"{test.id()}", file=sys.stderr, flush=True)
            super().startTest(test)

    started = time.monotonic()
    runner = unittest.TextTestRunner(stream=stream, verbosity=0, resultclass=Result)  # type: ignore[arg-type]
    result = runner.run(unittest.TestSuite(chosen))
    failed = [(test.id(), text[-KEEP:]) for test, text in (*result.failures, *result.errors)]
    failed += [(test.id(), "unexpected success") for test in result.unexpectedSuccesses]
    return {
        "module": name,
        "found": len(tests),
        "run": result.testsRun,
        "skipped": [(test.id(), why) for test, why in result.skipped],
        "excluded": excluded,
        "failed": failed,
        "seconds": round(time.monotonic() - started, 1),
    }


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """One module per request."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    name = scope["path"].strip("/")
    if name in BROKEN:
        answer: dict[str, Any] = {"module": name, "broken": BROKEN[name]}
    elif name in PLAN:
        # As the main thread, where no loop runs: some tests look.
        answer = HUB.run_detached(None, run_module, name, scope["query_string"].decode())
    else:
        answer = {"modules": list(PLAN)}
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
