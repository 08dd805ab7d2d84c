"""`uvicorn.run`, which does not serve."""

from __future__ import annotations

from typing import Any, NoReturn

from uvicorn.server import refuse


def run(app: Any = None, **_: Any) -> NoReturn:
    """Refuses."""
    refuse("uvicorn.run()")


def main(*_: Any, **__: Any) -> NoReturn:
    """Refuses."""
    refuse("uvicorn.main()")
