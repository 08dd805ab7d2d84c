"""Stands in for `fcntl`: the names are there, the calls are not.

A lock that is granted to everybody would be worse than an error: instances share `/data`.
"""

from __future__ import annotations

import errno
from typing import Any, NoReturn

FD_CLOEXEC = 1
F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW = range(8)
F_RDLCK, F_WRLCK, F_UNLCK = 0, 1, 2
F_DUPFD_CLOEXEC = 1030
LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN = 1, 2, 4, 8


def _none(name: str) -> NoReturn:
    raise OSError(errno.ENOTSUP, f"fcntl.{name}: WebAssembly has no file locks and no control of descriptors")


def fcntl(fd: Any, cmd: int, arg: Any = 0) -> NoReturn:
    """Not possible."""
    _none("fcntl")


def flock(fd: Any, operation: int) -> NoReturn:
    """Not possible."""
    _none("flock")


def ioctl(fd: Any, request: int, arg: Any = 0, mutate_flag: bool = True) -> NoReturn:
    """Not possible."""
    _none("ioctl")


def lockf(fd: Any, cmd: int, len: int = 0, start: int = 0, whence: int = 0) -> NoReturn:
    """Not possible."""
    _none("lockf")
