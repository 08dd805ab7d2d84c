"""Stands in for `_multiprocessing`, below the standard library: `multiprocessing` imports, and has no processes."""

from __future__ import annotations

import errno
from typing import Any, NoReturn

flags: dict[str, int] = {}


class SemLock:
    """Cannot be made."""

    SEM_VALUE_MAX = 2_147_483_647

    def __new__(cls, *_: Any, **__: Any) -> SemLock:
        """Not possible."""
        raise OSError(errno.ENOTSUP, "multiprocessing: WebAssembly has no processes and no shared semaphores")


def sem_unlink(name: str) -> NoReturn:
    """Not possible."""
    raise OSError(errno.ENOTSUP, "multiprocessing: WebAssembly has no shared semaphores")
