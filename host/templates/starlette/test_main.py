"""The app in-process, without a server: `python -m pytest`."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from main import app


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A client, with the app's lifespan around it."""
    with TestClient(app) as client:
        yield client


def test_it_greets(client: TestClient) -> None:
    assert client.get("/").text == "Hello, world!\n"
    assert client.get("/greet/Ada").json() == {"greeting": "Hello, Ada!"}
