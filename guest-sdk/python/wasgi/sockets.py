"""A clear word where an app meets the network: an instance has none of its own, and the system only says "denied".

`install` is called before the app is imported. Only the errors by which the host refuses get another text; whatever
works goes through untouched. Types and numbers stay what the standard library promises.
"""

from __future__ import annotations

import errno
import functools
import socket
from collections.abc import Callable
from typing import Any

__all__ = ["NONE", "install"]

NONE = "a wasgi instance has no network of its own"

LOOKUPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")
# By what an app writes: making a socket is refused first, where the host allows none.
CALLS = {
    "__init__": "socket.socket",
    "connect": "socket.connect",
    "bind": "socket.bind",
    "listen": "socket.listen",
    "sendto": "socket.sendto",
}


def install() -> None:
    """Wraps what asks the host for an address or a connection."""
    for name in LOOKUPS:
        if hasattr(socket, name):
            setattr(socket, name, _lookup(getattr(socket, name)))
    for name, shown in CALLS.items():
        if hasattr(socket.socket, name):
            setattr(socket.socket, name, _call(shown, getattr(socket.socket, name)))


def _lookup(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def lookup(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except socket.gaierror as error:
            if error.errno != socket.EAI_FAIL:
                raise
            raise socket.gaierror(error.errno, f"{function.__name__}: {NONE}") from None

    return lookup


def _call(shown: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: socket.socket, *args: Any, **named: Any) -> Any:
        try:
            return method(self, *args, **named)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.ENOTSUP):
                raise
            raise OSError(error.errno, f"{shown}: {NONE}") from None

    return call
