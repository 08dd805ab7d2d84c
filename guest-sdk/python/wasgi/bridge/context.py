"""Which call the code that runs belongs to.

`CALL` is set in the fresh context of every call (`G-18`) and inherited by the tasks that it starts, which is how
log lines and traps find the right request.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _wasgi import Call

CALL: Final[ContextVar[Call | None]] = ContextVar("wasgi.call", default=None)


def current_request_id() -> str | None:
    """The host's name for the request that runs, 16 hexadecimal digits as in its logs; None outside a request."""
    call = CALL.get()
    return None if call is None else call.request_id
