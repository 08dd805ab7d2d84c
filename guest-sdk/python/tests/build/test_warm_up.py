"""Warming up: the throw-away apps do run, and the user's own only when asked."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from support import Folder

from wasgi.build import warm
from wasgi.build.report import BuildFailure, Progress, Report
from wasgi.build.warm import driver, fastapi_app, starlette_app


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starlette_app, "SCRATCH", str(tmp_path / "warm-up"))


def test_every_request_to_the_throw_away_apps_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    import jinja2  # noqa: F401
    import starlette.middleware.base
    import starlette.middleware.cors
    import starlette.middleware.gzip
    import starlette.middleware.sessions
    import starlette.staticfiles
    import starlette.templating  # noqa: F401

    answers: dict[str, list[int]] = {}

    async def request(app: object, path: str, method: str = "GET", *args: object, **named: object) -> driver.Answer:
        try:
            answer = await driver.request(app, path, method, *args, **named)  # type: ignore[arg-type]
        except ZeroDivisionError:
            answers.setdefault(f"{method} {path}", []).append(500)
            raise
        answers.setdefault(f"{method} {path}", []).append(answer.status)
        return answer

    monkeypatch.setattr(starlette_app, "request", request)
    asyncio.run(starlette_app.run(1))
    assert answers["GET /template"] == answers["GET /static/file.txt"] == answers["GET /?q=1"] == [200]
    assert answers["POST /form"] == [200, 200] and answers["GET /raises"] == [500] and answers["DELETE /json"] == [405]

    answers.clear()
    monkeypatch.setattr(fastapi_app, "request", request)
    asyncio.run(fastapi_app.run(1))
    assert answers["POST /items"] == [201, 422, 422, 422] and answers["GET /openapi.json"] == [200]
    assert answers["GET /dependent"] == answers["GET /guarded"] == answers["GET /sync"] == [200]


def test_frameworks_that_are_not_imported_are_not_warmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "fastapi")
    report = Report()
    warm.frameworks(report, Progress(None))
    assert report.facts["warmed"] == ["asyncio", "starlette"] and "warm_up_notes" not in report.facts


def test_a_throw_away_app_that_fails_is_a_note_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(rounds: int) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(starlette_app, "run", broken)
    report = Report()
    warm.frameworks(report, Progress(None))
    assert "starlette" not in report.facts["warmed"] and "SystemExit: 3" in report.facts["warm_up_notes"][0]


OWN = """
import os
seen = []
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            seen.append(event["type"])
            scope["state"]["x"] = 1
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown":
                return
    seen.append(scope["path"] + str(scope["state"]["x"]))
    status = int(scope["path"].strip("/") or 200)
    if status == 1: raise ValueError("by itself")
    if status == 2: os._exit(2)
    if status == 3: return
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""


def warmed(folder: Folder, *paths: str) -> list[str]:
    folder.write(main=OWN)
    app = folder.load()
    warm.paths(app, folder.settings(warm_up=paths), folder.report, Progress(None), asyncio.new_event_loop())
    return list(sys.modules["main"].seen)


def test_the_users_app_is_not_run_unless_asked(folder: Folder) -> None:
    assert warmed(folder) == []


def test_paths_are_requested_within_the_lifespan(folder: Folder) -> None:
    seen = warmed(folder, "/", "404")
    assert seen[0] == "lifespan.startup" and seen[-1] == "lifespan.shutdown" and set(seen[1:-1]) == {"/1", "/4041"}
    assert folder.report.facts["warm_up"] == [{"path": "/", "status": 200}, {"path": "404", "status": 404}]
    assert folder.report.warnings == ["warm-up: GET 404 was answered with 404"]


@pytest.mark.parametrize(
    ("path", "why"), [("/1", "by itself"), ("/2", "os._exit(2)"), ("/3", "nothing"), ("/503", "503")]
)
def test_a_path_that_fails_fails_the_build(folder: Folder, path: str, why: str) -> None:
    with pytest.raises(BuildFailure) as caught:
        warmed(folder, path)
    assert caught.value.kind == "warm-up" and why in caught.value.why and f"GET {path}" in caught.value.what


def test_a_request_without_an_end_fails_the_build(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "SECONDS_MAX", 0.05)
    folder.write(
        main="import asyncio\nasync def app(scope, receive, send):\n    if scope['type'] == 'http': await asyncio.sleep(1000)\n"
    )
    with pytest.raises(BuildFailure) as caught:
        warm.paths(
            folder.load(), folder.settings(warm_up=("/",)), folder.report, Progress(None), asyncio.new_event_loop()
        )
    assert "no end after" in caught.value.why


@pytest.mark.parametrize("source", [
    "async def app(scope, receive, send):\n    assert scope['type'] == 'http'\n    await send({'type': 'http.response.start', 'status': 204})\n",
    "async def app(scope, receive, send):\n    if scope['type'] == 'lifespan': return\n    await send({'type': 'http.response.start', 'status': 204})\n",
])  # fmt: skip
def test_an_app_without_lifespan_is_warmed(folder: Folder, source: str) -> None:
    folder.write(main=source)
    warm.paths(folder.load(), folder.settings(warm_up=("/",)), folder.report, Progress(None), asyncio.new_event_loop())
    assert folder.report.facts["warm_up"] == [{"path": "/", "status": 204}]


def test_a_lifespan_that_fails_fails_the_build(folder: Folder) -> None:
    folder.write(
        main="async def app(scope, receive, send):\n    await send({'type': 'lifespan.startup.failed', 'message': 'no database'})\n"
    )
    with pytest.raises(BuildFailure) as caught:
        warm.paths(
            folder.load(), folder.settings(warm_up=("/",)), folder.report, Progress(None), asyncio.new_event_loop()
        )
    assert "no database" in caught.value.why
