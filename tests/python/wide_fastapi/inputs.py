"""Where parameters come from: paths, queries, headers, cookies, forms, files, bodies."""

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Body, Cookie, File, Form, Header, Query, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field

router = APIRouter(prefix="/in", tags=["inputs"])


class Filters(BaseModel):
    """A query as a model that refuses the rest."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, gt=0, le=100)
    order: str = "name"
    tags: list[str] = []


class Common(BaseModel):
    """Headers as a model."""

    host: str
    x_tag: list[str] = []
    if_modified_since: str | None = None


class Login(BaseModel):
    """A form as a model."""

    user: str = Field(min_length=2)
    password: str
    remember: bool = False


class Tree(BaseModel):
    """Recursive."""

    value: int
    children: list["Tree"] = []


@router.get("/files/{path:path}")
async def path(path: str) -> str:
    """A path in the path."""
    return path


@router.get("/query")
async def query(filters: Annotated[Filters, Query()]) -> Filters:
    """A query as a model."""
    return filters


@router.get("/many-queries")
async def many_queries(
    a: int, b: float, c: bool, d: str | None = None, e: Annotated[str, Query(max_length=3)] = "e"
) -> Any:
    """Several kinds at once."""
    return {"a": a, "b": b, "c": c, "d": d, "e": e}


@router.get("/headers")
async def headers(common: Annotated[Common, Header()], user_agent: Annotated[str | None, Header()] = None) -> Any:
    """Headers by name and as a model."""
    return {"common": common, "user_agent": user_agent}


@router.get("/cookies")
async def cookies(tracker: Annotated[str | None, Cookie()] = None, number: Annotated[int, Cookie()] = 0) -> Any:
    """Cookies."""
    return {"tracker": tracker, "number": number}


@router.post("/form")
async def form(user: Annotated[str, Form()], age: Annotated[int, Form(ge=0)] = 0) -> Any:
    """A form, field by field."""
    return {"user": user, "age": age}


@router.post("/login")
async def login(data: Annotated[Login, Form()]) -> Login:
    """A form as a model."""
    return data


@router.post("/upload")
async def upload(file: UploadFile, note: Annotated[str, Form()] = "") -> Any:
    """A file and a field."""
    content = await file.read()
    return {
        "name": file.filename,
        "type": file.content_type,
        "size": file.size,
        "sha256": hashlib.sha256(content).hexdigest(),
        "note": note,
    }


@router.post("/uploads")
def uploads(files: list[UploadFile], raw: Annotated[bytes | None, File()] = None) -> Any:
    """Several files, read from a thread."""
    return {"files": [[file.filename, len(file.file.read())] for file in files], "raw": len(raw or b"")}


@router.post("/tree")
async def tree(tree: Tree) -> int:
    """The sum over a recursive model."""
    total, rest = 0, [tree]
    while rest:
        node = rest.pop()
        total += node.value
        rest.extend(node.children)
    return total


@router.post("/any")
async def anything(value: Annotated[Any, Body()]) -> Any:
    """Any JSON."""
    return value


@router.post("/raw")
async def raw(request: Request) -> Any:
    """The body as it is."""
    body = await request.body()
    return {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@router.post("/embedded")
async def embedded(value: Annotated[int, Body(embed=True)]) -> int:
    """One value below its name."""
    return value
