"""Turns an exception out of the app's own code into something that a person can act on.

One function, `of_import`, and one table per kind of exception. It never hides what the exception says: the
text is in `why`, the frames are in `traceback`, and the hint is only added where we know better.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from .report import BuildFailure, bounded
from .settings import Settings
from .tracebacks import HIDDEN, app_frames, is_own, short, text, where
from .watch import ExitCalled, Watch

__all__ = ["Watch", "of_import", "short"]

# Modules whose distribution has another name. Only what web apps import often.
DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "decouple": "python-decouple",
    "dotenv": "python-dotenv",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "MySQLdb": "mysqlclient",
    "opentelemetry": "opentelemetry-api",
    "PIL": "pillow",
    "psycopg2": "psycopg2-binary",
    "python_multipart": "python-multipart",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socketio": "python-socketio",
    "starlette_csrf": "starlette-csrf",
    "yaml": "PyYAML",
}

SERVERS = ("daphne", "granian", "gunicorn", "httptools", "hypercorn", "uvicorn", "uvloop", "watchfiles")
"""What other ways to serve an app need, and wasgi does not install."""

JSON = ("orjson", "ujson")

ABSENT = ("curses", "readline", "tkinter", "turtle", "idlelib", "winreg", "msvcrt", "winsound", "_ctypes", "ctypes")
"""Standard modules that the interpreter does not have and that no stub stands in for."""

APP_PATTERN = re.compile(
    r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(?:FastAPI|Starlette|Quart|Litestar|Sanic|get_asgi_application)\(",
    re.MULTILINE,
)
FILES_LOOKED_AT_MAX = 300


def of_import(error: BaseException, settings: Settings, doing: str | None = None) -> BuildFailure:
    """The failure that `error` stands for, which left the app's module (or its factory) as it was run."""
    roots = settings.python_path
    what = doing or f"the app's module `{settings.module}` does not import"
    if isinstance(error, BuildFailure):
        return error
    if isinstance(error, ModuleNotFoundError) and (failure := _missing(error, settings)):
        return failure
    if isinstance(error, SyntaxError):
        return _syntax(error, settings)
    if isinstance(error, (SystemExit, ExitCalled)):
        call = f"sys.exit({error.code!r})" if isinstance(error, SystemExit) else str(error)
        return BuildFailure(
            "exit",
            what,
            why=f"{_at(error, roots)}{call} was called while it was imported",
            hint='code that only a script needs belongs under `if __name__ == "__main__":`',
            traceback=text(error, roots),
        )
    return BuildFailure(
        "import",
        what,
        why=f"{_at(error, roots)}{said(error)}",
        hint=_hint(error, settings),
        traceback=text(error, roots),
    )


def said(error: BaseException) -> str:
    """What an exception says, with its type, in few lines."""
    try:
        return bounded("".join(traceback.format_exception_only(error, show_group=True)).strip(), 4096)
    except Exception as broken:  # an exception's own __str__ may raise anything
        return f"{type(error).__name__} (its text cannot be made: {type(broken).__name__})"


def _at(error: BaseException, roots: Sequence[str]) -> str:
    place = where(error, roots)
    return f"{place}: " if place else ""


# ---------------------------------------------------------------- a module is missing


def _missing(error: ModuleNotFoundError, settings: Settings) -> BuildFailure | None:
    name = error.name or ""
    roots = settings.python_path
    if name and (settings.module == name or settings.module.startswith(name + ".")) and not app_frames(error, roots):
        return BuildFailure(
            "module",
            f"there is no module `{settings.module}`",
            why=f"no `{name.replace('.', '/')}.py` and no package `{name.replace('.', '/')}/` in {_roots(roots)}",
            hint=_other_modules(settings)
            or "is it in another folder? See `python_path` in [build], and what `exclude` leaves out",
        )
    if not name:
        return None
    top = name.partition(".")[0]
    place = _importer(error, roots)
    absent = top in ABSENT or top in sys.stdlib_module_names
    distribution = DISTRIBUTIONS.get(top, top.replace("_", "-"))
    if distribution.lower() in settings.left_out:
        return BuildFailure(
            "dependency",
            f"`{distribution}` was left out of the component",
            why=f"{place}{said(error)}; it is native code, and was left out because the host does its work or others "
            "work without it",
            hint=_needed_by(error) + _left_out_hint(top),
            traceback=text(error, roots),
        )
    return BuildFailure(
        "dependency",
        f"there is no `{name}` in CPython for WebAssembly" if absent else f"the module `{name}` is not installed",
        why=f"{place}{said(error)}",
        hint=_needed_by(error) + _missing_hint(top, name, distribution, roots),
        traceback=text(error, roots),
    )


def _importer(error: ModuleNotFoundError, roots: Sequence[str]) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(HIDDEN)]
    if not frames:
        return ""
    last = frames[-1]
    place = f"{short(last.filename, roots)}:{last.lineno}"
    if not is_own(last.filename, roots) and (own := where(error, roots)):
        return f"{place} (imported by {own}): "
    return f"{place}: "


def _needed_by(error: ModuleNotFoundError) -> str:
    """Which dependency imports it, if it is not the app: its own requirements do not say so."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(HIDDEN)]
    if not frames or not frames[-1].filename.startswith("/0/lib/"):
        return ""
    return f"`{short(frames[-1].filename).partition('/')[0].removesuffix('.py')}` imports it; "


def _left_out_hint(top: str) -> str:
    if top in SERVERS:
        return _server_hint(top)
    if top in JSON:
        return (
            f"`json` does what `{top}` does, slower: import `{top}` only where it is there, with `except ImportError`"
        )
    return f"import `{top}` only where it is there, with `except ImportError`"


def _server_hint(top: str) -> str:
    return (
        f'wasgi serves the app itself and does not install `{top}`: import it only under `if __name__ == "__main__":`'
    )


def _missing_hint(top: str, name: str, distribution: str, roots: Sequence[str]) -> str:
    if top in SERVERS:
        return _server_hint(top)
    if top in ABSENT or top in sys.stdlib_module_names:
        return "what needs it cannot be used here; is it imported for a feature that the app does not use?"
    if top == "greenlet":
        return (
            "greenlet cannot be built for WebAssembly, and SQLAlchemy's asyncio extension needs it: "
            "use its sync engine, whose work runs inline"
        )
    if top != name and top in sys.modules:
        return f"`{top}` is installed but has no `{name}`: is another version of it needed?"
    if folder := _folder_of(top, roots):
        return f'it is in `{folder}/`: add that to [build]: `python_path = [".", "{folder}"]`'
    return f"add `{distribution}` to the app's requirements"


def _folder_of(top: str, roots: Sequence[str]) -> str:
    """The folder, one below the app's, that has the module, as the user would write it."""
    for root in roots:
        for pattern, up in ((f"*/{top}.py", 1), (f"*/{top}/__init__.py", 2)):
            for found in Path(root).glob(pattern):
                return found.parents[up - 1].relative_to(root).as_posix()
    return ""


def _roots(roots: Sequence[str]) -> str:
    named = [short(root.rstrip("/") + "/") or "." for root in roots]
    return "the app's folder" if named == ["."] else "the folders " + ", ".join(f"`{name}`" for name in named)


def _other_modules(settings: Settings) -> str:
    found: list[str] = []
    for root, path in _sources(settings.python_path):
        try:
            source = path.read_text("utf-8", "replace")
        except OSError:
            continue
        if match := APP_PATTERN.search(source):
            parts = path.relative_to(root).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if module:
                found.append(f"`{module}:{match[1]}`")
    return f"did you mean {' or '.join(found[:3])}?" if found else ""


def _sources(roots: Sequence[str]) -> Iterator[tuple[Path, Path]]:
    looked_at = 0
    for root in roots:
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(
                name for name in folders if not name.startswith((".", "_")) and name not in ("tests", "test")
            )
            for name in sorted(files):
                if name.endswith(".py"):
                    looked_at += 1
                    if looked_at > FILES_LOOKED_AT_MAX:
                        return
                    yield Path(root), Path(folder, name)


# ---------------------------------------------------------------- syntax


def _syntax(error: SyntaxError, settings: Settings) -> BuildFailure:
    roots = settings.python_path
    file = short(error.filename or "?", roots)
    lines = [f"{type(error).__name__}: {error.msg}"]
    if error.text:
        code = error.text.rstrip("\n")
        lead = len(code) - len(code.lstrip())
        lines.append(f"  {bounded(code.strip(), 200)}")
        if error.offset is not None and len(code) < 200:
            lines.append("  " + " " * max(error.offset - 1 - lead, 0) + "^")
    own = error.filename is not None and is_own(error.filename, roots)
    hint = "" if own else "it is a file of a dependency: is its version made for Python 3.14?"
    return BuildFailure(
        "syntax",
        f"wrong syntax in {file}, line {error.lineno}" if error.lineno else f"wrong syntax in {file}",
        why="\n".join(lines),
        hint=hint,
        traceback="" if own else text(error, roots),
    )


# ---------------------------------------------------------------- everything else


def _hint(error: BaseException, settings: Settings) -> str:
    message = "" if isinstance(error, KeyError) else said(error)
    if "partially initialized module" in message:
        return (
            "two modules import each other: move what both need to a third one, "
            "or import inside the function that needs it"
        )
    if isinstance(error, ImportError):
        return _import_hint(error, message)
    if isinstance(error, KeyError) and _raised_in(error, "/python/os.py"):
        return f"the environment has no {error.args[0]!r} at build time: set it under [env] in wasgi.toml"
    if type(error).__name__ == "ValidationError" and _passed(error, "pydantic_settings"):
        return "settings are read when the app is imported, at build time: set them under [env] in wasgi.toml"
    if type(error).__name__ == "OperationalError" and "unable to open database file" in message:
        return "there is no data directory at build time: open the database in the app's lifespan"
    if system := next((step for step in _causes(error) if isinstance(step, OSError)), None):
        return _os_hint(system)
    if "this wait can never end" in message:
        return "what the app waits for can only happen in an instance: wait for it in the app's lifespan"
    if isinstance(error, RuntimeError) and "start new thread" in message:
        return "there are no threads in WebAssembly: start what runs beside the app as a task in its lifespan"
    if isinstance(error, RuntimeError) and ("no running event loop" in message or "no current event loop" in message):
        return "there is no running event loop while the app is imported: do it in the app's lifespan"
    if isinstance(error, AttributeError) and re.search(
        r"module '(os|posix|signal|socket|select)' has no attribute", message
    ):
        return "the operating system under WebAssembly has no such call: no processes, users, signals or pipes"
    if isinstance(error, RecursionError):
        return "the import goes round in circles or too deep"
    if isinstance(error, MemoryError):
        return "the app needs more memory while it is imported than a build gives it"
    return ""


def _import_hint(error: ImportError, message: str) -> str:
    top = (error.name or "").partition(".")[0]
    if top in ("uvicorn", *SERVERS):
        return (
            'wasgi serves the app itself: import what belongs to another server only under `if __name__ == "__main__":`'
        )
    if top and top in sys.modules and "cannot import name" in message:
        return f"is another version of `{top}` needed?"
    return ""


def _os_hint(error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        name = str(error.filename)
        if name.startswith("/data"):
            return "there is no data directory at build time: open what is in it in the app's lifespan"
        return (
            "at build time there are the app's own files only (below /1), less what `exclude` in [build] names; "
            "relative paths start at the app's folder"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.ECONNREFUSED, errno.ENETUNREACH, errno.EAFNOSUPPORT) or (
        type(error).__name__ == "gaierror"
    ):
        return "there is no network: neither while the app is imported nor in an instance"
    if error.errno in (errno.ENOTSUP, errno.ENOSYS):
        return "the operating system under WebAssembly has no such call: no processes, signals or pipes"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, and what led to it, latest first."""
    step: BaseException | None = error
    for _ in range(20):
        if step is None:
            return
        yield step
        step = step.__cause__ or step.__context__


def _raised_in(error: BaseException, filename: str) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return (bool(frames) and frames[-1].filename == filename) or (bool(frames) and frames[-1].filename == "<frozen os>")


def _passed(error: BaseException, name: str) -> bool:
    return any(f"/{name}/" in frame.filename for frame in traceback.extract_tb(error.__traceback__))
