"""Reload mode: the snapshot holds everything but the app, so that a changed source needs no build.

Which libraries the app will want is read from its sources without running them; what cannot be imported is left
for the app itself to fail at.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from .failures import Watch, _sources
from .report import Progress, Report
from .settings import Settings

__all__ = ["imported_names", "preload"]

ALWAYS = (
    "fastapi",
    "starlette.applications",
    "starlette.routing",
    "starlette.responses",
    "pydantic",
    "jinja2",
    "python_multipart",
)
"""Imported where installed, whatever the sources say: there may be none yet."""

BYTES_MAX = 1_000_000
"""A source larger than this is data."""


def preload(settings: Settings, report: Report, progress: Progress) -> None:
    """Imports what the app's sources import from elsewhere."""
    names = [*(name for name in ALWAYS if _installed(name)), *sorted(imported_names(settings.python_path))]
    with Watch((), progress):
        for name in dict.fromkeys(names):
            with progress.step(f"importing {name}"):
                try:
                    importlib.import_module(name)
                except BaseException as error:  # whatever it is, the app will meet it and say so
                    report.facts.setdefault("not_preloaded", []).append(
                        f"{name}: {type(error).__name__}: {error}"[:300]
                    )


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def imported_names(roots: Iterable[str]) -> set[str]:
    """Dotted names of the modules that the sources below `roots` import and do not contain."""
    roots = tuple(roots)
    names: set[str] = set()
    for _, path in _sources(roots):
        names |= _names_in(path)
    own = {entry.stem for root in roots if Path(root).is_dir() for entry in Path(root).iterdir()}
    return {name for name in names if name.partition(".")[0] not in own and _wanted(name)}


def _wanted(name: str) -> bool:
    top = name.partition(".")[0]
    return top not in sys.builtin_module_names and top not in (
        "__future__",
        "tkinter",
        "idlelib",
        "antigravity",
        "this",
    )


def _names_in(path: Path) -> set[str]:
    try:
        if path.stat().st_size > BYTES_MAX:
            return set()
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names
