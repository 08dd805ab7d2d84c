"""Patches a module right after somebody has imported it.

Owns: the finder at the head of `sys.meta_path` and the list of patches that did not fit. Called by `install` with each
patch, by the import system, and by the build through `verify`. Never: imports a module that nobody asked for, lets a
patch that fails break the import (the build reports it as a whole, with a hint).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

type Patch = Callable[[ModuleType], None]

_log = logging.getLogger("wasgi")
_failures: list[PatchError] = []


class PatchError(Exception):
    """A library has changed in a place that a thread bridge needs."""

    def __init__(self, module: str, why: str) -> None:
        self.what = f"wasgi has no thread bridge for this version of {module}"
        self.why = why
        self.hint = (
            f"install a version of {module.partition('.')[0]} that this version of wasgi knows, or a newer wasgi; "
            "without the bridge its worker threads would never run"
        )
        super().__init__(f"{self.what}: {why}")


class _PatchedLoader(Loader):
    """The module's own loader, and then the patch."""

    def __init__(self, loader: Any, patch: Patch) -> None:
        self._loader = loader
        self._patch = patch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _apply(module, self._patch)


class _Finder(MetaPathFinder):
    """Answers for the modules that have a patch, through the finders behind it."""

    def __init__(self) -> None:
        self.patches: dict[str, Patch] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        patch = self.patches.get(fullname)
        if patch is None:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _PatchedLoader(spec.loader, patch)
                return spec
        return None


_finder = _Finder()


def when_imported(name: str, patch: Patch) -> None:
    """Calls `patch(module)` now, if the module is there, else after its import."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _finder.patches[name] = patch
    module = sys.modules.get(name)
    if module is not None:
        _apply(module, patch)


def verify() -> None:
    """Raises the first `PatchError` of the modules imported so far."""
    if _failures:
        raise _failures[0]


def expect(owner: Any, *names: str) -> None:
    """For patches: raises when one of these attributes is not where it was."""
    for name in names:
        if not hasattr(owner, name):
            raise AttributeError(f"{getattr(owner, '__name__', owner)!s} has no attribute {name!r}")


def _apply(module: ModuleType, patch: Patch) -> None:
    try:
        patch(module)
    except Exception as raised:
        failure = PatchError(module.__name__, f"{type(raised).__name__}: {raised}")
        failure.__cause__ = raised
        _failures.append(failure)
        _log.error("%s", failure)
