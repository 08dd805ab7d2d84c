"""What other servers give to threads, run inline."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import logging
import logging.handlers
import multiprocessing
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from wasgi.threads import PatchError, hooks, inline

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def fail() -> None:
    raise LookupError("inside")


def test_to_thread_has_a_copy_of_the_context() -> None:
    async def main() -> tuple[str, str]:
        VARIABLE.set("outer")

        def work() -> str:
            before = VARIABLE.get()
            VARIABLE.set("inner")
            return before

        return await asyncio.to_thread(work), VARIABLE.get()

    assert asyncio.run(main()) == ("outer", "outer")


def test_run_in_executor_keeps_exceptions_and_can_be_cancelled() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        with pytest.raises(LookupError, match="inside"):
            await loop.run_in_executor(None, fail)
        ran: list[str] = []
        future = loop.run_in_executor(None, ran.append, "never")
        future.cancel()
        await asyncio.sleep(0.001)
        return ran

    assert asyncio.run(main()) == []


def test_run_in_executor_is_not_run_before_its_caller_waits() -> None:
    async def main() -> bool:
        event = threading.Event()
        future = asyncio.get_running_loop().run_in_executor(None, event.wait, 5)
        event.set()
        return await future

    assert asyncio.run(main()) is True


def test_an_executor_of_ones_own() -> None:
    async def main() -> int:
        with ThreadPoolExecutor(max_workers=2) as pool:
            return await asyncio.get_running_loop().run_in_executor(pool, pow, 2, 5)

    assert asyncio.run(main()) == 32


def test_a_pool_without_a_loop() -> None:
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(str, range(3))) == ["0", "1", "2"]
        futures = [pool.submit(pow, 2, number) for number in range(4)]
        assert {future.result() for future in concurrent.futures.as_completed(futures)} == {1, 2, 4, 8}
        assert isinstance(pool.submit(fail).exception(), LookupError)
        last = pool.submit(str, 1)
    assert last.done()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(str)


def test_a_pools_initializer_runs_before_its_work() -> None:
    seen: list[str] = []
    with ThreadPoolExecutor(1, initializer=seen.append, initargs=("ready",)) as pool:
        pool.submit(seen.append, "work")
    assert seen == ["ready", "work"]


def test_a_pool_whose_initializer_fails_is_broken(caplog: pytest.LogCaptureFixture) -> None:
    pool = ThreadPoolExecutor(1, initializer=fail)
    first, second = pool.submit(str), pool.submit(str)
    for future in (first, second):
        with pytest.raises(concurrent.futures.BrokenExecutor):
            future.result()
    with pytest.raises(concurrent.futures.BrokenExecutor):
        pool.submit(str)


def test_cancelled_work_does_not_run() -> None:
    seen: list[str] = []
    pool = ThreadPoolExecutor(1)
    assert pool.submit(seen.append, "cancelled").cancel()
    kept = pool.submit(seen.append, "kept")
    pool.submit(seen.append, "dropped")
    kept.result()
    pool.shutdown(cancel_futures=True)
    assert seen == ["kept"]


def test_one_worker_never_does_two_things_at_once() -> None:
    async def main() -> int:
        pool = ThreadPoolExecutor(max_workers=1)
        inside = most = 0

        def work() -> None:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            asyncio.run(asyncio.sleep(0.002))
            inside -= 1

        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, work) for _ in range(4)))
        return most

    assert asyncio.run(main()) == 1


def test_identity_inside_and_outside() -> None:
    async def main() -> None:
        outside = (threading.get_ident(), threading.current_thread())
        inside = await asyncio.to_thread(lambda: (threading.get_ident(), threading.current_thread()))
        assert inside[0] != outside[0]
        assert inside[1] is not outside[1]
        assert outside[1] is threading.main_thread()
        assert (threading.get_ident(), threading.current_thread()) == outside

    asyncio.run(main())


def test_a_thread_runs_when_it_is_joined() -> None:
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append(threading.current_thread().name), name="mine")
    thread.start()
    assert thread.is_alive()
    thread.join()
    assert not thread.is_alive()
    assert seen == ["mine"]
    with pytest.raises(RuntimeError, match="once"):
        thread.start()


def test_a_thread_runs_beside_a_loop() -> None:
    async def main() -> bool:
        event = threading.Event()
        threading.Thread(target=event.set).start()
        await asyncio.sleep(0.005)
        return event.is_set()

    assert asyncio.run(main())


def test_a_thread_has_an_empty_context_and_reports_what_it_raises() -> None:
    seen: list[Any] = []
    before = threading.excepthook
    threading.excepthook = lambda args: seen.append(args.exc_value)
    try:
        VARIABLE.set("outer")
        for target in (lambda: seen.append(VARIABLE.get()), fail):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    finally:
        threading.excepthook = before
    assert seen[0] == "unset"
    assert isinstance(seen[1], LookupError)


def test_a_thread_that_consumes_for_ever_lies_below_everything_else() -> None:
    async def main() -> list[int]:
        jobs: queue.Queue[int | None] = queue.Queue()
        seen: list[int] = []

        def consume() -> None:
            while (item := jobs.get()) is not None:
                seen.append(item)

        thread = threading.Thread(target=consume, daemon=True)
        thread.start()
        for number in range(3):
            await asyncio.sleep(0.002)
            jobs.put(number)
        jobs.put(None)
        await asyncio.to_thread(thread.join)
        return seen

    assert asyncio.run(main()) == [0, 1, 2]


def test_a_thread_that_is_only_a_loop() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def work() -> str:
        await asyncio.sleep(0.001)
        return "worked"

    assert asyncio.run_coroutine_threadsafe(work(), loop).result(5) == "worked"
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    assert not thread.is_alive()
    loop.close()


def test_a_timer_waits_beside_everything_else() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        threading.Timer(0.005, seen.append, ["rang"]).start()
        cancelled = threading.Timer(0.005, seen.append, ["never"])
        cancelled.start()
        cancelled.cancel()
        await asyncio.sleep(0.02)
        return seen

    assert asyncio.run(main()) == ["rang"]


def test_a_queue_of_records_is_handled_when_it_is_filled() -> None:
    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    seen: list[str] = []
    records: queue.Queue[Any] = queue.Queue()
    listener = logging.handlers.QueueListener(records, Keep())
    logger = logging.Logger("queued")
    logger.addHandler(logging.handlers.QueueHandler(records))
    logger.warning("before")
    listener.start()
    logger.warning("while")
    assert seen == ["before", "while"]
    listener.stop()
    logger.warning("after")
    assert seen == ["before", "while"]


def test_processes_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="cannot start processes"):
        concurrent.futures.ProcessPoolExecutor()
    with pytest.raises(NotImplementedError, match="cannot start processes"):
        multiprocessing.Process(target=print).start()
    with pytest.raises(NotImplementedError, match="ThreadPoolExecutor works"):
        multiprocessing.Pool()


def test_one_warning_in_a_process(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "_told", False)
    with caplog.at_level("WARNING", logger="wasgi"), ThreadPoolExecutor() as pool:
        pool.submit(str).result()
        pool.submit(str).result()
        thread = threading.Thread(target=str)
        thread.start()
        thread.join()
    assert [record.message.split(" runs inline")[0] for record in caplog.records] == ["ThreadPoolExecutor"]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "patched_library.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "patched_library"
    sys.modules.pop("patched_library", None)
    hooks._finder.patches.pop("patched_library", None)
    hooks._failures.clear()


def test_a_patch_is_applied_after_the_import(library: str) -> None:
    def patch(module: ModuleType) -> None:
        module.value += 1

    hooks.when_imported(library, patch)
    assert library not in sys.modules
    module = __import__(library)
    assert module.value == 2
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    hooks.verify()


def test_a_patch_that_does_not_fit_is_reported_by_verify(library: str) -> None:
    hooks.when_imported(library, lambda module: hooks.expect(module, "gone"))
    __import__(library)
    with pytest.raises(PatchError, match="no attribute 'gone'") as caught:
        hooks.verify()
    assert "patched_library" in caught.value.what
    assert caught.value.hint


@pytest.mark.skipif(sys.platform == "wasi", reason="an instance has no processes")
def test_nothing_is_imported_by_installing() -> None:
    code = (
        "import sys, wasgi.threads; wasgi.threads.install();"
        "print([name for name in ('anyio', 'asgiref', 'aiosqlite', 'multiprocessing') if name in sys.modules])"
    )
    # A process of its own: this one has imported all of them. It has threads, as subprocess needs none here.
    path = str(Path(__file__).parents[2])
    env = {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == "[]"
