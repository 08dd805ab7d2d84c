"""uvicorn's formatters, which apps name in their own logging configuration."""

from __future__ import annotations

import http
import logging
from copy import copy
from typing import Any, Literal

TRACE_LOG_LEVEL = 5


class ColourizedFormatter(logging.Formatter):
    """Adds `%(levelprefix)s`. Without colours: a guest has no terminal."""

    def __init__(
        self,
        fmt: str | None = None,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        use_colors: bool | None = None,
    ) -> None:
        super().__init__(fmt=fmt, datefmt=datefmt, style=style)
        self.use_colors = bool(use_colors)

    def should_use_colors(self) -> bool:
        """Never."""
        return False

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The record with what the format may name."""
        record = copy(record)
        record.__dict__["levelprefix"] = f"{record.levelname}:".ljust(9)
        self.complete(record)
        return super().formatMessage(record)

    def complete(self, record: logging.LogRecord) -> None:
        """For subclasses that know more names."""


class DefaultFormatter(ColourizedFormatter):
    """For messages."""


class AccessFormatter(ColourizedFormatter):
    """For records whose five arguments are client, method, path, version and status."""

    def complete(self, record: logging.LogRecord) -> None:
        """Names the five."""
        arguments: Any = record.args
        if isinstance(arguments, tuple) and len(arguments) == 5:
            client, method, path, version, status = arguments
            record.__dict__.update(
                client_addr=client,
                request_line=f"{method} {path} HTTP/{version}",
                status_code=f"{status} {_phrase(status)}".rstrip(),
            )


def _phrase(status: Any) -> str:
    try:
        return http.HTTPStatus(int(status)).phrase
    except (TypeError, ValueError):
        return ""
