"""The app in-process, with Starlette's own client: `python -m pytest` in this app's folder."""

from collections.abc import Iterator
from hashlib import sha256

import pytest
from starlette.testclient import TestClient

from main import app


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def test_hello(client: TestClient) -> None:
    response = client.get("/")
    assert (response.status_code, response.text) == (200, "Hello, world!")


def test_greets_by_name(client: TestClient) -> None:
    assert client.get("/hello/Zoë").json() == {"hello": "Zoë"}


def test_the_lifespan_gives_state(client: TestClient) -> None:
    assert client.get("/uptime").json()["seconds"] >= 0


def test_a_stream_arrives_whole(client: TestClient) -> None:
    assert client.get("/ticks").text == "".join(f"tick {n}\n" for n in range(1, 6))


def test_an_upload_is_hashed(client: TestClient) -> None:
    body = bytes(range(256)) * 1000
    expected = {"bytes": len(body), "sha256": sha256(body).hexdigest()}
    assert client.post("/digest", content=body).json() == expected
