"""What the host asks of this run of the build: `/0/settings.json`.

Read once, by the entry. It holds no behaviour, and it believes the host: a file that is not as described
here is our own mistake and says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .report import BuildFailure

__all__ = ["Settings", "read"]

MODES = ("snapshot", "reload", "compile")


@dataclass(frozen=True)
class Settings:
    """One build, as the host asked for it. Paths are those of the guest."""

    mode: str = "snapshot"
    """`snapshot`: the app is in the component. `reload`: it is imported when an instance starts, from a live
    folder. `compile`: no app at all, only bytecode for `trees`."""
    app: str = ""
    """`module:attribute`, the attribute dotted if need be; `app` when it is left out, as uvicorn has it."""
    factory: bool = False
    """The attribute is a function that makes the app."""
    warm_up: tuple[str, ...] = ()
    """Paths that the build may request of the app, with GET."""
    python_path: tuple[str, ...] = ("/1",)
    """Where the app's own modules are, first one first."""
    env: Mapping[str, str] = field(default_factory=dict)
    """The manifest's `[env]`: the environment at build time, so that configuration read at import is right."""
    trees: tuple[str, ...] = ()
    """`compile`: folders whose sources get bytecode."""
    export_stdlib: bool = False
    """`compile`: copy the standard library to `/0/python`."""
    remember: bool = True
    """Known functions of libraries are asked once for each argument, see `remember`."""
    left_out: tuple[str, ...] = ()
    """Distributions that the app asks for and that are not in the component, by normalised name."""

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.app.partition(":")[0].strip()

    @property
    def attribute(self) -> str:
        """What is taken from it."""
        return self.app.partition(":")[2].strip() or "app"


def read(path: Path) -> Settings:
    """Reads the file. Raises `BuildFailure` of kind `settings` when it is not as described."""
    try:
        raw: Any = json.loads(path.read_text("utf-8"))
        return parse(raw)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BuildFailure(
            "settings",
            f"the build's settings `{path}` cannot be used",
            why=f"{type(error).__name__}: {error}",
        ) from error


def parse(raw: Mapping[str, Any]) -> Settings:
    """Makes settings of the file's content; raises `ValueError` or `TypeError` when it is not as described."""
    mode = str(raw["mode"]) if "mode" in raw else "snapshot"
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}")
    settings = Settings(
        mode=mode,
        app=str(raw.get("app", "")),
        factory=bool(raw.get("factory", False)),
        warm_up=_texts(raw.get("warm_up", ())),
        python_path=_texts(raw.get("python_path", ("/1",))),
        env={str(name): str(value) for name, value in dict(raw.get("env", {})).items()},
        trees=_texts(raw.get("trees", ())),
        export_stdlib=bool(raw.get("export_stdlib", False)),
        remember=bool(raw.get("remember", True)),
        left_out=_texts(raw.get("left_out", ())),
    )
    if mode != "compile" and not settings.module:
        raise ValueError("`app` names no module")
    return settings


def _texts(values: Any) -> tuple[str, ...]:
    if isinstance(values, str):
        raise TypeError("a list of texts was expected")
    return tuple(str(value) for value in values)
