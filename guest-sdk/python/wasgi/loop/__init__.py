"""The asyncio event loop of an instance.

Owns: `EventLoop`, whose selector is one callable, `turn`, and the `Hub` through which every loop and every
waiting frame of the process shares that callable. The bridge makes the instance's loop at run time; `install`
makes `asyncio.run`, `asyncio.Runner` and `asyncio.new_event_loop` build loops of this class as well.
Knows nothing of ASGI, of calls or of wasm: natively it runs with any `turn`, for example one that sleeps.
"""

from .event_loop import EventLoop
from .hub import HUB, Hub, Turn
from .policy import install

__all__ = ["HUB", "EventLoop", "Hub", "Turn", "install"]
