"""`uvicorn.Server`, which does not serve."""

from __future__ import annotations

from typing import Any, NoReturn

from uvicorn.config import Config


class NotServed(RuntimeError):
    """The app started a server of its own."""


def refuse(name: str) -> NoReturn:
    """Says who serves the app."""
    raise NotServed(
        f"{name} was called, but wasgi serves the app itself: "
        'call it only under `if __name__ == "__main__":`, and name the app as `module:app`'
    )


class Server:
    """Can be made and not be run."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.started = False
        self.should_exit = False
        self.force_exit = False

    def run(self, sockets: Any = None) -> NoReturn:
        """Refuses."""
        refuse("uvicorn.Server.run()")

    async def serve(self, sockets: Any = None) -> NoReturn:
        """Refuses."""
        refuse("uvicorn.Server.serve()")
