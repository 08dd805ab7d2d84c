"""What an app may not do, or not much of: loops, memory, depth, threads, processes, sockets; and what it prints."""

import asyncio
import concurrent.futures
import contextvars
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time

from words import Behaviour, Receive, Scope, Send, query, text

HOG: list[bytearray] = []
marked: contextvars.ContextVar[str] = contextvars.ContextVar("marked", default="not inherited")


async def spin(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An endless loop."""
    print("spinning")
    while True:
        pass


async def sleep(scope: Scope, _receive: Receive, send: Send) -> None:
    """Blocks, as `time.sleep` does everywhere."""
    started = time.monotonic()
    time.sleep(float(query(scope)["seconds"]))
    await text(send, f"slept {time.monotonic() - started >= float(query(scope)['seconds'])}")


async def eat(scope: Scope, _receive: Receive, send: Send) -> None:
    """Takes `?mib=` of memory and keeps it; without, all there is."""
    asked = query(scope)
    if "mib" in asked:
        HOG.append(bytearray(int(asked["mib"]) << 20))
        await text(send, f"{asked['mib']} MiB")
        return
    try:
        while True:
            HOG.append(bytearray(1 << 20))
    finally:
        HOG.clear()


async def eat_at_once(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Asks for more than there can be, and handles the refusal."""
    try:
        bytearray(1 << 30)
    except MemoryError:
        await text(send, "MemoryError")


async def eat_in_small_pieces(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Takes all there is in pieces so small that nothing is left for the error either."""
    kept: list[object] = []
    while True:
        kept.append([kept, len(kept)])


async def recurse(scope: Scope, _receive: Receive, send: Send) -> None:
    """Recursion without end, in Python; `?limit=` lifts Python's own limit first."""
    asked = query(scope)
    if "limit" in asked:
        sys.setrecursionlimit(int(asked["limit"]))

    def deeper(depth: int) -> int:
        return deeper(depth + 1) + 1

    if "caught" in asked:
        try:
            deeper(0)
        except RecursionError as error:
            await text(send, f"RecursionError: {error}")
        return
    deeper(0)


async def recurse_in_c(scope: Scope, receive: Receive, send: Send) -> None:
    """Deep recursion in C code: what the body holds is parsed, shown and dropped."""
    data = bytearray()
    more = True
    while more:
        event = await receive()
        data += event["body"]
        more = event["more_body"]
    how = query(scope).get("how", "json")
    try:
        if how == "json":
            json.loads(bytes(data))
        elif how == "repr":
            nested: list[object] = []
            for _ in range(int(data)):
                nested = [nested]
            repr(nested)
        elif how == "compare":
            one: list[object] = []
            other: list[object] = []
            for _ in range(int(data)):
                one, other = [one], [other]
            assert one == other
        elif how == "compile":
            compile("(" * int(data) + ")" * int(data), "deep", "eval")
        elif how == "class":
            deep: type = object
            for number in range(int(data)):
                deep = type(f"Deep{number}", (deep,), {})
            deep()
        elif how == "drop":
            dropped: object = None
            for _ in range(int(data)):
                dropped = (dropped,)
            del dropped
    except (RecursionError, MemoryError, SyntaxError) as error:
        await text(send, f"{type(error).__name__}")
        return
    await text(send, "done")


async def thread(scope: Scope, _receive: Receive, send: Send) -> None:
    """Threads in every way that libraries start them."""
    how = query(scope)["how"]
    seen: list[str] = []
    marked.set("inherited")

    def work(word: str = "worked") -> str:
        seen.append(f"{word} {marked.get()}")
        return word

    if how == "to-thread":
        seen.append(await asyncio.to_thread(work))
    elif how == "executor":
        seen.append(await asyncio.get_running_loop().run_in_executor(None, work, "four"))
    elif how == "pool":
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(work, ["a", "b", "c"]))
        seen.extend(results)
    elif how == "raising":
        try:
            await asyncio.to_thread(int, "x")
        except ValueError as error:
            seen.append(str(error))
    elif how == "thread":
        started = threading.Thread(target=work)
        started.start()
        started.join()
    elif how == "process-pool":
        with concurrent.futures.ProcessPoolExecutor(1) as processes:
            processes.submit(work).result()
    await text(send, "|".join(seen))


async def forbidden(scope: Scope, _receive: Receive, send: Send) -> None:
    """What a component cannot do: which error it gets."""
    how = query(scope)["how"]
    try:
        if how == "fork":
            os.fork()  # type: ignore[attr-defined,unused-ignore]
        elif how == "subprocess":
            subprocess.run(["true"], check=True)
        elif how == "subprocess-async":
            await asyncio.create_subprocess_exec("true")
        elif how == "system":
            os.system("true")
        elif how == "connect":
            socket.create_connection(("127.0.0.1", 1), timeout=1)
        elif how == "connect-async":
            await asyncio.open_connection("127.0.0.1", 1)
        elif how == "listen":
            socket.socket().bind(("127.0.0.1", 0))
        elif how == "serve-async":
            await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
        elif how == "resolve":
            socket.getaddrinfo("localhost", 80)
        elif how == "signal":
            asyncio.get_running_loop().add_signal_handler(15, print)
        elif how == "read":
            with open("/etc/passwd") as file:
                file.read()
        elif how == "write":
            with open("written.txt", "w") as file:
                file.write("x")
        elif how == "asyncio-run":
            asyncio.run(asyncio.sleep(0))
        elif how == "ssl":
            import ssl

            ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
        elif how == "input":
            input()
        elif how == "breakpoint":
            breakpoint()
        else:
            await text(send, f"what is {how}?", 404)
            return
    except Exception as error:
        await text(send, f"{type(error).__name__}: {error}")
        return
    await text(send, "it can")


async def world(_scope: Scope, _receive: Receive, send: Send) -> None:
    """What it sees of the world."""
    lines = [f"env {name}={value}" for name, value in sorted(os.environ.items())]
    lines += [f"argv {sys.argv}", f"cwd {os.getcwd()}", f"here {sorted(os.listdir('.'))}", f"platform {sys.platform}"]
    lines += [
        f"exists {path} {os.path.exists(path)}" for path in ("/1/main.py", "/data", "/etc", "/tmp", "/1/../../etc")
    ]
    with open("words.py") as file:
        lines.append(f"reads {file.readline().strip()}")
    await text(send, "\n".join(lines))


async def prints(scope: Scope, _receive: Receive, send: Send) -> None:
    """Prints; `?name=` tells calls apart."""
    name = query(scope).get("name", "")
    print(f"first line of {name}")
    await asyncio.sleep(0.01)
    print(f"second line of {name}", file=sys.stderr)
    logging.getLogger("behaviours").warning("logged by %s", name)
    task = asyncio.create_task(spawned(name))
    await text(send, "printed")
    await task


async def spawned(name: str) -> None:
    """Prints as the request that has spawned it."""
    await asyncio.sleep(0.01)
    print(f"spawned by {name}")


async def control(_scope: Scope, _receive: Receive, send: Send) -> None:
    """What would move an operator's cursor, or forge a line."""
    print("\x1b[31mred\x1b[0m \x07\x00\r forged tab \t end")
    await text(send, "printed")


async def unterminated(_scope: Scope, _receive: Receive, send: Send) -> None:
    """A line without an end, and letters that are not in any encoding."""
    sys.stdout.write("no line break")
    sys.stdout.flush()
    sys.stdout.write(" \ud800 \N{SNOWMAN}\n")
    await text(send, "printed")


async def huge_traceback(scope: Scope, _receive: Receive, _send: Send) -> None:
    """An exception whose traceback is very long: deep, chained, and with a message of `?kib=`."""

    def deeper(depth: int, even: bool) -> None:
        if depth == 0:
            raise ValueError("secret: " + "x" * (int(query(scope)["kib"]) << 10) + " the end of the message")
        # Two calls in turn, so that the traceback cannot be shortened as a repeated line.
        if even:
            deeper(depth - 1, not even)
        else:
            deeper(depth - 1, not even)

    for _ in range(5):
        try:
            deeper(400, even=True)
        except ValueError as error:
            last = error
    raise RuntimeError("secret: the last words") from last


async def unprintable(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An exception that cannot be shown."""

    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("secret: no text for you")

        __repr__ = __str__

    raise Unprintable


PATHS: dict[str, Behaviour] = {
    "/spin": spin,
    "/sleep": sleep,
    "/eat": eat,
    "/eat-at-once": eat_at_once,
    "/eat-in-small-pieces": eat_in_small_pieces,
    "/recurse": recurse,
    "/recurse-in-c": recurse_in_c,
    "/thread": thread,
    "/forbidden": forbidden,
    "/world": world,
    "/prints": prints,
    "/control": control,
    "/unterminated": unterminated,
    "/huge-traceback": huge_traceback,
    "/unprintable": unprintable,
}
