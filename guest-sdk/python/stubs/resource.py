"""Stands in for `resource`: CPU time is measured, everything else is nought or without a limit."""

from __future__ import annotations

import time
from typing import NamedTuple, NoReturn

error = OSError
RLIM_INFINITY = -1
(
    RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE,
    RLIMIT_MEMLOCK, RLIMIT_AS,
) = range(10)  # fmt: skip
RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD = 0, -1, 1


class struct_rusage(NamedTuple):
    """What has been used; times in seconds."""

    ru_utime: float = 0.0
    ru_stime: float = 0.0
    ru_maxrss: int = 0
    ru_ixrss: int = 0
    ru_idrss: int = 0
    ru_isrss: int = 0
    ru_minflt: int = 0
    ru_majflt: int = 0
    ru_nswap: int = 0
    ru_inblock: int = 0
    ru_oublock: int = 0
    ru_msgsnd: int = 0
    ru_msgrcv: int = 0
    ru_nsignals: int = 0
    ru_nvcsw: int = 0
    ru_nivcsw: int = 0


_start = 0.0


def getrusage(who: int) -> struct_rusage:
    """CPU time of the instance, from the first call on. The clock starts anew in each instance, below where the
    snapshot saw it."""
    global _start
    now = time.process_time()
    if _start == 0.0 or now < _start:
        _start = now
    return struct_rusage() if who == RUSAGE_CHILDREN else struct_rusage(ru_utime=now - _start)


def getrlimit(resource: int) -> tuple[int, int]:
    """No limit that the guest can see; the host has its own."""
    return RLIM_INFINITY, RLIM_INFINITY


def setrlimit(resource: int, limits: tuple[int, int]) -> NoReturn:
    """Not possible: limits are the host's."""
    raise ValueError("resource.setrlimit: limits of a wasgi guest are set by the host, in [limits] of wasgi.toml")


def getpagesize() -> int:
    """A page of WebAssembly's memory, in bytes."""
    return 65_536
