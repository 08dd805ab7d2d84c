"""A to-do list: FastAPI, pydantic, and SQLite in the app's own data directory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response, status
from pydantic import BaseModel, Field

from store import Store


class NewTask(BaseModel):
    """What a client sends."""

    title: str = Field(min_length=1, max_length=200, examples=["water the plants"])
    done: bool = False


class Change(BaseModel):
    """What a client changes: only what it names."""

    title: str | None = Field(default=None, min_length=1, max_length=200)
    done: bool | None = None


class Task(NewTask):
    """What a client gets."""

    id: int


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Store]]:
    """One connection for each instance, from start-up to shutdown."""
    store = Store.open()
    try:
        yield {"store": store}
    finally:
        store.close()


app = FastAPI(title="To-do", summary="CRUD on SQLite, in a sandbox", lifespan=lifespan)


def the_store(request: Request) -> Store:
    """The store of this instance."""
    store: Store = request.state.store
    return store


Tasks = Annotated[Store, Depends(the_store)]


@app.get("/tasks")
def list_tasks(
    store: Tasks,
    done: bool | None = None,
    after: Annotated[int, Query(ge=0, description="only ids above this one")] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[Task]:
    """The tasks in the order in which they were made."""
    return [Task(**row) for row in store.list(done=done, after=after, limit=limit)]


@app.post("/tasks", status_code=status.HTTP_201_CREATED)
def create_task(new: NewTask, store: Tasks, request: Request, response: Response) -> Task:
    """Makes a task; `location` says where it is."""
    task = Task(**store.create(title=new.title, done=new.done))
    response.headers["location"] = str(request.url_for("read_task", task_id=task.id))
    return task


@app.get("/tasks/{task_id}")
def read_task(task_id: int, store: Tasks) -> Task:
    """One task."""
    return _found(store.read(task_id))


@app.patch("/tasks/{task_id}")
def change_task(task_id: int, change: Change, store: Tasks) -> Task:
    """Changes what is given and leaves the rest."""
    return _found(store.change(task_id, **change.model_dump(exclude_none=True)))


@app.delete("/tasks/{task_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_task(task_id: int, store: Tasks) -> None:
    """Removes a task; 404 when there is none."""
    if not store.delete(task_id):
        raise _missing()


def _found(row: dict[str, object] | None) -> Task:
    if row is None:
        raise _missing()
    return Task.model_validate(row)


def _missing() -> HTTPException:
    return HTTPException(status.HTTP_404_NOT_FOUND, "there is no such task")
