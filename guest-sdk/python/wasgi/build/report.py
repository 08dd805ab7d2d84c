"""What the guest tells the host about a build: `/0/report.json` at its end, `/0/progress` on the way.

Every other module of `wasgi.build` raises `BuildFailure` or adds to a `Report`; only the entry writes it.
The host prints what / why / hint as it prints its own errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["BuildFailure", "Progress", "Report", "bounded"]

TEXT_CHARS_MAX = 65_536
"""Longest text in a report. An exception may carry megabytes."""


def bounded(text: str, most: int = TEXT_CHARS_MAX) -> str:
    """`text` with its middle left out if it is longer than `most`: the start says what, the end says why."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"


class BuildFailure(Exception):
    """The build ends here, and the user is told so.

    `kind` is one of settings, module, dependency, import, attribute, type, syntax, exit, warm-up, internal.
    `what` is one line without a full stop; `why` may be several; `hint` is a sentence or a command.
    """

    def __init__(self, kind: str, what: str, *, why: str = "", hint: str = "", traceback: str = "") -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.why = why
        self.hint = hint
        self.traceback = traceback


@dataclass
class Report:
    """What a build has found out so far."""

    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def warn(self, text: str) -> None:
        """Something that the user should know although the build goes on. Said once."""
        text = bounded(text, 4096)
        if text not in self.warnings and len(self.warnings) < 50:
            self.warnings.append(text)

    def succeeded(self, kind: str) -> dict[str, Any]:
        """The report of a build that came to its end."""
        return {"ok": True, "kind": kind, **self.facts, "warnings": self.warnings}

    def failed(self, failure: BuildFailure) -> dict[str, Any]:
        """The report of a build that did not."""
        texts = {name: bounded(getattr(failure, name)) for name in ("what", "why", "hint", "traceback")}
        return {"ok": False, "kind": failure.kind, **texts, "warnings": self.warnings}


def write(path: Path, report: dict[str, Any]) -> None:
    """Writes a report. Text that is no Unicode (a lone surrogate in an exception) is escaped."""
    path.write_text(json.dumps(report, ensure_ascii=True), "ascii")


class Progress:
    """One line that says what the build is doing, for the host that has to end one which hangs."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stack: list[str] = []

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """`text` is what happens inside; steps nest, and are shown as `a -> b`."""
        self._stack.append(text)
        self._show()
        try:
            yield
        finally:
            self._stack.pop()

    def _show(self) -> None:
        if self._path is None:
            return
        try:
            self._path.write_text(bounded(" -> ".join(self._stack), 1000) + "\n", "utf-8", "backslashreplace")
        except OSError:
            self._path = None
