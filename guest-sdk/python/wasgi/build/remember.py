"""Remembers what libraries compute again for every request although it never changes.

FastAPI asks of each parameter's annotation, at each request, whether it is a sequence or a model. `KNOWN` names such
functions: pure functions of one annotation, which somebody has read. `remember`, called by the build between the
import of the app and its warm-up, puts a function in front of each that looks the answer up, if, and only if, the
sources are the very ones that were read; another version is left alone. It never changes what a function answers or
raises.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import linecache
import sys
from abc import get_cache_token
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final

from .report import Report

__all__ = ["KNOWN", "Known", "remember"]

ANSWERS_MAX: Final = 4096
"""Most answers that one function remembers; it then starts anew. An app has as many as it has parameters."""


@dataclass(frozen=True)
class Known:
    """A function of one parameter, `annotation`, whose answer follows from that object and from nothing else but which
    classes are registered with which abstract ones."""

    module: str
    name: str
    uses: tuple[str, ...]
    """Functions that it calls, under their names in that module; the standard library's excepted."""
    sources: frozenset[str]
    """The sources that were read, each as its `digest`. FastAPI 0.150 to 0.165 have the ones below."""


KNOWN: Final = (
    Known(
        "fastapi._compat.shared",
        "field_annotation_is_sequence",
        ("_annotation_is_sequence", "lenient_issubclass"),
        frozenset({"7e4a35e4279001b0b1cf7545d820329c", "70df921b3ac4a880d95ff9d0cbea4749"}),
    ),
    Known(
        "fastapi.dependencies.utils",
        "_get_model_type",
        ("lenient_issubclass",),
        frozenset({"b20624feadaaba062af27cbc08162817"}),
    ),
)


def remember(report: Report, known: Iterable[Known] = KNOWN) -> None:
    """Does so for all of `known` that is imported and the same; the report says for which, as dotted names."""
    found: list[str] = []
    for entry in known:
        module = sys.modules.get(entry.module)
        function = getattr(module, entry.name, None)
        if isinstance(function, FunctionType) and digest(module, entry) in entry.sources:
            _replace(function, _remembering(function))
            found.append(f"{entry.module}.{entry.name}")
    if found:
        report.facts["remembered"] = found


def digest(module: Any, entry: Known) -> str | None:
    """What the sources of the function and of those that it uses are recognised by; None if they cannot be read."""
    sources = hashlib.sha256()
    before = set(linecache.cache)
    try:
        for name in (entry.name, *entry.uses):
            sources.update(inspect.getsource(getattr(module, name).__code__).encode())
    except Exception:  # no source, nothing of that name, no function of Python's: it is not what was read
        return None
    finally:
        # The snapshot should not carry them.
        for file in set(linecache.cache) - before:
            del linecache.cache[file]
    return sources.hexdigest()[:32]


def _remembering(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`function`, asked once for each object. By identity: equal annotations need not be alike, and need no hash."""
    answers: dict[int, Any] = {}
    # Keeps them alive, so that none of their ids becomes that of another.
    asked: list[Any] = []
    token = get_cache_token()

    @functools.wraps(function)
    def remembered(annotation: Any) -> Any:
        nonlocal token
        if token == get_cache_token():
            try:
                return answers[id(annotation)]
            except KeyError:
                pass
        else:
            # A class was registered with an abstract one.
            token = get_cache_token()
            answers.clear()
            asked.clear()
        answer = function(annotation)
        if len(asked) >= ANSWERS_MAX:
            answers.clear()
            asked.clear()
        asked.append(annotation)
        answers[id(annotation)] = answer
        return answer

    return remembered


def _replace(function: object, by: object) -> None:
    """Wherever a module has it under a name: `from … import` has made copies."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if type(names) is not dict:
            continue
        for name in [name for name, value in names.items() if value is function]:
            names[name] = by
