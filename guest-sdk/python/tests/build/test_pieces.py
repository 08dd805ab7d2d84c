"""The smaller pieces of the build: settings, bytecode, what is in a snapshot, what reload mode imports."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import marshal
import random
import socket
import sqlite3
import sys
import tempfile
import uuid
from pathlib import Path

import pytest
from support import Folder

from wasgi.build import bytecode, output, preload, report, search_path, settings, snapshot
from wasgi.build.report import BuildFailure, Progress, Report

# ---------------------------------------------------------------- settings and report


def test_settings_are_read(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"app": "a.b:c.d", "mode": "reload", "warm_up": ["/"], "env": {"A": "b"}, "new": 1}))
    found = settings.read(file)
    assert (found.module, found.attribute, found.mode, found.warm_up) == ("a.b", "c.d", "reload", ("/",))
    assert found.env == {"A": "b"} and found.python_path == ("/1",)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"mode": "other", "app": "a"}', "{}", '{"app": "a", "warm_up": "/"}', '{"app": ":x"}']
)
def test_settings_that_are_not_as_described_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text)
    with pytest.raises(BuildFailure) as caught:
        settings.read(file)
    assert caught.value.kind == "settings"


def test_a_report_survives_any_text(tmp_path: Path) -> None:
    found = Report()
    found.warn("w" * 10_000)
    found.warn("w" * 10_000)
    failure = BuildFailure("import", "what", why="\udcff\x00é" * 100_000)
    report.write(tmp_path / "r.json", found.failed(failure))
    read = json.loads((tmp_path / "r.json").read_text())
    assert read["kind"] == "import" and len(read["why"]) < 70_000 and len(read["warnings"]) == 1


def test_progress_does_not_mind_where_it_cannot_write(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "none" / "progress")
    with progress.step("a"), progress.step("b"):
        pass


def test_the_stubs_are_last_on_the_path() -> None:
    asked = settings.Settings(app="a", python_path=("/1/src", "/1"))
    paths = search_path(asked, ["/python", "/world", "/0", "/1", "/bundled", "/python/lib/python314.zip"])
    assert paths == ["/1/src", "/1", "/python", "/0/lib", "/0", "/world", "/bundled", "/0/stubs"]


# ---------------------------------------------------------------- bytecode


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_bytecode_is_written_beside_and_imported_without_a_look_at_the_source(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "tree" / "sub" / "compiled_beside.py"
    source.parent.mkdir(parents=True)
    source.write_text("value = 1\n")
    assert bytecode.compile_trees([str(tmp_path / "tree")]).as_dict() == {"compiled": 1, "fresh": 0, "broken": 0}
    source.write_text("value = 2\n")
    monkeypatch.syspath_prepend(str(source.parent))
    assert importlib.import_module("compiled_beside").value == 1
    assert not list((tmp_path / "tree").rglob("*.pyc")) and len(list(cache.rglob("*.pyc"))) == 1


def test_fresh_bytecode_is_kept_and_stale_bytecode_is_not(tmp_path: Path, cache: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("a", "b"):
        (tree / f"{name}.py").write_text("value = 1\n")
    bytecode.compile_trees([str(tree)])
    (tree / "b.py").write_text("value = 2\n")
    assert bytecode.compile_trees([str(tree)]).as_dict() == {"compiled": 1, "fresh": 1, "broken": 0}
    code = marshal.loads(next(cache.rglob("b.*.pyc")).read_bytes()[bytecode.HEAD_BYTES :])
    assert code.co_filename == str(tree / "b.py") and 2 in code.co_consts


def test_sources_that_do_not_compile_are_left_alone(tmp_path: Path, cache: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "two.py").write_text("print 'hello'\n")
    (tree / "null.py").write_bytes(b"x = 1\0")
    (tree / "latin.py").write_bytes(b"x = '\xff'\n")
    (tree / "deep.py").write_text("(" * 5000 + ")" * 5000)
    (tree / "good.py").write_text("x = 1\n")
    assert bytecode.compile_trees([str(tree), str(tmp_path / "none")]).as_dict() == {
        "compiled": 1,
        "fresh": 0,
        "broken": 4,
    }


# ---------------------------------------------------------------- the snapshot


def test_generators_without_a_seed_are_made_new_and_others_are_not() -> None:
    snapshot.record()
    try:
        free, seeded, system = random.Random(), random.Random(7), random.SystemRandom()
    finally:
        random.Random.seed = snapshot._seed  # type: ignore[method-assign]
    before = free.getstate(), seeded.getstate()
    snapshot.renew()
    assert free.getstate() != before[0] and seeded.getstate() == before[1] and system.random() < 1


def test_names_that_instances_would_share_are_forgotten() -> None:
    tempfile.gettempdir()
    uuid.getnode()
    snapshot.renew()
    assert tempfile.tempdir is None and uuid._node is None  # type: ignore[attr-defined]
    assert tempfile.gettempdir()


class OpenSocket(socket.socket):
    """A socket as it is while it is open; a component cannot open one."""

    descriptor = 7

    def fileno(self) -> int:
        return self.descriptor

    def close(self) -> None:
        self.descriptor = -1


def test_what_is_left_open_is_named(tmp_path: Path) -> None:
    kept = [
        (tmp_path / "app.log").open("a"),
        sqlite3.connect(tmp_path / "app.db"),
        sqlite3.connect(":memory:"),
        OpenSocket.__new__(OpenSocket),
        io.BytesIO(),
    ]
    texts = " ".join(snapshot.stale_handles())
    for thing in kept:
        thing.close()
    assert "app.log" in texts and "app.db" in texts and "a socket" in texts and "memory" not in texts
    left = " ".join(snapshot.stale_handles())
    assert "app.log" not in left and "app.db" not in left and "a socket" not in left


def test_streams_stay_the_same_objects_all_along(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    stream = io.TextIOWrapper(io.BufferedWriter(io.FileIO(first, "wb")), encoding="ascii")
    raw, buffer = stream.buffer.raw, stream.buffer  # type: ignore[attr-defined]
    import os

    stream.write("build")
    for _ in range(2):
        output._reopen(stream, os.open(second, os.O_WRONLY | os.O_APPEND | os.O_CREAT), closefd=True)
        stream.write("run é \udcff\n")
        buffer.write(b"bytes\n")
        buffer.flush()
    assert stream.buffer.raw is raw and first.read_text() == "build"  # type: ignore[attr-defined]
    assert second.read_text() == "run é \\udcff\nbytes\n" * 2
    stream.close()


# ---------------------------------------------------------------- reload mode


def test_what_the_sources_import_is_found_without_running_them(folder: Folder) -> None:
    folder.write(
        main="import os.path, helper\nfrom json.tool import main\nfrom . import x\n1 / 0\ndef f():\n    import sqlite3\n",
        helper="import colorsys as c\nfrom pkg.inner import y\n",
        pkg____init__="",
        broken="import (",
    )
    assert preload.imported_names((str(folder.path),)) == {"os.path", "json.tool", "sqlite3", "colorsys"}


def test_what_cannot_be_imported_is_left_to_the_app(folder: Folder) -> None:
    folder.write(main="import this_is_nowhere\nimport colorsys\n")
    sys.modules.pop("colorsys", None)
    preload.preload(folder.settings(), folder.report, Progress(None))
    assert "colorsys" in sys.modules and "this_is_nowhere" in folder.report.facts["not_preloaded"][0]


def test_an_app_that_does_not_import_at_start_says_why_in_its_lifespan(folder: Folder) -> None:
    from wasgi import start
    from wasgi.build import Built

    folder.write(main="import os\nraise ValueError('broken today')\n")
    app = start._imported(Built(folder.settings(), None))
    said: list[dict[str, str]] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(event: dict[str, str]) -> None:
        said.append(event)

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert said[0]["type"] == "lifespan.startup.failed"
    assert "ValueError: broken today" in said[0]["message"] and 'File "main.py", line 2' in said[0]["message"]
