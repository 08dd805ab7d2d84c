"""`logging.handlers.QueueListener` without its thread.

Owns: `start` and `stop`. A started listener hands each record to its handlers when it is put into the queue. Queues
that cannot be given such a `put` keep the thread, which then lies at the bottom of the stack. Never: loses a record
that was queued before.
"""

from __future__ import annotations

import queue
from types import ModuleType
from typing import Any

from .hooks import expect


def _start(self: Any) -> None:
    """`QueueListener.start`."""
    if getattr(self, "_thread", None) is not None:
        raise RuntimeError("Listener already started")
    handling = False
    target = self.queue
    original = target.put

    def drain() -> None:
        nonlocal handling
        if handling:
            return
        handling = True
        try:
            while True:
                try:
                    record = target.get_nowait()
                except queue.Empty:
                    return
                self.handle(record)
        finally:
            handling = False

    def put(record: Any, block: bool = True, timeout: float | None = None) -> None:
        original(record, block, timeout)
        drain()

    def put_nowait(record: Any) -> None:
        put(record, False)

    target.put_nowait = put_nowait
    target.put = put
    self._thread = drain
    drain()


def _stop(self: Any) -> None:
    """`QueueListener.stop`."""
    drain = getattr(self, "_thread", None)
    if drain is None:
        return
    drain()
    self._thread = None
    del self.queue.put_nowait, self.queue.put


def patch(module: ModuleType) -> None:
    """For `logging.handlers`."""
    listener: Any = module.QueueListener
    expect(listener, "start", "stop", "handle")
    threaded_start, threaded_stop = listener.start, listener.stop

    def start(self: Any) -> None:
        if isinstance(self.queue, (queue.Queue, queue._PySimpleQueue)):  # type: ignore[attr-defined]
            _start(self)
        else:
            threaded_start(self)

    def stop(self: Any) -> None:
        if callable(getattr(self, "_thread", None)):
            _stop(self)
        else:
            threaded_stop(self)

    listener.start = start
    listener.stop = stop
