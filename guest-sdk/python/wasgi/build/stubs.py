"""What the interpreter lacks and no module can stand in for: a few functions, and loggers that apps count on.

The modules are in `/0/stubs`, last on the search path, so that a real one always wins.
"""

from __future__ import annotations

import logging
import os
import tempfile

from wasgi import hashes, sockets

__all__ = ["install"]

USER = 1000
"""The guest's one user; `pwd` and `grp` among the stubs know it by name."""


def install() -> None:
    """Before the app is imported."""
    for name in ("getuid", "geteuid", "getgid", "getegid"):
        if not hasattr(os, name):
            setattr(os, name, _user)
    hashes.install()
    sockets.install()
    _spool_in_memory()
    _loggers()


def _user() -> int:
    return USER


def _loggers() -> None:
    """`logging.getLogger("uvicorn.error").info(…)` shows under uvicorn, and is how many apps log."""
    logger = logging.getLogger("uvicorn")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


def _spool_in_memory() -> None:
    """`SpooledTemporaryFile`, which holds uploads, goes to a temporary file when it grows. There is no folder for one
    unless the app has set TMPDIR below /data: then it stays in memory, which the host bounds."""
    rollover = tempfile.SpooledTemporaryFile.rollover

    def spool(self: tempfile.SpooledTemporaryFile) -> None:  # type: ignore[type-arg]
        try:
            rollover(self)
        except FileNotFoundError:
            self._max_size = 0  # type: ignore[attr-defined]

    tempfile.SpooledTemporaryFile.rollover = spool  # type: ignore[method-assign]
