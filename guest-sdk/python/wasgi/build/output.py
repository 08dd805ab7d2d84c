"""stdout and stderr: a file while the app is built, the host when it runs, the same Python objects all along.

The build tool gives the guest a pipe that breaks after 10,000 bytes, so the build writes to a file. What an
app keeps at import (`logging.StreamHandler(sys.stderr)`, `sys.stdout.buffer`) must still be right in the
snapshot, so nothing is replaced: the innermost file object is opened again, first on the file, then, as the last act of
the build, on the descriptor. There an instance finds it.
"""

from __future__ import annotations

import io
import os
import sys
from typing import IO

__all__ = ["to_file", "to_host"]


def to_file(path: str) -> None:
    """Sends both streams to the file at `path`, in order."""
    with open(path, "wb"):
        pass
    for stream in _streams():
        _reopen(stream, os.open(path, os.O_WRONLY | os.O_APPEND), closefd=True)


def to_host() -> None:
    """Sends both streams to where they belong, a line at a time, and never fails for a character."""
    for descriptor, stream in enumerate(_streams(), 1):
        _reopen(stream, descriptor, closefd=False)


def innermost(stream: IO[str] | None) -> io.FileIO | None:
    """The file object that a stream ends in."""
    if not isinstance(stream, io.TextIOWrapper):
        return None
    raw = getattr(stream.buffer, "raw", stream.buffer)
    return raw if isinstance(raw, io.FileIO) else None


def _streams() -> tuple[IO[str] | None, IO[str] | None]:
    return sys.__stdout__, sys.__stderr__


def _reopen(stream: IO[str] | None, descriptor: int, closefd: bool) -> None:
    raw = innermost(stream)
    if raw is None or not isinstance(stream, io.TextIOWrapper):
        return
    stream.flush()
    # Always by descriptor and in this mode: a second `__init__` does not take back that a file was opened to append.
    raw.__init__(descriptor, "wb", closefd=closefd)  # type: ignore[misc]
    stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
