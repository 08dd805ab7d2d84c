"""Stands in for `syslog`: its lines go to stderr, and so to the app's log."""

from __future__ import annotations

import sys
from typing import Any

LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG = range(8)
LOG_KERN, LOG_USER, LOG_MAIL, LOG_DAEMON, LOG_AUTH, LOG_SYSLOG, LOG_LPR, LOG_NEWS = range(0, 64, 8)
LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3, LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7 = range(128, 192, 8)
LOG_PID, LOG_CONS, LOG_ODELAY, LOG_NDELAY, LOG_NOWAIT, LOG_PERROR = 1, 2, 4, 8, 16, 32

_mask = 0xFF


def openlog(ident: str = "", logoption: int = 0, facility: int = LOG_USER) -> None:
    """Nothing to open."""


def closelog() -> None:
    """Nothing to close."""


def setlogmask(maskpri: int) -> int:
    """Which priorities are let through; returns what it was."""
    global _mask
    before, _mask = _mask, maskpri or _mask
    return before


def LOG_MASK(pri: int) -> int:
    """One priority."""
    return 1 << pri


def LOG_UPTO(pri: int) -> int:
    """All priorities down to this one."""
    return (1 << (pri + 1)) - 1


def syslog(*arguments: Any) -> None:
    """`syslog(message)` or `syslog(priority, message)`."""
    priority, message = arguments if len(arguments) == 2 else (LOG_INFO, arguments[0])
    if _mask & LOG_MASK(int(priority) & 7):
        print(message, file=sys.stderr)
