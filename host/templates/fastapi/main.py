"""A FastAPI app: it runs here as it runs under uvicorn (`uvicorn main:app`)."""

import os
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field

app = FastAPI(title="{{name}}")


class Greeting(BaseModel):
    """What a greeting looks like."""

    greeting: str


class Order(BaseModel):
    """What can be asked for; anything else is answered with 422."""

    item: str = Field(min_length=1)
    quantity: int = Field(default=1, ge=1, le=100)


def greeting() -> str:
    """`[env]` in `wasgi.toml` sets what the app finds in its environment."""
    return os.environ.get("GREETING", "Hello")


@app.get("/")
async def hello() -> dict[str, str]:
    """Say hello."""
    return {"hello": "world"}


@app.get("/greet/{name}")
def greet(name: str, word: Annotated[str, Depends(greeting)]) -> Greeting:
    """Greet somebody."""
    return Greeting(greeting=f"{word}, {name}!")


@app.post("/orders", status_code=201)
async def order(order: Order) -> Order:
    """Take an order."""
    return order
