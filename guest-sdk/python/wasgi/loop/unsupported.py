"""What an event loop in an instance has not got, said clearly.

Owns: the methods of asyncio's loop that need file descriptors, signals or processes. Mixed into `EventLoop`.
Outgoing connections raise OSError, so that clients report them as connection errors; the rest raises
NotImplementedError, which is what asyncio documents for platforms without it.
"""

from __future__ import annotations

import errno
from typing import Any, NoReturn

_SOCKETS = "a wasgi instance has no sockets of its own"
_SERVERS = "a wasgi instance cannot listen: requests come from the host as calls of the ASGI app"
_FILES = "a wasgi instance has no file descriptors that a loop could wait for"
_SIGNALS = "a wasgi instance receives no signals: use the lifespan's shutdown to clean up"
_PROCESSES = "a wasgi instance cannot start processes"


def _unconnected(name: str) -> NoReturn:
    raise OSError(errno.ENOTSUP, f"loop.{name}: {_SOCKETS}")


def _missing(name: str, why: str) -> NoReturn:
    raise NotImplementedError(f"loop.{name}: {why}")


class Unsupported:
    """Mixin whose methods all raise."""

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        _unconnected("create_connection")

    async def create_datagram_endpoint(self, *args: Any, **kwargs: Any) -> Any:
        _unconnected("create_datagram_endpoint")

    async def create_unix_connection(self, *args: Any, **kwargs: Any) -> Any:
        _unconnected("create_unix_connection")

    async def connect_accepted_socket(self, *args: Any, **kwargs: Any) -> Any:
        _unconnected("connect_accepted_socket")

    async def start_tls(self, *args: Any, **kwargs: Any) -> Any:
        _unconnected("start_tls")

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        _unconnected("getaddrinfo")

    async def getnameinfo(self, *args: Any, **kwargs: Any) -> Any:
        _unconnected("getnameinfo")

    async def sock_recv(self, *args: Any) -> Any:
        _unconnected("sock_recv")

    async def sock_recv_into(self, *args: Any) -> Any:
        _unconnected("sock_recv_into")

    async def sock_recvfrom(self, *args: Any) -> Any:
        _unconnected("sock_recvfrom")

    async def sock_recvfrom_into(self, *args: Any) -> Any:
        _unconnected("sock_recvfrom_into")

    async def sock_sendall(self, *args: Any) -> Any:
        _unconnected("sock_sendall")

    async def sock_sendto(self, *args: Any) -> Any:
        _unconnected("sock_sendto")

    async def sock_connect(self, *args: Any) -> Any:
        _unconnected("sock_connect")

    async def sock_accept(self, *args: Any) -> Any:
        _unconnected("sock_accept")

    async def sock_sendfile(self, *args: Any, **kwargs: Any) -> Any:
        _unconnected("sock_sendfile")

    async def sendfile(self, *args: Any, **kwargs: Any) -> Any:
        _unconnected("sendfile")

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        _missing("create_server", _SERVERS)

    async def create_unix_server(self, *args: Any, **kwargs: Any) -> Any:
        _missing("create_unix_server", _SERVERS)

    def add_reader(self, *args: Any) -> Any:
        _missing("add_reader", _FILES)

    def remove_reader(self, *args: Any) -> Any:
        _missing("remove_reader", _FILES)

    def add_writer(self, *args: Any) -> Any:
        _missing("add_writer", _FILES)

    def remove_writer(self, *args: Any) -> Any:
        _missing("remove_writer", _FILES)

    async def connect_read_pipe(self, *args: Any) -> Any:
        _missing("connect_read_pipe", _FILES)

    async def connect_write_pipe(self, *args: Any) -> Any:
        _missing("connect_write_pipe", _FILES)

    def add_signal_handler(self, *args: Any) -> Any:
        _missing("add_signal_handler", _SIGNALS)

    def remove_signal_handler(self, *args: Any) -> Any:
        _missing("remove_signal_handler", _SIGNALS)

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        _missing("subprocess_exec", _PROCESSES)

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> Any:
        _missing("subprocess_shell", _PROCESSES)
