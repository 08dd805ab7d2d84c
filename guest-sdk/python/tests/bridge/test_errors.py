"""`describe` copes with everything that may leave an app."""

from __future__ import annotations

import asyncio
import sys

import pytest

from wasgi.bridge.errors import MAX_TEXT, ClientDisconnected, describe, is_disconnect


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def text(error: BaseException) -> str:
    described = describe(error)
    assert described is not None
    return described


def test_a_traceback_names_the_place_and_the_error() -> None:
    described = text(raised(ValueError("oh")))
    assert described.startswith("Traceback (most recent call last):")
    assert "test_errors.py" in described
    assert described.endswith("ValueError: oh")


def test_a_cause_is_told_too() -> None:
    error = ValueError("second")
    error.__cause__ = raised(KeyError("first"))
    assert "KeyError: 'first'" in text(raised(error))


def test_a_text_of_megabytes_is_cut_in_the_middle() -> None:
    described = text(raised(ValueError("x" * 2_000_000 + " the end")))
    assert len(described) < MAX_TEXT + 100
    assert "left out" in described
    assert described.endswith("the end")


def test_causes_that_go_in_circles_end() -> None:
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    assert "ValueError: one" in text(raised(first))
    assert not is_disconnect(first)


def test_a_str_that_raises_is_no_trouble() -> None:
    class HostileError(Exception):
        def __str__(self) -> str:
            raise SystemExit("never shown")

        __repr__ = __str__

    assert "HostileError" in text(raised(HostileError()))


def test_a_full_stack_is_described_in_few_lines() -> None:
    def deeper(n: int) -> int:
        return deeper(n + 1)

    with pytest.raises(RecursionError) as caught:
        deeper(0)
    described = text(caught.value)
    assert "more times" in described
    assert len(described.splitlines()) < 80


def test_lone_surrogates_do_not_reach_the_host() -> None:
    text(raised(ValueError("\udcff"))).encode()


def test_an_error_without_a_traceback_is_named() -> None:
    assert text(SystemExit(3)) == "SystemExit: 3"
    assert "CancelledError" in text(asyncio.CancelledError())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ClientDisconnected("gone"), True),
        (OSError("another"), False),
        (ExceptionGroup("all", [ClientDisconnected(), ClientDisconnected()]), True),
        (ExceptionGroup("some", [ClientDisconnected(), ValueError()]), False),
    ],
)
def test_only_a_disconnect_is_swallowed_a09(error: BaseException, expected: bool) -> None:
    assert is_disconnect(error) is expected
    assert (describe(error) is None) is expected


def test_a_disconnect_is_an_oserror_d01_and_its_consequences_count_as_one() -> None:
    assert issubclass(ClientDisconnected, OSError)
    consequence = RuntimeError("could not send")
    consequence.__cause__ = ClientDisconnected()
    assert describe(consequence) is None


def test_a_bug_while_handling_a_disconnect_is_told() -> None:
    try:
        try:
            raise ClientDisconnected
        except OSError:
            raise KeyError("cleanup")  # noqa: B904
    except KeyError as error:
        assert "KeyError: 'cleanup'" in text(error)


def test_the_frames_of_the_sdk_on_top_are_left_out() -> None:
    from wasgi.bridge.ends import awaiting

    async def app() -> None:
        raise ValueError("oh")

    coroutine = awaiting(app())
    try:
        coroutine.send(None)
    except ValueError as error:
        frames = error.__traceback__
        assert frames is not None
        described = text(error.with_traceback(frames.tb_next))
    assert "ends.py" not in described
    assert sys.modules["wasgi.bridge.ends"].__file__
