"""Stands in for uvicorn: apps import it, and wasgi serves them itself.

`run`, `Server` and `main` say so when they are called. The logging configuration, its formatters and the
middleware for proxies' headers work, because apps use them under any server.
"""

from uvicorn.config import Config
from uvicorn.main import main, run
from uvicorn.server import Server

__version__ = "0.0.0+wasgi"
__all__ = ["Config", "Server", "main", "run"]
