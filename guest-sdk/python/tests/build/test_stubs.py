"""The modules that stand in for what the interpreter lacks: they import, and they say a clear word when used."""

from __future__ import annotations

import asyncio
import errno
import importlib
import importlib.util
import logging.config
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import wasgi
from wasgi import sockets

STUBS = Path(wasgi.__file__).parents[1] / "stubs"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a stub in place of the real module, and what is named after it afresh on top."""

    def take(name: str, *on_top: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, STUBS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        for other in on_top:
            monkeypatch.delitem(sys.modules, other, raising=False)
            module = importlib.import_module(other)
            monkeypatch.setitem(sys.modules, other, module)
        return module

    return take


@pytest.mark.parametrize("path", sorted(STUBS.glob("*.py")), ids=lambda path: path.stem)
def test_every_stub_imports(stub: Callable[..., ModuleType], path: Path) -> None:
    assert stub(path.stem).__doc__


def test_ssl_imports_sets_up_and_refuses(stub: Callable[..., ModuleType]) -> None:
    ssl: Any = stub("_ssl", "ssl")
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_verify_locations(cadata="x")
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    assert context.protocol is ssl.PROTOCOL_TLS_CLIENT and context.minimum_version is ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="no TLS inside a wasgi guest"):
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
    with pytest.raises(FileNotFoundError):
        context.load_cert_chain("nothing.pem")
    assert issubclass(ssl.SSLError, OSError) and issubclass(ssl.CertificateError, ValueError)
    assert ssl.RAND_status() and len(ssl.RAND_bytes(8)) == 8 and ssl.Purpose.SERVER_AUTH.shortname == "serverAuth"


@pytest.mark.parametrize(
    ("name", "use", "word"),
    [
        ("fcntl", lambda m: m.flock(1, m.LOCK_EX), "no file locks"),
        ("termios", lambda m: m.tcgetattr(0), "no terminal"),
        ("mmap", lambda m: m.mmap(-1, 1), "cannot map files"),
        ("_multiprocessing", lambda m: m.SemLock(1, 1, 1), "no processes"),
        ("_posixshmem", lambda m: m.shm_open("/x", 0), "has none"),
        ("resource", lambda m: m.setrlimit(m.RLIMIT_NOFILE, (1, 1)), "set by the host"),
        ("pwd", lambda m: m.getpwuid(0), "uid not found"),
        ("grp", lambda m: m.getgrnam("root"), "name not found"),
    ],
)
def test_a_stub_refuses_with_a_clear_word(
    stub: Callable[..., ModuleType], name: str, use: Callable[[Any], Any], word: str
) -> None:
    with pytest.raises(Exception, match=word):
        use(stub(name))


def test_the_guest_is_one_user(stub: Callable[..., ModuleType]) -> None:
    assert stub("pwd").getpwuid(1000).pw_dir == "/data" and stub("grp").getgrgid(1000).gr_name == "wasgi"


def test_syslog_goes_to_stderr(stub: Callable[..., ModuleType], capsys: pytest.CaptureFixture[str]) -> None:
    syslog: Any = stub("syslog")
    syslog.syslog("plain")
    syslog.setlogmask(syslog.LOG_UPTO(syslog.LOG_ERR))
    syslog.syslog(syslog.LOG_INFO, "hidden")
    syslog.syslog(syslog.LOG_ERR, "shown")
    assert capsys.readouterr().err == "plain\nshown\n"


def test_resource_counts_forward(stub: Callable[..., ModuleType]) -> None:
    resource: Any = stub("resource")
    first = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    sum(range(100_000))
    assert 0 == first <= resource.getrusage(resource.RUSAGE_SELF).ru_utime


# ---------------------------------------------------------------- the network


def test_the_host_refusing_the_network_gets_a_clear_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object) -> None:
        raise args[-1]  # type: ignore[misc]

    class Socket:
        connect = bind = refused

    monkeypatch.setattr(sockets.socket, "socket", Socket)
    for name in sockets.LOOKUPS:
        monkeypatch.setattr(sockets.socket, name, refused)
    sockets.install()
    with pytest.raises(socket.gaierror, match="a wasgi instance has no network"):
        socket.getaddrinfo(socket.gaierror(socket.EAI_FAIL, "Non-recoverable error"))
    with pytest.raises(socket.gaierror, match="not known"):
        socket.getaddrinfo(socket.gaierror(socket.EAI_NONAME, "not known"))
    with pytest.raises(PermissionError, match="connect: a wasgi instance has no network of its own"):
        Socket().connect(OSError(errno.EACCES, "Permission denied"))
    with pytest.raises(ConnectionRefusedError, match="refused"):
        Socket().bind(OSError(errno.ECONNREFUSED, "refused"))


# ---------------------------------------------------------------- uvicorn


@pytest.fixture
def uvicorn(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in [name for name in sys.modules if name.partition(".")[0] == "uvicorn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(STUBS), *sys.path])
    yield importlib.import_module("uvicorn")
    for name in [name for name in sys.modules if name.partition(".")[0] == "uvicorn"]:
        del sys.modules[name]


def test_uvicorn_imports_and_does_not_serve(uvicorn: Any) -> None:
    config = uvicorn.Config("main:app", port=1, log_level="info", workers=4)
    assert config.workers == 4
    for serve in (lambda: uvicorn.run("main:app", reload=True), uvicorn.Server(config).run, uvicorn.main):
        with pytest.raises(RuntimeError, match="wasgi serves the app itself"):
            serve()
    with pytest.raises(RuntimeError, match="wasgi serves the app itself"):
        asyncio.run(uvicorn.Server(config).serve())


def test_uvicorns_logging_configuration_works(uvicorn: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from uvicorn.config import LOGGING_CONFIG  # type: ignore[import-not-found]

    logging.config.dictConfig(LOGGING_CONFIG)
    logging.getLogger("uvicorn.error").info("started %d", 1)
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "1.2.3.4:5", "GET", "/", "1.1", 404)
    shown = capsys.readouterr()
    assert shown.err == "INFO:     started 1\n"
    assert shown.out == 'INFO:     1.2.3.4:5 - "GET / HTTP/1.1" 404 Not Found\n'


@pytest.mark.parametrize(
    ("trusted", "client", "forwarded", "seen"),
    [
        ("*", "9.9.9.9", "1.1.1.1, 2.2.2.2", ("1.1.1.1", 0)),
        ("127.0.0.1", "127.0.0.1", "1.1.1.1, 2.2.2.2", ("2.2.2.2", 0)),
        (["127.0.0.1", "2.0.0.0/8"], "127.0.0.1", "1.1.1.1, 2.2.2.2", ("1.1.1.1", 0)),
        ("127.0.0.1", "9.9.9.9", "1.1.1.1", ("9.9.9.9", 5)),
        ("127.0.0.1", "127.0.0.1", " , ", ("127.0.0.1", 5)),
    ],
)
def test_headers_of_proxies_are_believed_if_they_are_trusted(
    uvicorn: Any, trusted: Any, client: str, forwarded: str, seen: tuple[str, int]
) -> None:
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware  # type: ignore[import-not-found]

    scopes: list[dict[str, Any]] = []

    async def app(scope: dict[str, Any], receive: object, send: object) -> None:
        scopes.append(scope)

    headers = [(b"x-forwarded-for", forwarded.encode()), (b"x-forwarded-proto", b"https")]
    for kind in ("http", "websocket"):
        scope = {"type": kind, "client": (client, 5), "scheme": "http", "headers": headers}
        asyncio.run(ProxyHeadersMiddleware(app, trusted)(scope, None, None))
    assert [scope["client"] for scope in scopes] == [seen, seen]
    assert [scope["scheme"] for scope in scopes] == (
        ["http", "http"] if client == "9.9.9.9" and trusted != "*" else ["https", "wss"]
    )
