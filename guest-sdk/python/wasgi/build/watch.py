"""Stands around the import of the app: says which module is being imported, and turns `os._exit` into an exception.

Nothing of it is left when the import is over; it is not in the snapshot.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .report import Progress
from .tracebacks import is_own

__all__ = ["ExitCalled", "Watch"]


class ExitCalled(BaseException):
    """`os._exit` was called in the middle of a build, where it would end the build without a word."""

    def __init__(self, code: object = 0) -> None:
        super().__init__(f"os._exit({code!r})")


class Watch(MetaPathFinder):
    """A context in which code of the app is run at build time."""

    def __init__(self, roots: Sequence[str], progress: Progress) -> None:
        self._roots = tuple(roots)
        self._progress = progress
        self._exit: Callable[..., Any] | None = None

    def __enter__(self) -> Watch:
        self._exit = os._exit
        os._exit = self._no_exit  # type: ignore[assignment]
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self._exit is not None:
            os._exit = self._exit

    @staticmethod
    def _no_exit(code: object = 0) -> None:
        raise ExitCalled(code)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Finds the app's own modules, which tell when they start and end; all others are left to whom they belong."""
        if fullname in sys.builtin_module_names:
            return None
        own = [entry for entry in (self._roots if path is None else path) if is_own(f"{entry}/", self._roots)]
        spec = importlib.machinery.PathFinder.find_spec(fullname, own, target) if own else None
        if spec is None or spec.loader is None or not is_own(spec.origin or "", self._roots):
            return None
        loader = spec.loader
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            with self._progress.step(fullname):
                run(module)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
