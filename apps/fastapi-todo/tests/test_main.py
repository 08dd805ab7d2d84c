"""The app in-process, with FastAPI's own client: `python -m pytest` in this app's folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from main import app


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("TODO_DB", str(tmp_path / "todo.db"))
    with TestClient(app) as client:
        yield client


def test_a_task_from_its_birth_to_its_end(client: TestClient) -> None:
    made = client.post("/tasks", json={"title": "tea"})
    assert made.status_code == 201
    assert made.json() == {"id": 1, "title": "tea", "done": False}
    assert made.headers["location"].endswith("/tasks/1")

    changed = client.patch("/tasks/1", json={"done": True})
    assert changed.json() == {"id": 1, "title": "tea", "done": True}
    assert client.get("/tasks", params={"done": True}).json() == [changed.json()]
    assert client.get("/tasks", params={"done": False}).json() == []

    assert client.delete("/tasks/1").status_code == 204
    assert client.get("/tasks/1").status_code == 404
    assert client.delete("/tasks/1").status_code == 404


def test_a_list_comes_in_pages(client: TestClient) -> None:
    for number in range(30):
        client.post("/tasks", json={"title": f"task {number}"})
    page = client.get("/tasks", params={"limit": 20}).json()
    rest = client.get("/tasks", params={"after": page[-1]["id"]}).json()
    assert [len(page), len(rest)] == [20, 10]


@pytest.mark.parametrize("body", [{}, {"title": ""}, {"title": "x" * 201}, {"title": 7}])
def test_what_is_no_task_is_refused(client: TestClient, body: dict[str, object]) -> None:
    assert client.post("/tasks", json=body).status_code == 422
    assert client.get("/tasks").json() == []


def test_tasks_are_there_after_a_restart(client: TestClient) -> None:
    client.post("/tasks", json={"title": "stay"})
    with TestClient(app) as again:
        assert [task["title"] for task in again.get("/tasks").json()] == ["stay"]


def test_the_docs_are_there(client: TestClient) -> None:
    assert "/tasks/{task_id}" in client.get("/openapi.json").json()["paths"]
    assert client.get("/docs").status_code == 200
