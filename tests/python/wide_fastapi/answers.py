"""Answers of every kind: streams, events, files, cookies, background tasks."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, BackgroundTasks, Response
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from fastapi.sse import EventSourceResponse, ServerSentEvent

router = APIRouter(prefix="/out", tags=["answers"])
journal: list[str] = []


@dataclass
class Point:
    """A dataclass is a model, too."""

    x: int
    y: float = 0.5


@router.get("/point")
async def point(x: int) -> Point:
    """A dataclass."""
    return Point(x)


@router.get("/text", response_class=PlainTextResponse)
async def text() -> str:
    """Text."""
    return "text ☃"


@router.get("/none")
async def none() -> None:
    """Null."""


@router.get("/redirect", response_class=RedirectResponse, status_code=302)
async def redirect() -> str:
    """A redirect by its class."""
    return "/out/text?a=ü"


@router.get("/cookies")
async def cookies(response: Response) -> dict[str, bool]:
    """Cookies and headers on a response that FastAPI makes."""
    response.set_cookie("a", "1", httponly=True)
    response.set_cookie("b", "two words")
    response.headers["x-made"] = "here"
    response.status_code = 203
    return {"set": True}


@router.get("/json")
async def json() -> Response:
    """A response made by hand."""
    return JSONResponse({"by": "hand"}, 202, {"x-by": "hand"}, "application/problem+json")


@router.get("/stream")
async def stream(pieces: int = 5) -> StreamingResponse:
    """An asynchronous stream."""

    async def parts() -> AsyncIterator[str]:
        for number in range(pieces):
            yield f"{number},"
            await asyncio.sleep(0)

    return StreamingResponse(parts(), media_type="text/csv")


@router.get("/stream/thread")
def stream_from_a_thread() -> StreamingResponse:
    """A stream that is not."""

    def parts() -> Iterator[bytes]:
        for number in range(5):
            yield b"%d;" % number

    return StreamingResponse(parts())


@router.get("/events", response_class=EventSourceResponse)
async def events() -> AsyncIterator[ServerSentEvent]:
    """Server-sent events as FastAPI has them."""
    for number in range(3):
        yield ServerSentEvent(data={"number": number}, event="tick", id=str(number))


@router.get("/file")
async def file() -> FileResponse:
    """A file."""
    return FileResponse(Path(__file__).parent / "static" / "letters.txt", headers={"x-file": "1"})


def note(what: str) -> None:
    """Runs after the response, in a thread."""
    journal.append(what)


async def note_slowly(what: str) -> None:
    """Runs after the response."""
    await asyncio.sleep(0.01)
    journal.append(what)


@router.post("/background", status_code=202)
async def background(what: str, tasks: BackgroundTasks) -> dict[str, str]:
    """Two tasks after the response."""
    tasks.add_task(note, f"at once: {what}")
    tasks.add_task(note_slowly, what=f"slowly: {what}")
    return {"message": "in the background"}


@router.get("/journal")
async def read_journal(until: int = 0) -> list[str]:
    """What the tasks have left behind, once there are that many."""
    async with asyncio.timeout(20):
        while len(journal) < until:
            await asyncio.sleep(0.005)
    return journal


@router.get("/big")
def big(n: int = 2000) -> Any:
    """Much JSON."""
    return [{"id": number, "name": f"item {number}", "price": number / 7} for number in range(n)]


@router.get("/nan")
async def nan() -> float:
    """What JSON has no word for."""
    return float("nan")
