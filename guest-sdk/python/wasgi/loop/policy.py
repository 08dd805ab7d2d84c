"""What `asyncio.new_event_loop`, `asyncio.run` and `asyncio.Runner` make.

Owns: the process's event loop policy. The build installs it before the app is imported. Never: makes a loop of its
own accord. Every call of `new_event_loop` gives a **new** loop with its own queue, task factory and exception
handler; all of them share the process's one `turn`, so each can wait for the host and none keeps the others from
running.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import events, unix_events
from typing import Any

from .event_loop import EventLoop

if sys.version_info >= (3, 14):
    _Base: Any = events._BaseDefaultEventLoopPolicy
    _set_policy = events._set_event_loop_policy
    _DEFAULT = "_DefaultEventLoopPolicy"
else:
    _Base = events.BaseDefaultEventLoopPolicy
    _set_policy = events.set_event_loop_policy
    _DEFAULT = "DefaultEventLoopPolicy"


class Policy(_Base):  # type: ignore[misc]
    """asyncio's default policy with `EventLoop`."""

    def _loop_factory(self) -> EventLoop:
        return EventLoop()


def install() -> None:
    """Makes asyncio use `EventLoop` from now on, also after `set_event_loop_policy(None)`. Running loops stay."""
    setattr(unix_events, _DEFAULT, Policy)
    _set_policy(Policy())
    # Some libraries name the class that asyncio.run would take.
    asyncio.EventLoop = EventLoop  # type: ignore[misc, assignment, attr-defined, unused-ignore]
