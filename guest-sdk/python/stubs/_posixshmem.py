"""Stands in for `_posixshmem`, below `multiprocessing.shared_memory`: it imports, and shares nothing."""

from __future__ import annotations

import errno
from typing import Any, NoReturn


def shm_open(path: str, flags: int, mode: int = 0o777) -> NoReturn:
    """Not possible."""
    raise OSError(errno.ENOTSUP, "shared memory: WebAssembly has none")


def shm_unlink(path: Any) -> NoReturn:
    """Not possible."""
    raise OSError(errno.ENOTSUP, "shared memory: WebAssembly has none")
