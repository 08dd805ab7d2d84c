"""Runs CPython's own asyncio tests inside an instance and prints a table: `run.py FOLDER [--wasgi PROGRAM]`.

FOLDER is `Lib/test` of a CPython 3.14: of a source tree, or of Debian's package `libpython3.14-testsuite`
(`apt-get download` it from unstable, `dpkg-deb -x` it: `usr/lib/python3.14/test`). Nothing of it is kept in this
repository. It makes an app folder of `app.py`, `plan.json` and that package, builds and serves it, and asks for one
module after another.
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
import urllib.error
import urllib.request
from typing import Any

HERE = pathlib.Path(__file__).parent
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
    """Prints the table; 1 when a module gave no result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", type=pathlib.Path, help="Lib/test of CPython 3.14")
    parser.add_argument("--wasgi", default="wasgi", help="the program")
    parser.add_argument("--json", type=pathlib.Path, help="where to write everything that was found")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        stage(options.tests, folder)
        server = subprocess.Popen(
            [options.wasgi, "serve", str(folder), "--port", "0"],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            url = _address(server)
            for module in json.loads((HERE / "plan.json").read_text()):
                results[module] = ask(f"{url}/{module}")
                print(_row(module, results[module]), flush=True)
        finally:
            server.terminate()
            server.wait(30)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 1 if any("broken" in result for result in results.values()) else 0


def _address(server: subprocess.Popen[str]) -> str:
    import threading

    assert server.stderr is not None
    for line in server.stderr:
        found = re.search(r"http://[0-9.]+:\d+", line)
        if found:
            # Its log goes on; a full pipe would stop it.
            threading.Thread(target=server.stderr.read, daemon=True).start()
            return found.group()
        print(line, end="", file=sys.stderr)
    raise SystemExit("the server has ended, see above")


def _row(module: str, result: dict[str, Any]) -> str:
    short = module.rpartition(".")[2]
    if "broken" in result:
        return f"| `{short}` | no result: {result['broken'].strip().splitlines()[-1]} |"
    passed = result["run"] - len(result["skipped"]) - len({test for test, _ in result["failed"]})
    numbers = [result["found"], passed, len(result["skipped"]), len(result["excluded"]), len(result["failed"])]
    return f"| `{short}` | " + " | ".join(str(number) for number in numbers) + " |"


if __name__ == "__main__":
    sys.exit(main())
