"""`ProxyHeadersMiddleware`: believes `x-forwarded-proto` and `x-forwarded-for` of proxies that are trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]


class ProxyHeadersMiddleware:
    """Changes `scheme` and `client` of a scope. `trusted_hosts` are addresses, networks, or `*` for everybody."""

    def __init__(self, app: Callable[..., Awaitable[None]], trusted_hosts: list[str] | str = "127.0.0.1") -> None:
        self.app = app
        names = trusted_hosts.split(",") if isinstance(trusted_hosts, str) else trusted_hosts
        self.trusted_hosts = _Trusted([name.strip() for name in names if name.strip()])

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Changes the scope, then calls the app."""
        if scope["type"] != "lifespan" and (client := scope.get("client")) and client[0] in self.trusted_hosts:
            headers = dict(scope["headers"])
            self._scheme(scope, headers)
            if b"x-forwarded-for" in headers:
                host = self.trusted_hosts.client(headers[b"x-forwarded-for"].decode("latin-1"))
                if host:
                    scope["client"] = (host, 0)
        await self.app(scope, receive, send)

    @staticmethod
    def _scheme(scope: Scope, headers: dict[bytes, bytes]) -> None:
        scheme = headers.get(b"x-forwarded-proto", b"").decode("latin-1").strip()
        if scheme in ("http", "https", "ws", "wss"):
            secure = scheme in ("https", "wss")
            plain = "ws" if scope["type"] == "websocket" else "http"
            scope["scheme"] = plain + "s" if secure else plain


class _Trusted:
    """Who is believed."""

    def __init__(self, names: list[str]) -> None:
        self.always = "*" in names
        self.names = set(names)
        self.networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for name in names:
            try:
                self.networks.append(ipaddress.ip_network(name))
            except ValueError:
                continue

    def __contains__(self, host: str) -> bool:
        if self.always or host in self.names:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def client(self, forwarded_for: str) -> str:
        """The nearest host that no trusted proxy is behind."""
        hosts = [host.strip() for host in forwarded_for.split(",") if host.strip()]
        if not hosts:
            return ""
        if self.always:
            return hosts[0]
        return next((host for host in reversed(hosts) if host not in self), hosts[0])
