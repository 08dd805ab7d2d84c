"""Tracebacks for people: the app's own frames in full, everybody else's in one line, bounded.

Used for failures of the build and, in reload mode, of an import at the start of an instance. It changes no
exception and leaves out no exception's text.
"""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Iterable, Sequence

from .report import bounded

__all__ = ["HIDDEN", "Frame", "app_frames", "text", "where"]

Frame = traceback.FrameSummary

FRAMES_MAX = 24
"""Frames of the app's own that are shown per exception; a recursion has a thousand of the same."""

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HIDDEN = (
    "<frozen importlib",
    "<frozen runpy",
    f"{_OURS}/",
    "/0/wasgi_entry.py",
    f"{os.path.dirname(importlib.__file__)}/",
)
"""Machinery that nobody wants to read: ours, and that of `import`."""


def is_own(filename: str, roots: Sequence[str]) -> bool:
    """Whether a file is the app's."""
    return any(filename.startswith(root.rstrip("/") + "/") for root in roots)


def short(filename: str, roots: Sequence[str] = ("/1",)) -> str:
    """A file's name as the user knows it: below the app's folder, or below the library's."""
    for root in (*roots, "/1", "/0/lib", "/python", "/0"):
        prefix = root.rstrip("/") + "/"
        if filename.startswith(prefix):
            return filename[len(prefix) :] if root != "/python" else f"python/{filename[len(prefix) :]}"
    return filename


def app_frames(error: BaseException, roots: Sequence[str] = ("/1",)) -> list[Frame]:
    """The frames of the app's own files, outermost first."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename, roots)]


def where(error: BaseException, roots: Sequence[str] = ("/1",)) -> str:
    """The innermost line of the app's own that led to `error`, as `main.py:3`; empty if there is none."""
    frames = app_frames(error, roots)
    return f"{short(frames[-1].filename, roots)}:{frames[-1].lineno}" if frames else ""


def text(error: BaseException, roots: Sequence[str] = ("/1",)) -> str:
    """The traceback of `error` and of what caused it, causes first as Python has it."""
    parts: list[str] = []
    for step, link in _chain(error):
        if link:
            parts.append(link)
        parts.append(_one(step, roots))
    return bounded("\n".join(parts))


def _chain(error: BaseException) -> list[tuple[BaseException, str]]:
    """Oldest first, each with the sentence that leads to it from the one before."""
    chain: list[tuple[BaseException, str]] = []
    seen: set[int] = set()
    step: BaseException | None = error
    while step is not None and id(step) not in seen and len(chain) < 20:
        seen.add(id(step))
        link = ""
        earlier: BaseException | None = None
        if step.__cause__ is not None:
            earlier, link = step.__cause__, "\nThe above was the direct cause of:\n"
        elif step.__context__ is not None and not step.__suppress_context__:
            earlier, link = step.__context__, "\nWhile that was handled, this happened:\n"
        chain.append((step, link))
        step = earlier
    if step is not None and chain:
        chain[-1] = (chain[-1][0], "")
    chain.reverse()
    return chain


def _one(error: BaseException, roots: Sequence[str]) -> str:
    lines = ["Traceback (most recent call last):\n"]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(HIDDEN)]
    lines.extend(_frames(frames, roots))
    if len(lines) == 1:
        lines.clear()
    lines.extend(_exception_only(error))
    return "".join(lines).rstrip("\n")


def _frames(frames: Sequence[Frame], roots: Sequence[str]) -> Iterable[str]:
    shown = 0
    hidden = 0
    foreign: list[Frame] = []

    def flush() -> Iterable[str]:
        if not foreign:
            return
        last = foreign[-1]
        if len(foreign) > 1:
            yield f"  [{len(foreign) - 1} frames of libraries]\n"
        yield _line(last, roots)
        foreign.clear()

    for frame in frames:
        if not is_own(frame.filename, roots):
            foreign.append(frame)
            continue
        yield from flush()
        shown += 1
        if shown <= FRAMES_MAX:
            yield _line(frame, roots)
        else:
            hidden += 1
    if hidden:
        yield f"  [{hidden} further frames of the app]\n"
    yield from flush()


def _line(frame: Frame, roots: Sequence[str]) -> str:
    code = f"    {frame.line}\n" if frame.line else ""
    return f'  File "{short(frame.filename, roots)}", line {frame.lineno}, in {frame.name}\n{code}'


def _exception_only(error: BaseException) -> list[str]:
    try:
        return [_short_names(line) for line in traceback.format_exception_only(error, show_group=True)]
    except Exception as broken:  # an exception's own __str__ may raise anything
        return [f"{type(error).__name__} (its text cannot be made: {type(broken).__name__})\n"]


def _short_names(line: str) -> str:
    return line.replace('File "/1/', 'File "', 1)
