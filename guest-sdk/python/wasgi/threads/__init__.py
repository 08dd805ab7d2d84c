"""What other servers give to threads, run on the instance's one stack.

Owns: the patches of `threading`, `concurrent.futures`, `queue` and of libraries that keep worker threads (anyio,
aiosqlite, `logging.handlers.QueueListener`), the identity that code sees while it stands for another thread, and
one warning per process. The build calls `install` before the app is imported and `verify` after it. Libraries are
patched when somebody
imports them; this package imports none of them. Never: makes anything parallel. A function that computes or sleeps
keeps its instance busy; one that waits (`Event.wait`, `Future.result`, `asyncio.run`) lets the instance go on
(`wasgi.loop.hub`).
"""

from .hooks import PatchError, verify
from .inline import run_inline, run_job
from .install import install

__all__ = ["PatchError", "install", "run_inline", "run_job", "verify"]
