"""What `send` raises when nobody listens, and the words for an app that failed.

`describe` is called for every exception that leaves an app, so it must cope with all of them: endless texts, causes
that go in circles, a `__str__` that raises, a full stack.
"""

from __future__ import annotations

import traceback
from typing import Final

MAX_TEXT: Final = 64 * 1024
"""Most characters of one traceback in the log; the middle of a longer one is left out."""

MAX_FRAMES: Final = 60
"""Most frames of one traceback, counted from the place that raised, and of exceptions in a group."""

_HEAD: Final = MAX_TEXT // 4


class ClientDisconnected(ConnectionError):
    """The client is gone, or the host has ended the call: nobody will read what is sent (`D-01`).

    An `OSError`, raised by `send`. An app need not catch it: it is swallowed when it leaves the app (`A-09`, `D-02`).
    """


def describe(error: BaseException) -> str | None:
    """The traceback for the app's log, or None when the error says no more than that the client is gone."""
    if is_disconnect(error):
        return None
    try:
        text = "".join(
            traceback.TracebackException(
                type(error), error, error.__traceback__, limit=-MAX_FRAMES, compact=True, max_group_width=MAX_FRAMES
            ).format()
        ).rstrip("\n")
    except BaseException as second:  # a hostile __str__, an empty stack, no memory: the first error still needs a name
        text = f"{_name(error)} (its traceback cannot be shown: {_name(second)})"
    return shorten(text)


def is_disconnect(error: BaseException | None) -> bool:
    """Whether `ClientDisconnected` is the whole story: it is the error, its cause, or all that is in a group."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ClientDisconnected):
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(is_disconnect(inner) for inner in error.exceptions)
        seen.add(id(error))
        error = error.__cause__
    return False


def shorten(text: str) -> str:
    """At most `MAX_TEXT` characters: the beginning and, where the error stands, the end."""
    left_out = len(text) - MAX_TEXT
    if left_out <= 0:
        return _sendable(text)
    return _sendable(f"{text[:_HEAD]}\n… {left_out} characters left out …\n{text[_HEAD + left_out :]}")


def _sendable(text: str) -> str:
    """Without lone surrogates, which no UTF-8 can carry."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _name(error: BaseException) -> str:
    return type(error).__name__
