"""What must not be frozen into the snapshot, and what is made new when an instance starts from it.

Every instance starts from the same memory: a random generator, a cached name or an open file that was made at
build time would be the same in all of them, or be wrong. `record` runs before the app is imported, `tidy` after, and
`renew` at the start of each instance. The runtime itself seeds `random`'s own generator anew and fills
`os.environ`; what cannot be helped (the hash seed) is in the README.
"""

from __future__ import annotations

import gc
import io
import random
import socket
import sys
import time
import weakref
from typing import Any

from . import output
from .report import Report
from .tracebacks import short

__all__ = ["record", "renew", "tidy"]

LEFT_OPEN = "was left open by the import of the app, and is broken in an instance: open it in the lifespan"

_unseeded: dict[int, weakref.ref[random.Random]] = {}
"""By their identity: most often there is none, and each instance looks."""
_seed = random.Random.seed


def record() -> None:
    """From here on generators that are made without a seed are remembered, until `tidy`."""

    def seed(self: random.Random, a: Any = None, *args: Any, **named: Any) -> None:
        _seed(self, a, *args, **named)
        if a is None and not isinstance(self, random.SystemRandom):
            _unseeded[id(self)] = weakref.ref(self)
        else:
            _unseeded.pop(id(self), None)

    random.Random.seed = seed  # type: ignore[method-assign]


def tidy(report: Report) -> None:
    """Collects, looks for what cannot live in a snapshot, and freezes the heap: the collector never looks at what is
    frozen, so its pages stay shared between all instances. Nor does an instance fill the holes
    between: what it makes has pages of its own."""
    random.Random.seed = _seed  # type: ignore[method-assign]
    for _ in range(2):
        gc.collect()
    for text in stale_handles():
        report.warn(text)
    gc.collect()
    gc.freeze()
    if native := sys.modules.get("_wasgi"):
        native.renew_heap()
    report.facts["frozen"] = gc.get_freeze_count()
    report.facts["modules"] = len(sys.modules)


def stale_handles() -> list[str]:
    """Sentences about files, databases and sockets that the app holds open: they end with the build."""
    found: list[str] = []
    ours = [output.innermost(stream) for stream in (sys.__stdout__, sys.__stderr__)]
    for thing in gc.get_objects():
        # By the exact type: `isinstance` would ask lazy proxies for their class, and wake them.
        kind = type(thing)
        if issubclass(kind, io.FileIO):
            if not thing.closed and thing.fileno() > 2 and thing not in ours:
                found.append(f"`{short(str(thing.name))}` {LEFT_OPEN}")
        elif issubclass(kind, socket.socket):
            if thing.fileno() >= 0:
                found.append(f"a socket {LEFT_OPEN}")
        elif "sqlite3" in sys.modules and issubclass(kind, sys.modules["sqlite3"].Connection):
            if file := _database(thing):
                found.append(f"the database `{short(file)}` {LEFT_OPEN}, below /data")
    return found


def _database(connection: Any) -> str:
    try:
        return next((str(row[2]) for row in connection.execute("PRAGMA database_list") if row[2]), "")
    except Exception:  # it is closed already, or in the hands of something else
        return ""


def renew() -> None:
    """Makes new what all instances would share otherwise. Costs microseconds; runs at each start."""
    for reference in _unseeded.values():
        generator = reference()
        if generator is not None:
            generator.seed()
    for module, name in (("tempfile", "_name_sequence"), ("tempfile", "tempdir"), ("uuid", "_node")):
        if module in sys.modules:
            setattr(sys.modules[module], name, None)
    if "logging" in sys.modules:
        sys.modules["logging"].__dict__["_startTime"] = time.time_ns()
