"""A `_wasgi` for tests without wasm: what the bridge's Python side needs of it to be imported, and what it is told."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest


class Said:
    """What the bridge has told the host, in order."""

    def __init__(self) -> None:
        self.actions: list[tuple[Any, ...]] = []

    def __call__(self, name: str) -> Any:
        return lambda *arguments: self.actions.append((name, *arguments))


SAID = Said()

if "_wasgi" not in sys.modules:
    fake = types.ModuleType("_wasgi")
    for name in ("startup", "shutdown", "flush", "enter"):
        setattr(fake, name, SAID(name))
    sys.modules["_wasgi"] = fake


@pytest.fixture
def said() -> list[tuple[Any, ...]]:
    """The list of what was told, empty at first."""
    SAID.actions.clear()
    return SAID.actions
