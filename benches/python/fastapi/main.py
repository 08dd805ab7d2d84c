"""FastAPI: a path parameter and two query parameters are validated, a model is made and rendered."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Item(BaseModel):
    """What is answered."""

    id: int
    name: str
    price: float
    tags: list[str] = []


@app.get("/items/{item_id}")
async def read_item(item_id: int, q: str | None = None, limit: int = 10) -> Item:
    """One item, made of what was asked for."""
    return Item(id=item_id, name=q or "nameless", price=limit * 1.5, tags=["a", "b"])
