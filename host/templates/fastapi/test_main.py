"""The app in-process, without a server: `python -m pytest`."""

from fastapi.testclient import TestClient

from main import app

client = TestClient(app)


def test_it_greets() -> None:
    assert client.get("/").json() == {"hello": "world"}
    assert client.get("/greet/Ada").json() == {"greeting": "Hello, Ada!"}


def test_an_order_is_checked() -> None:
    assert client.post("/orders", json={"item": "tea"}).json() == {"item": "tea", "quantity": 1}
    assert client.post("/orders", json={"item": "tea", "quantity": 0}).status_code == 422
