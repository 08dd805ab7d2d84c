"""The tasks on disk: one SQLite file, and nothing of HTTP."""

import os
import sqlite3
from pathlib import Path
from typing import Any, Self

SCHEMA = """
CREATE TABLE IF NOT EXISTS task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT 0
)
"""

COLUMNS = "id, title, done"


class Store:
    """The tasks of this app. Rows are dictionaries with `id`, `title` and `done`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        self._db = connection

    @classmethod
    def open(cls) -> Self:
        """Opens `$TODO_DB`, else `todo.db` in the data directory that wasgi gives to the app, else here."""
        data = Path("/data")
        path = os.environ.get("TODO_DB") or str((data if data.is_dir() else Path()) / "todo.db")
        connection = sqlite3.connect(path, check_same_thread=False)
        connection.execute(SCHEMA)
        connection.commit()
        return cls(connection)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def list(self, *, done: bool | None, after: int, limit: int) -> list[dict[str, Any]]:
        """At most `limit` tasks with ids above `after`; only those that are (not) done if it is said."""
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM task WHERE id > ? AND (? IS NULL OR done = ?) ORDER BY id LIMIT ?",
            (after, done, done, limit),
        )
        return [_task(row) for row in rows]

    def create(self, *, title: str, done: bool) -> dict[str, Any]:
        """A new task with an id that was never used."""
        with self._db:
            row = self._db.execute(
                f"INSERT INTO task (title, done) VALUES (?, ?) RETURNING {COLUMNS}", (title, done)
            ).fetchone()
        return _task(row)

    def read(self, task_id: int) -> dict[str, Any] | None:
        """The task, if there is one."""
        row = self._db.execute(f"SELECT {COLUMNS} FROM task WHERE id = ?", (task_id,)).fetchone()
        return None if row is None else _task(row)

    def change(self, task_id: int, *, title: str | None = None, done: bool | None = None) -> dict[str, Any] | None:
        """The task after the change, if there is one; `None` leaves a column as it is."""
        with self._db:
            row = self._db.execute(
                "UPDATE task SET title = coalesce(?, title), done = coalesce(?, done)"
                f" WHERE id = ? RETURNING {COLUMNS}",
                (title, done, task_id),
            ).fetchone()
        return None if row is None else _task(row)

    def delete(self, task_id: int) -> bool:
        """Whether there was such a task."""
        with self._db:
            return self._db.execute("DELETE FROM task WHERE id = ?", (task_id,)).rowcount == 1


def _task(row: sqlite3.Row) -> dict[str, Any]:
    return {"id": row["id"], "title": row["title"], "done": bool(row["done"])}
