"""Process pools and `multiprocessing`: a clear error.

Owns: the one place each through which processes are started. `subprocess` and `os.fork` need nothing: the
interpreter's own build says that they are not there.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final, NoReturn

from .hooks import expect

WHY: Final = (
    "{}: a wasgi instance cannot start processes; call the function directly, run it in a thread pool (inline), "
    "or start the server with more instances"
)


def patch_pool(module: ModuleType) -> None:
    """For `concurrent.futures.process`."""
    pool: Any = module.ProcessPoolExecutor
    expect(pool, "submit")

    def refuse(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(WHY.format("ProcessPoolExecutor"))

    pool.__init__ = refuse


def patch_process(module: ModuleType) -> None:
    """For `multiprocessing.process`."""
    process: Any = module.BaseProcess
    expect(process, "start")

    def start(self: Any) -> NoReturn:
        raise NotImplementedError(WHY.format("multiprocessing.Process"))

    process.start = start


def patch_pools(module: ModuleType) -> None:
    """For `multiprocessing.pool`, whose pools of processes start with locks that need processes."""
    pool: Any = module.Pool
    expect(module, "ThreadPool", "CLOSE")
    thread_pool: Any = module.ThreadPool

    def refuse(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        self._state = module.CLOSE  # for its finalizer
        name = "ThreadPool" if isinstance(self, thread_pool) else "Pool"
        raise NotImplementedError(
            WHY.format(f"multiprocessing.{name}") + "; concurrent.futures.ThreadPoolExecutor works"
        )

    pool.__init__ = refuse
    thread_pool.__init__ = refuse
