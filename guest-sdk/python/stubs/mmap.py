"""Stands in for `mmap`: files cannot be mapped."""

from __future__ import annotations

import errno
from typing import Any

ACCESS_DEFAULT, ACCESS_READ, ACCESS_WRITE, ACCESS_COPY = range(4)
MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_ANON = 1, 2, 32, 32
PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
PAGESIZE = ALLOCATIONGRANULARITY = 65_536
error = OSError


class mmap:
    """Cannot be made."""

    def __new__(cls, *_: Any, **__: Any) -> mmap:
        """Not possible."""
        raise OSError(errno.ENOTSUP, "mmap: WebAssembly cannot map files into memory; read them")
