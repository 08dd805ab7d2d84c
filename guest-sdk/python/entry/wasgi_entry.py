"""The module that the build tool imports, and thereby the whole of a Python component.

Importing it *is* the build: it brings the interpreter into the state that is then made the snapshot. `WitWorld` is
the name that the build tool looks for; its one method is the export `run` of `wit/world.wit`.
"""

from __future__ import annotations

import sys

# Before anything of ours is imported: bytecode is read from one tree, and none is written by the way.
sys.dont_write_bytecode = True
sys.pycache_prefix = "/0/pycache"

import wasgi.build  # noqa: E402
import wasgi.start  # noqa: E402

_built = wasgi.build.main()


class WitWorld:
    """The exports of the component."""

    def _async_start_run(self, borrows: int) -> int:
        """`run`: serves until the host has shut the instance down, then says that it is done. Raises nothing: that
        would be a trap. The name and the arguments are those by which the runtime starts an async export; its own
        version would run a coroutine on a loop of its own, in which ours cannot run."""
        return wasgi.start.run(_built, borrows)
