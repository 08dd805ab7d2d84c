"""Bytecode for everything that may be imported, so that nothing is compiled in a running instance.

It lies beside the sources in a tree of its own (`/0/pycache`, which is `sys.pycache_prefix` at build and at run
time), because the build is given the standard library anew each time, and because an app's folder is not ours
to write into. The files are of the UNCHECKED_HASH kind: at run time sources are read for tracebacks only, and
modification times, which do not survive being packed, mean nothing. Freshness is judged here, at build time, by
the hash of the source in each file's head.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CACHE", "Count", "compile_trees", "export_stdlib"]

CACHE = "/0/pycache"

NOT_SHIPPED = frozenset({
    "__pycache__", "config", "ensurepip", "idlelib", "lib2to3", "lib-dynload", "pydoc_data", "site-packages", "test",
    "tests", "tkinter", "turtledemo", "venv",
})  # fmt: skip
"""Folders of the standard library that no server needs."""

HEAD_BYTES = 16
"""Magic number, flags, and the eight bytes of the source's hash."""


@dataclass
class Count:
    """What became of the sources of a tree."""

    compiled: int = 0
    fresh: int = 0
    broken: int = 0

    def as_dict(self) -> dict[str, int]:
        """For the report."""
        return {"compiled": self.compiled, "fresh": self.fresh, "broken": self.broken}


def compile_trees(trees: Sequence[str], count: Count | None = None) -> Count:
    """Compiles each source below `trees` that has no fresh bytecode. What does not compile is left alone: dependencies
    ship templates and files for other versions of Python, and the app's own that matter are imported anyway."""
    count = count or Count()
    for tree in trees:
        for source in _sources(tree):
            _compile(source, count)
    return count


def _sources(tree: str) -> Iterator[str]:
    if not os.path.isdir(tree):
        return
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not (_is_stdlib(tree) and _left_out(name)) and name != "__pycache__"
        )
        for name in sorted(files):
            if name.endswith(".py"):
                yield f"{folder}/{name}"


def _is_stdlib(tree: str) -> bool:
    return tree.rstrip("/") == "/python"


def _left_out(name: str) -> bool:
    return name in NOT_SHIPPED or name.startswith("config-")


def _compile(source: str, count: Count) -> None:
    try:
        data = Path(source).read_bytes()
        target = Path(importlib.util.cache_from_source(source))
        digest = importlib.util.source_hash(data)
        if _head(target) == _wanted(digest):
            count.fresh += 1
            return
        code = compile(data, source, "exec", dont_inherit=True, optimize=-1)
        import marshal

        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_wanted(digest) + marshal.dumps(code))
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError):
        count.broken += 1
    else:
        count.compiled += 1


def _head(target: Path) -> bytes:
    try:
        with target.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _wanted(digest: bytes) -> bytes:
    unchecked_hash = (0b01).to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + unchecked_hash + digest


def export_stdlib(target: str) -> int:
    """Copies the standard library's sources to `target`, less what no server needs. Returns how many files."""
    files = 0
    for folder, folders, names in os.walk("/python"):
        folders[:] = sorted(name for name in folders if not _left_out(name))
        into = Path(target + folder[len("/python") :])
        into.mkdir(parents=True, exist_ok=True)
        for name in names:
            if not name.endswith((".pyc", ".a", ".o")):
                shutil.copyfile(f"{folder}/{name}", into / name)
                files += 1
    return files


def use() -> None:
    """Makes the interpreter find the bytecode, and write none by itself."""
    sys.pycache_prefix = CACHE
    sys.dont_write_bytecode = True
