"""Dependencies: functions, classes, generators that clean up, security, caching, errors on the way."""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Security, status
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBasicCredentials, OAuth2PasswordBearer, SecurityScopes

router = APIRouter(prefix="/deps", tags=["dependencies"])
log: list[str] = []


def paging(skip: int = 0, limit: int = 10) -> tuple[int, int]:
    """A function in a thread."""
    return skip, limit


class Greeter:
    """A class."""

    def __init__(self, name: str = "nobody") -> None:
        self.name = name

    def greet(self) -> str:
        """Greets."""
        return f"hello, {self.name}"


async def connection() -> AsyncIterator[str]:
    """Opened before the endpoint, closed after it; sees its error."""
    log.append("connection opened")
    try:
        yield "connection"
    except ValueError as error:
        log.append(f"connection saw {error}")
        raise
    finally:
        log.append("connection closed")


def cursor(connection: Annotated[str, Depends(connection)]) -> Iterator[str]:
    """The same in a thread, on top of another."""
    log.append(f"cursor on {connection} opened")
    try:
        yield f"cursor on {connection}"
    finally:
        log.append("cursor closed")


calls = 0


def counted() -> int:
    """Once in each request, however many ask for it."""
    global calls
    calls += 1
    return calls


def also_counted(count: Annotated[int, Depends(counted)]) -> int:
    """Asks for the same."""
    return count


def token(x_token: Annotated[str, Header()]) -> None:
    """For all routes of a router."""
    if x_token != "open sesame":
        raise HTTPException(status.HTTP_403_FORBIDDEN, "wrong token")


bearer = OAuth2PasswordBearer(tokenUrl="token", scopes={"me": "read", "items": "write"})
basic = HTTPBasic(realm="the back room")
key = APIKeyHeader(name="x-key", auto_error=False)


def user(scopes: SecurityScopes, token: Annotated[str, Depends(bearer)]) -> str:
    """Who it is, if the token has the scopes."""
    name, _, granted = token.partition(":")
    if not set(scopes.scopes) <= set(granted.split(",")):
        raise HTTPException(401, "not enough", {"WWW-Authenticate": f'Bearer scope="{scopes.scope_str}"'})
    return name


@router.get("/paging")
async def paged(page: Annotated[tuple[int, int], Depends(paging)], greeter: Annotated[Greeter, Depends()]) -> object:
    """A function and a class."""
    return {"page": page, "greeting": greeter.greet()}


@router.get("/yield")
async def yielded(cursor: Annotated[str, Depends(cursor)]) -> str:
    """Generators."""
    log.append("in the endpoint")
    return cursor


@router.get("/yield/error")
def yielded_error(cursor: Annotated[str, Depends(cursor)]) -> None:
    """An error passes through them."""
    log.append(f"raising with {cursor}")
    raise HTTPException(400, "from the endpoint")


@router.get("/yield/value")
async def yielded_value(connection: Annotated[str, Depends(connection)]) -> None:
    """An error that nobody handles passes through them."""
    raise ValueError(f"secret: with {connection}")


@router.get("/log")
async def read_log() -> list[str]:
    """In which order it all was; forgets it."""
    lines = log.copy()
    log.clear()
    return lines


@router.get("/cached")
async def cached(
    a: Annotated[int, Depends(counted)],
    b: Annotated[int, Depends(also_counted)],
    c: Annotated[int, Depends(counted, use_cache=False)],
) -> list[int]:
    """One call for two, and one more."""
    return [a, b, c]


@router.get("/token", dependencies=[Depends(token)])
async def with_token() -> str:
    """Behind a header."""
    return "come in"


@router.get("/me")
async def me(user: Annotated[str, Security(user, scopes=["me"])]) -> str:
    """Behind a bearer token with a scope."""
    return user


@router.get("/basic")
def with_password(who: Annotated[HTTPBasicCredentials, Depends(basic)]) -> str:
    """Behind a password."""
    if not secrets.compare_digest(who.password.encode(), "grüße".encode()):
        raise HTTPException(401, "wrong password", {"WWW-Authenticate": "Basic"})
    return who.username


@router.get("/key")
async def with_key(key: Annotated[str | None, Security(key)], request: Request) -> object:
    """With a key or without."""
    return {"key": key, "path": request.scope["route"].path}
