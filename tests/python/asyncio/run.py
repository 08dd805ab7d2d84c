"""Runs CPython's own asyncio tests inside an instance and prints a table: `run.py FOLDER [--wasgi PROGRAM]`.

FOLDER is `Lib/test` of a CPython 3.14; `docs/python-asyncio.md` says where to get it, since nothing of it is kept in
this repository. It makes an app folder of `app.py`, `plan.json` and that package, builds and serves it, asks for one
module after another, and compares with the table in the docs: a module that passes fewer tests fails the run.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HERE = pathlib.Path(__file__).parent
DOCS = HERE.parents[2] / "docs" / "python-asyncio.md"
PARTS = (
    "__init__.py",
    "support",
    "test_asyncio",
    "certdata",
    "test_context.py",
    "test_asyncgen.py",
    "test_coroutines.py",
    "test_contextlib.py",
    "test_contextlib_async.py",
)
MANIFEST = """name = "cpython-asyncio"
language = "python"
app = "app:app"

[build]
include = ["test/certdata"]

[limits]
memory = "512 MiB"
first_response = "30 min"
cpu = "30 min"
"""
MODULE_SECONDS = 600


def stage(tests: pathlib.Path, folder: pathlib.Path) -> None:
    """Makes the app folder."""
    (folder / "wasgi.toml").write_text(MANIFEST)
    for name in ("app.py", "plan.json"):
        shutil.copy(HERE / name, folder)
    (folder / "test").mkdir()
    for name in PARTS:
        source = tests / name
        if source.is_dir():
            shutil.copytree(source, folder / "test" / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.is_file():
            shutil.copy(source, folder / "test")


def ask(url: str) -> dict[str, Any]:
    """One answer of the app, or why there is none."""
    try:
        with urllib.request.urlopen(url, timeout=MODULE_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (urllib.error.URLError, TimeoutError) as error:
        return {"broken": str(error)}


def main() -> int:
    """Prints the table; 1 when a module gave no result, or passes fewer tests than the docs say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", type=pathlib.Path, help="Lib/test of CPython 3.14")
    parser.add_argument("--wasgi", default="wasgi", help="the program")
    parser.add_argument("--json", type=pathlib.Path, help="where to write everything that was found")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        stage(options.tests, folder)
        subprocess.run([options.wasgi, "build", name], stdout=subprocess.DEVNULL, check=True)
        for module in json.loads((HERE / "plan.json").read_text()):
            with served(options.wasgi, folder) as url:
                results[module] = ask(f"{url}/{module}")
            print(_row(module, results[module]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    worse = list(_worse(results, DOCS.read_text("utf-8")))
    for line in worse:
        print(line, file=sys.stderr)
    return 1 if worse else 0


def _worse(results: dict[str, Any], docs: str) -> Iterator[str]:
    """What is not as good as in the table of the docs."""
    rows = re.findall(r"^\| `([\w.]+)` \| \d+ \| (\d+) \|", docs, re.MULTILINE)
    known = {name: int(passed) for name, passed in rows}
    for module, result in results.items():
        name = _short(module)
        if "broken" in result:
            yield f"{name}: no result"
        elif name not in known:
            yield f"{name}: not in {DOCS.name}"
        elif (passed := _passed(result)) < known[name]:
            yield f"{name}: {passed} passed, {known[name]} in {DOCS.name}; failed now:"
            yield from (f"  {test}" for test, _ in result["failed"])


@contextmanager
def served(wasgi: str, folder: pathlib.Path) -> Iterator[str]:
    """A server of its own for each module: what one leaves in its instance is nothing to the next."""
    # Nor is it waited for.
    command = [wasgi, "serve", str(folder), "--port", "0", "--timeout-graceful-shutdown", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            yield _address(server)
        finally:
            server.terminate()


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    said = ""
    for line in server.stderr:
        if found := re.search(r"http://[0-9.]+:\d+", line):
            # Its log goes on; a full pipe would stop it.
            threading.Thread(target=server.stderr.read, daemon=True).start()
            return found.group()
        said += line
    raise SystemExit(f"the server has ended:\n{said}")


def _short(module: str) -> str:
    return module.removeprefix("test.test_asyncio.")


def _passed(result: dict[str, Any]) -> int:
    failed = {test for test, _ in result["failed"]}
    return int(result["run"]) - len(result["skipped"]) - len(failed)


def _row(module: str, result: dict[str, Any]) -> str:
    name = _short(module)
    if "broken" in result:
        return f"| `{name}` | no result: {result['broken'].strip().splitlines()[-1]} |"
    counts = [len(result[key]) for key in ("skipped", "excluded", "failed")]
    return f"| `{name}` | " + " | ".join(str(number) for number in [result["found"], _passed(result), *counts]) + " |"


if __name__ == "__main__":
    sys.exit(main())
