"""What `send` raises when nobody listens, and the words for an app that failed.

`describe` is called for every exception that leaves an app, so it must cope with all of them: endless texts, causes
that go in circles, a `__str__` that raises, a full stack.
"""

from __future__ import annotations

import traceback
from pathlib import PurePath
from types import TracebackType
from typing import Final

MAX_TEXT: Final = 15 * 1024
"""Most bytes of one traceback in the log; the middle of a longer one is left out. The host keeps the first 16 KiB of a
text, and the last line of a traceback is the one that says what was wrong."""

MAX_FRAMES: Final = 60
"""Most frames of one traceback, counted from the place that raised, and of exceptions in a group."""

_HEAD: Final = MAX_TEXT // 4
_OURS: Final = str(PurePath(__file__).parent.parent)


class ClientDisconnected(ConnectionError):
    """The client is gone, or the host has ended the call: nobody will read what is sent (`D-01`, `W-17`).

    An `OSError`, raised by `send`. An app need not catch it: it is swallowed when it leaves the app (`A-09`, `D-02`).
    """


def describe(error: BaseException) -> str | None:
    """The traceback for the app's log, or None when the error says no more than that the client is gone."""
    if is_disconnect(error):
        return None
    try:
        text = "".join(
            traceback.TracebackException(
                type(error),
                error,
                _below_ours(error.__traceback__),
                limit=-MAX_FRAMES,
                compact=True,
                max_group_width=MAX_FRAMES,
            ).format()
        ).rstrip("\n")
    except BaseException as second:  # a hostile __str__, an empty stack, no memory: the first error still needs a name
        text = f"{_name(error)} (its traceback cannot be shown: {_name(second)})"
    return shorten(text)


def _below_ours(frames: TracebackType | None) -> TracebackType | None:
    """Without the frames of the loop on top, which say nothing about the app."""
    below = frames
    while below is not None and below.tb_frame.f_code.co_filename.startswith(_OURS):
        below = below.tb_next
    return frames if below is None else below


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
    """At most `MAX_TEXT` bytes, and a line in their middle: the beginning and, where the error stands, the end."""
    # Without lone surrogates, which no UTF-8 can carry.
    data = text.encode("utf-8", "backslashreplace")
    left_out = len(data) - MAX_TEXT
    if left_out <= 0:
        return data.decode()
    head = data[:_HEAD].decode(errors="ignore")
    tail = data[_HEAD + left_out :].decode(errors="ignore")
    return f"{head}\n… {left_out} bytes left out …\n{tail}"


def _name(error: BaseException) -> str:
    return type(error).__name__
