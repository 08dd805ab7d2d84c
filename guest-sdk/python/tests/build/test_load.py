"""What `module:attr` may be, and what is said about everything else."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from support import Folder

ASGI = "async def app(scope, receive, send): pass\n"


def test_an_async_function_is_an_app(folder: Folder) -> None:
    app = folder.write(main=ASGI).load()
    assert asyncio.iscoroutinefunction(app) and folder.report.warnings == []


def test_the_attribute_is_app_when_it_is_left_out(folder: Folder) -> None:
    assert folder.write(main=ASGI).load("main") is sys.modules["main"].app


def test_attributes_and_modules_may_be_dotted(folder: Folder) -> None:
    folder.write(
        pkg____init__="", pkg__web="class site:\n    @staticmethod\n    async def asgi(scope, receive, send): pass\n"
    )
    assert folder.load("pkg.web:site.asgi").__name__ == "asgi"


@pytest.mark.parametrize(
    "source",
    [
        "class App:\n    async def __call__(self, scope, receive, send): pass\napp = App()\n",
        "import functools\nasync def base(x, scope, receive, send): pass\napp = functools.partial(base, 1)\n",
        "class app:\n    def __init__(self, scope, receive, send): pass\n    def __await__(self): yield\n",
        "def app(scope, receive, send): return None\n",
        "async def app(*args): pass\n",
        "async def app(scope, receive, send, extra=None): pass\n",
        "from starlette.applications import Starlette\napp = Starlette()\n",
        "from fastapi import FastAPI\napp = FastAPI()\n",
    ],
)
def test_what_uvicorn_takes_is_an_app(folder: Folder, source: str) -> None:
    folder.write(main=source).load()
    assert folder.report.warnings == []


def test_a_factory_is_called_with_factory(folder: Folder) -> None:
    folder.write(main=f"def make():\n    {ASGI.strip()}\n    return app\n")
    assert folder.load("main:make", factory=True).__name__ == "app"
    assert folder.report.warnings == []


@pytest.mark.parametrize("name", ["make", "App"])
def test_a_factory_is_found_by_its_signature_and_that_is_said(folder: Folder, name: str) -> None:
    folder.write(
        main=f"class App:\n    async def __call__(self, scope, receive, send): pass\ndef make():\n    {ASGI.strip()}\n    return app\n"
    )
    folder.load(f"main:{name}")
    assert "is a factory" in folder.report.warnings[0]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("app = 3\n", "an `int`"),
        ("app = None\n", "it is None"),
        ("import json as app\n", ""),
        ("def app(scope):\n    async def inner(receive, send): pass\n    return inner\n", "ASGI 2"),
        (
            "class app:\n    def __init__(self, scope): pass\n    async def __call__(self, receive, send): pass\n",
            "ASGI 2",
        ),
        ("def app(environ, start_response): pass\n", "start_response"),
        ("from flask import Flask\napp = Flask(__name__)\n", "Flask"),
        ("async def app(request): pass\n", "(request)"),
        ("async def app(a, b, c, d): pass\n", "(a, b, c, d)"),
    ],
)
def test_what_is_no_app_is_named(folder: Folder, source: str, why: str) -> None:
    if "flask" in source:
        pytest.importorskip("flask")
    failure = folder.write(main=source).failure()
    assert failure.kind == "type" and why in failure.why and failure.hint
    assert "`main:app`" in failure.what and "\n" not in failure.what


def test_a_factory_that_is_async_or_no_factory_is_named(folder: Folder) -> None:
    folder.write(main="async def make(): pass\nnumber = 3\n" + ASGI)
    assert "is async" in folder.failure("main:make", factory=True).what
    assert "not a factory" in folder.failure("main:number", factory=True).what
    assert "it is the app itself" in folder.failure("main:app", factory=True).why


def test_a_factory_that_raises_has_a_traceback_of_its_own_frames(folder: Folder) -> None:
    failure = folder.write(main="def make():\n    return 1 / 0\n").failure("main:make", factory=True)
    assert "main.py:2: ZeroDivisionError" in failure.why and "return 1 / 0" in failure.traceback


def test_a_wrong_attribute_leads_to_the_right_one(folder: Folder) -> None:
    folder.write(main="from starlette.applications import Starlette\nsite = Starlette()\nother = 3\n")
    failure = folder.failure("main:aplication")
    assert failure.kind == "attribute" and failure.hint == "did you mean `main:site`?"


def test_a_wrong_attribute_leads_to_a_factory(folder: Folder) -> None:
    failure = folder.write(main="def create_app(): pass\n").failure()
    assert "main:create_app" in failure.hint and "factory" in failure.hint


def test_a_wrong_attribute_leads_to_near_names(folder: Folder) -> None:
    assert folder.write(main="api = 3\n").failure("main:ap").hint == "did you mean `main:api`?"


def test_a_wrong_module_leads_to_the_right_one(folder: Folder) -> None:
    folder.write(src__web="from fastapi import FastAPI\n\nsite: FastAPI = FastAPI(title='x')\n")
    failure = folder.failure("main:app")
    assert failure.kind == "module" and failure.hint == "did you mean `src.web:site`?"
    assert failure.traceback == ""


def test_a_missing_dependency_is_named_with_its_line(folder: Folder) -> None:
    failure = folder.write(main="import os\nimport yamlish_nonexistent.inner\n").failure()
    assert failure.kind == "dependency" and "main.py:2" in failure.why
    assert failure.hint == "add `yamlish-nonexistent` to the app's requirements"


def test_a_missing_dependency_is_named_by_its_distribution(folder: Folder) -> None:
    folder.write(main="raise ModuleNotFoundError(\"No module named 'yaml'\", name='yaml')\n")
    assert "`PyYAML`" in folder.failure().hint


def test_a_module_of_the_apps_own_in_another_folder_is_found(folder: Folder) -> None:
    folder.write(main="import helpers_nonexistent\n", src__helpers_nonexistent="")
    assert "python_path" in folder.failure().hint and "src" in folder.failure().hint


def test_a_standard_module_that_the_interpreter_lacks_is_not_to_be_installed(folder: Folder) -> None:
    folder.write(main="raise ModuleNotFoundError(\"No module named '_bz2'\", name='_bz2')\n")
    failure = folder.failure()
    assert failure.what == "there is no `_bz2` in CPython for WebAssembly" and "requirements" not in failure.hint


def test_a_server_is_not_needed(folder: Folder) -> None:
    folder.write(main="raise ModuleNotFoundError(\"No module named 'gunicorn'\", name='gunicorn')\n")
    assert "wasgi serves the app itself" in folder.failure().hint


def test_wrong_syntax_has_its_line_and_a_caret(folder: Folder) -> None:
    failure = folder.write(main="import helper\n", helper="x = 1\ndef f(:\n    pass\n").failure()
    assert failure.kind == "syntax" and failure.what == "wrong syntax in helper.py, line 2"
    lines = failure.why.splitlines()
    assert lines[1].strip() == "def f(:" and lines[2].index("^") == lines[1].index(":")


def test_a_circle_of_imports_is_named(folder: Folder) -> None:
    failure = folder.write(
        main="from one import a\n", one="from two import b\na = 1\n", two="from one import a\nb = 2\n"
    ).failure()
    assert failure.kind == "import" and "import each other" in failure.hint
    assert 'File "one.py", line 1' in failure.traceback and "two.py" in failure.why


@pytest.mark.parametrize("call", ["sys.exit(3)", "os._exit(3)", "quit()", "raise SystemExit"])
def test_an_exit_at_import_ends_the_build_and_not_the_process(folder: Folder, call: str) -> None:
    before = os._exit
    failure = folder.write(main=f"import os, sys\n{call}\n").failure()
    assert failure.kind == "exit" and "main.py:2" in failure.why
    assert os._exit is before


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("open('nothing.txt')\n", "the app's own files"),
        ("open('/data/x.db')\n", "data directory"),
        ('raise RuntimeError("can\'t start new thread")\n', "no threads"),
        ("import asyncio\nasyncio.get_running_loop()\n", "lifespan"),
        ("import os\nos.forkk()\n", "no processes"),
        (
            "raise RuntimeError('this wait can never end: nothing is ready, no thread')\n",
            "can only happen in an instance",
        ),
        (
            "import socket\ntry: raise socket.gaierror(-4, 'x')\nexcept OSError as e: raise ValueError from e\n",
            "no network",
        ),
        ("import errno\nraise OSError(errno.ECONNREFUSED, 'refused')\n", "no network"),
        ("import os\nos.environ['NOT_THERE_AT_ALL']\n", "[env]"),
        ("import json\nfrom json import not_there\n", "another version"),
        ("def f(): f()\nf()\n", "circles"),
    ],
)
def test_what_cannot_be_done_at_import_has_a_hint(folder: Folder, source: str, hint: str) -> None:
    failure = folder.write(main=source).failure()
    assert failure.kind == "import" and hint in failure.hint
    assert "main.py:" in failure.why


def test_an_exception_keeps_its_text_and_the_report_stays_small(folder: Folder) -> None:
    failure = folder.write(main="raise ValueError('start ' + 'x' * 5_000_000 + ' end')\n").failure()
    report = folder.report.failed(failure)
    assert "start xxx" in report["traceback"] and report["traceback"].rstrip().endswith("end")
    assert sum(len(str(value)) for value in report.values()) < 400_000


def test_an_exception_that_cannot_be_shown_is_named(folder: Folder) -> None:
    folder.write(main="class E(Exception):\n    def __str__(self): raise ValueError\nraise E\n")
    assert "E" in folder.failure().why


def test_notes_groups_and_causes_are_kept(folder: Folder) -> None:
    folder.write(
        main="try:\n    int('x')\nexcept ValueError as e:\n    n = RuntimeError('outer')\n    n.add_note('a note')\n    raise n from e\n"
    )
    failure = folder.failure()
    assert (
        "a note" in failure.traceback and "invalid literal" in failure.traceback and "direct cause" in failure.traceback
    )
    folder.write(group="raise ExceptionGroup('many', [ValueError('one'), KeyError('two')])\n")
    assert "ValueError: one" in folder.failure("group:app").traceback


def test_a_recursion_is_shown_by_its_first_frames(folder: Folder) -> None:
    failure = folder.write(main="def f(n): return f(n + 1)\nf(0)\n").failure()
    assert "further frames of the app" in failure.traceback and failure.traceback.count("\n") < 80


def test_progress_names_the_module_that_is_being_imported(folder: Folder) -> None:
    folder.write(
        main="import inner\n" + ASGI, inner="from pathlib import Path\nseen = Path('../progress').read_text()\n"
    )
    folder.load()
    assert sys.modules["inner"].seen == "importing main -> main -> inner\n"


def test_annotations_that_cannot_be_evaluated_are_no_obstacle(folder: Folder) -> None:
    folder.write(main="class app:\n    async def __call__(self, scope: 'Nowhere', receive, send): pass\napp = app()\n")
    folder.load()


def test_modules_that_are_not_the_apps_own_are_left_to_other_finders(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            asked.append(name)

    sys.modules.pop("colorsys", None)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    folder.write(main="import colorsys, pkg.inner\n" + ASGI, pkg____init__="", pkg__inner="")
    folder.load()
    assert asked == ["colorsys"]


def test_packages_without_an_init_are_the_apps_own_too(folder: Folder) -> None:
    folder.write(main="import space.inner\n" + ASGI, space__inner="value = 1\n")
    folder.load()
    assert sys.modules["space.inner"].value == 1


def test_what_was_left_out_is_not_to_be_added(folder: Folder) -> None:
    folder.write(main=f"import orjson\n{ASGI}", serves=f"import uvloop\n{ASGI}", other=f"import ujson\n{ASGI}")
    failure = folder.failure(left_out=("orjson", "uvloop"))
    assert failure.what == "`orjson` was left out of the component"
    assert "native code" in failure.why and "except ImportError" in failure.hint
    assert "wasgi serves the app itself" in folder.failure("serves:app", left_out=("orjson", "uvloop")).hint
    assert "add `ujson`" in folder.failure("other:app", left_out=("orjson", "uvloop")).hint
