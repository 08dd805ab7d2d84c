"""WebSocket routes. `?talk=` names the journal in which an endpoint writes."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Header, Query, WebSocket, WebSocketDisconnect, WebSocketException
from pydantic import BaseModel, ValidationError

router = APIRouter(prefix="/sockets")
journal: defaultdict[str, list[str]] = defaultdict(list)


@router.get("/journal")
async def read_journal(talk: str, until: int) -> list[str]:
    """What is in the journal of a talk, once there are `until` entries."""
    async with asyncio.timeout(30):
        while len(journal[talk]) < until:
            await asyncio.sleep(0.005)
    return journal[talk]


class Move(BaseModel):
    """What a client says."""

    x: int
    y: int = 0


@router.websocket("/echo")
async def echo(websocket: WebSocket, talk: str = "") -> None:
    """As in FastAPI's documentation."""
    await websocket.accept()
    try:
        while True:
            data = await websocket.receive_text()
            await websocket.send_text(f"Message text was: {data}")
    except WebSocketDisconnect as end:
        journal[talk].append(f"{end.code} {end.reason!r}")


@router.websocket("/unguarded")
async def unguarded(websocket: WebSocket) -> None:
    """Without an `except`, as most are written first."""
    await websocket.accept()
    while True:
        await websocket.send_text(await websocket.receive_text())


@router.websocket("/moves")
async def moves(websocket: WebSocket) -> None:
    """JSON into models; what is none is answered."""
    await websocket.accept()
    async for data in websocket.iter_json():
        try:
            await websocket.send_json(Move.model_validate(data).model_dump())
        except ValidationError as error:
            await websocket.send_json([problem["type"] for problem in error.errors()])


async def token(session: Annotated[str | None, Cookie()] = None, token: Annotated[str | None, Query()] = None) -> str:
    """A dependency that refuses."""
    if session is None and token is None:
        raise WebSocketException(code=1008, reason="no token")
    return session or token or ""


async def held(talk: str = "") -> AsyncIterator[str]:
    """A dependency that is given back."""
    try:
        yield "held"
    finally:
        journal[talk].append("given back")


@router.websocket("/items/{item}")
async def item(
    websocket: WebSocket,
    item: int,
    token: Annotated[str, Depends(token)],
    held: Annotated[str, Depends(held)],
    q: int | None = None,
    x_token: Annotated[list[str] | None, Header()] = None,
) -> None:
    """Parameters of all kinds."""
    await websocket.accept()
    await websocket.send_json([item, token, held, q, x_token])
    await websocket.close(1000, "that was all")


@router.websocket("/late")
async def late(websocket: WebSocket) -> None:
    """Refuses after it has accepted."""
    await websocket.accept()
    await websocket.receive_text()
    raise WebSocketException(code=4000, reason="changed my mind")
