"""Remembered functions: the same answers as before, and only of sources that were read."""

from __future__ import annotations

import collections
import inspect
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Optional, Union

import fastapi
import fastapi._compat
import fastapi._compat.shared
import fastapi.dependencies.utils
import pydantic
import pytest

from wasgi.build import remember as subject
from wasgi.build.remember import KNOWN, Known, digest, remember
from wasgi.build.report import Report


class Model(pydantic.BaseModel):
    """A model."""

    name: str


class Unhashable:
    """Metadata that has no hash."""

    __hash__ = None  # type: ignore[assignment]


class Same(type):
    """Classes that are equal, and not alike."""

    def __eq__(cls, other: object) -> bool:
        return isinstance(other, Same)

    def __hash__(cls) -> int:
        return 1


class EqualPlain(metaclass=Same):
    """No sequence."""


class EqualList(list[int], metaclass=Same):
    """A sequence."""


ANNOTATIONS: list[Any] = [
    int,
    str,
    bytes,
    list,
    list[int],
    tuple[int, ...],
    set[str],
    collections.deque,
    Sequence[int],
    dict[str, int],
    Model,
    list[Model],
    Optional[str],  # noqa: UP045
    str | None,
    Optional[list[int]],  # noqa: UP045
    list[int] | None,
    Model | None,
    Union[None, Model],  # noqa: UP007
    Model | int | None,
    Annotated[int, Unhashable()],
    Annotated[list[int], Unhashable()],
    Annotated[Model | None, "x"],
    Literal[1],
    Literal[True],
    Any,
    None,
    "list[int]",
    1,
    True,
    EqualPlain,
    EqualList,
    [],
    {},
]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[Any], Any]]:
    """The functions as they are installed. What is put in front of them is taken away afterwards, and what the build
    has put there is out of the way meanwhile."""
    found: dict[str, Callable[[Any], Any]] = {}
    for entry in KNOWN:
        present = getattr(sys.modules[entry.module], entry.name)
        found[entry.name] = inspect.unwrap(present)
        for module in list(sys.modules.values()):
            for name, value in list(vars(module).items()) if isinstance(module, types.ModuleType) else []:
                if value is present:
                    monkeypatch.setattr(module, name, found[entry.name])
    return found


@pytest.mark.skipif(sys.platform != "wasi", reason="there was no build")
def test_the_build_has_done_it() -> None:
    for entry in KNOWN:
        function = getattr(sys.modules[entry.module], entry.name)
        assert inspect.unwrap(function) is not function
        assert inspect.unwrap(function).__name__ == entry.name
    assert subject.digest(sys.modules[KNOWN[0].module], KNOWN[0]) not in KNOWN[0].sources, "once is enough"


def test_the_current_fastapi_is_one_that_was_read(plain: dict[str, Callable[[Any], Any]]) -> None:
    report = Report()
    remember(report)
    assert report.facts["remembered"] == [
        "fastapi._compat.shared.field_annotation_is_sequence",
        "fastapi.dependencies.utils._get_model_type",
    ]
    for module in (fastapi._compat, fastapi._compat.shared, fastapi.dependencies.utils):
        found = vars(module)["field_annotation_is_sequence"]
        assert found is not plain["field_annotation_is_sequence"], f"{module.__name__} has the plain one"
        assert found.__wrapped__ is plain["field_annotation_is_sequence"]
        assert inspect.signature(found) == inspect.signature(plain["field_annotation_is_sequence"])


def test_answers_are_those_of_the_plain_function(plain: dict[str, Callable[[Any], Any]]) -> None:
    remember(Report())
    for entry in KNOWN:
        remembered = getattr(sys.modules[entry.module], entry.name)
        for annotation in ANNOTATIONS * 2:
            assert remembered(annotation) is plain[entry.name](annotation), f"{entry.name} of {annotation}"


def _module(monkeypatch: pytest.MonkeyPatch, source: str) -> types.ModuleType:
    """A module made of `source`, which `inspect` can read."""
    module = types.ModuleType("library")
    monkeypatch.setitem(sys.modules, "library", module)
    monkeypatch.setattr(subject.inspect, "getsource", lambda code: source)
    exec(source, module.__dict__)
    return module


COUNTED = """
calls = []
def answer(annotation):
    calls.append(annotation)
    if annotation == "raises":
        raise TypeError(annotation)
    return [annotation]
"""


def _known(module: Any) -> Known:
    entry = Known("library", "answer", (), frozenset())
    return replace(entry, sources=frozenset({str(digest(module, entry))}))


def test_it_is_asked_once_for_each_object_and_again_after_it_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    module = _module(monkeypatch, COUNTED)
    remember(Report(), [_known(module)])
    for unhashable in ([], []):
        assert module.answer(unhashable) is module.answer(annotation=unhashable)
    assert module.calls == [[], []], "two objects that are equal"
    for _ in range(2):
        with pytest.raises(TypeError, match=r"^raises$") as raised:
            module.answer("raises")
        assert raised.value.__context__ is None
    assert module.calls[2:] == ["raises", "raises"]


def test_a_class_registered_later_counts(plain: dict[str, Callable[[Any], Any]]) -> None:
    class Late:
        """Becomes a sequence."""

    remember(Report())
    asked = fastapi._compat.field_annotation_is_sequence
    assert not asked(Late)
    Sequence.register(Late)
    assert asked(Late) and asked(Late)


def test_it_remembers_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "ANSWERS_MAX", 3)
    module = _module(monkeypatch, COUNTED)
    remember(Report(), [_known(module)])
    things = [object() for _ in range(5)]
    for thing in [*things, things[4], things[0]]:
        assert module.answer(thing) == [thing]
    assert module.calls == [*things, things[0]]


def test_other_sources_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    module = _module(monkeypatch, COUNTED)
    entry = _known(module)
    other = _module(monkeypatch, COUNTED.replace("[annotation]", "(annotation,)"))
    function = other.answer
    report = Report()
    remember(
        report, [entry, Known("library", "missing", (), frozenset()), Known("not_there", "answer", (), frozenset())]
    )
    assert other.answer is function and report.facts == {}

    def unreadable(code: object) -> str:
        raise OSError("could not get source code")

    monkeypatch.setattr(subject.inspect, "getsource", unreadable)
    remember(report, [replace(entry, sources=frozenset({"None"}))])
    assert other.answer is function and report.facts == {}
