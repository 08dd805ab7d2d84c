"""An app's folder in a temporary place, and what the build says about it, without wasm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wasgi.build import load
from wasgi.build.report import BuildFailure, Progress, Report
from wasgi.build.settings import Settings


class Folder:
    """An app's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.report = Report()
        self.progress = path.parent / "progress"

    def write(self, **files: str) -> Folder:
        """Writes modules: `pkg__main="…"` is `pkg/main.py`."""
        for name, text in files.items():
            file = self.path / (name.replace("__", "/") + ".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        return self

    def settings(self, app: str = "main:app", **more: Any) -> Settings:
        """Settings for it."""
        return Settings(app=app, python_path=(str(self.path),), **more)

    def load(self, app: str = "main:app", **more: Any) -> Callable[..., Any]:
        """The app, as the build loads it."""
        return load.load(self.settings(app, **more), self.report, Progress(self.progress))

    def failure(self, app: str = "main:app", **more: Any) -> BuildFailure:
        """The failure of loading it."""
        with pytest.raises(BuildFailure) as caught:
            self.load(app, **more)
        return caught.value
