"""Stands in for `_ssl`, which the interpreter lacks, below the standard library's own `ssl`.

`import ssl` works, its constants and classes are there, and contexts can be made and set up, because libraries do
so whether they use TLS or not. What would start TLS raises `ssl.SSLError`. TLS ends at the host; a guest has
none of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NoReturn

OPENSSL_VERSION = "OpenSSL 3.0.0 (none: stand-in of wasgi)"
OPENSSL_VERSION_INFO = (3, 0, 0, 0, 0)
OPENSSL_VERSION_NUMBER = 0x30000000
_OPENSSL_API_VERSION = OPENSSL_VERSION_INFO
_DEFAULT_CIPHERS = "DEFAULT"

HAS_SNI = HAS_ECDH = HAS_ALPN = HAS_TLS_UNIQUE = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = False
HAS_TLSv1_2 = HAS_TLSv1_3 = True
HAS_PSK = HAS_PHA = False

PROTOCOL_SSLv23 = 2
PROTOCOL_TLS = 2
PROTOCOL_TLS_CLIENT = 16
PROTOCOL_TLS_SERVER = 17
PROTOCOL_TLSv1 = 3
PROTOCOL_TLSv1_1 = 4
PROTOCOL_TLSv1_2 = 5

PROTO_MINIMUM_SUPPORTED = -2
PROTO_MAXIMUM_SUPPORTED = -1
PROTO_SSLv3 = 768
PROTO_TLSv1 = 769
PROTO_TLSv1_1 = 770
PROTO_TLSv1_2 = 771
PROTO_TLSv1_3 = 772

OP_ALL = 2147483728
OP_NO_SSLv2 = 0
OP_NO_SSLv3 = 33554432
OP_NO_TLSv1 = 67108864
OP_NO_TLSv1_1 = 268435456
OP_NO_TLSv1_2 = 134217728
OP_NO_TLSv1_3 = 536870912
OP_CIPHER_SERVER_PREFERENCE = 4194304
OP_SINGLE_DH_USE = 0
OP_NO_TICKET = 16384
OP_LEGACY_SERVER_CONNECT = 4
OP_SINGLE_ECDH_USE = 0
OP_NO_COMPRESSION = 131072
OP_ENABLE_MIDDLEBOX_COMPAT = 1048576
OP_NO_RENEGOTIATION = 1073741824
OP_IGNORE_UNEXPECTED_EOF = 128
OP_ENABLE_KTLS = 8

CERT_NONE = 0
CERT_OPTIONAL = 1
CERT_REQUIRED = 2

VERIFY_DEFAULT = 0
VERIFY_CRL_CHECK_LEAF = 4
VERIFY_CRL_CHECK_CHAIN = 12
VERIFY_X509_STRICT = 32
VERIFY_ALLOW_PROXY_CERTS = 64
VERIFY_X509_TRUSTED_FIRST = 32768
VERIFY_X509_PARTIAL_CHAIN = 524288

SSL_ERROR_ZERO_RETURN = 6
SSL_ERROR_WANT_READ = 2
SSL_ERROR_WANT_WRITE = 3
SSL_ERROR_WANT_X509_LOOKUP = 4
SSL_ERROR_SYSCALL = 5
SSL_ERROR_SSL = 1
SSL_ERROR_WANT_CONNECT = 7
SSL_ERROR_EOF = 8
SSL_ERROR_INVALID_ERROR_CODE = 10

ALERT_DESCRIPTION_CLOSE_NOTIFY = 0
ALERT_DESCRIPTION_UNEXPECTED_MESSAGE = 10
ALERT_DESCRIPTION_BAD_RECORD_MAC = 20
ALERT_DESCRIPTION_RECORD_OVERFLOW = 22
ALERT_DESCRIPTION_DECOMPRESSION_FAILURE = 30
ALERT_DESCRIPTION_HANDSHAKE_FAILURE = 40
ALERT_DESCRIPTION_BAD_CERTIFICATE = 42
ALERT_DESCRIPTION_UNSUPPORTED_CERTIFICATE = 43
ALERT_DESCRIPTION_CERTIFICATE_REVOKED = 44
ALERT_DESCRIPTION_CERTIFICATE_EXPIRED = 45
ALERT_DESCRIPTION_CERTIFICATE_UNKNOWN = 46
ALERT_DESCRIPTION_ILLEGAL_PARAMETER = 47
ALERT_DESCRIPTION_UNKNOWN_CA = 48
ALERT_DESCRIPTION_ACCESS_DENIED = 49
ALERT_DESCRIPTION_DECODE_ERROR = 50
ALERT_DESCRIPTION_DECRYPT_ERROR = 51
ALERT_DESCRIPTION_PROTOCOL_VERSION = 70
ALERT_DESCRIPTION_INSUFFICIENT_SECURITY = 71
ALERT_DESCRIPTION_INTERNAL_ERROR = 80
ALERT_DESCRIPTION_USER_CANCELLED = 90
ALERT_DESCRIPTION_NO_RENEGOTIATION = 100
ALERT_DESCRIPTION_UNSUPPORTED_EXTENSION = 110
ALERT_DESCRIPTION_CERTIFICATE_UNOBTAINABLE = 111
ALERT_DESCRIPTION_UNRECOGNIZED_NAME = 112
ALERT_DESCRIPTION_BAD_CERTIFICATE_STATUS_RESPONSE = 113
ALERT_DESCRIPTION_BAD_CERTIFICATE_HASH_VALUE = 114
ALERT_DESCRIPTION_UNKNOWN_PSK_IDENTITY = 115

HOSTFLAG_ALWAYS_CHECK_SUBJECT = 1
HOSTFLAG_NEVER_CHECK_SUBJECT = 32
HOSTFLAG_NO_WILDCARDS = 2
HOSTFLAG_NO_PARTIAL_WILDCARDS = 4
HOSTFLAG_MULTI_LABEL_WILDCARDS = 8
HOSTFLAG_SINGLE_LABEL_SUBDOMAINS = 16

ENCODING_PEM = 1
ENCODING_DER = 2


class SSLError(OSError):
    """What TLS fails with."""

    library: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        return str(self.strerror if self.strerror is not None else OSError.__str__(self))


class SSLZeroReturnError(SSLError):
    """The connection was closed in order."""


class SSLWantReadError(SSLError):
    """More has to be read."""


class SSLWantWriteError(SSLError):
    """More has to be written."""


class SSLSyscallError(SSLError):
    """The system failed."""


class SSLEOFError(SSLError):
    """The connection ended in the middle."""


class SSLCertVerificationError(SSLError, ValueError):
    """A certificate is not to be trusted."""

    verify_code = 0
    verify_message = ""


def _none(doing: str) -> NoReturn:
    raise SSLError(
        SSL_ERROR_SSL,
        f"{doing}: there is no TLS inside a wasgi guest (no https, no TLS connections of its own)",
    )


class _Setting:
    """An attribute of a context that is kept and does nothing."""

    def __init__(self, default: Any) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else instance._settings.get(self._name, self._default)

    def __set__(self, instance: Any, value: Any) -> None:
        instance._settings[self._name] = value


class _SSLContext:
    """Keeps what is set, and cannot connect."""

    _settings: dict[str, Any]

    check_hostname = _Setting(False)
    keylog_filename = _Setting(None)
    maximum_version = _Setting(PROTO_MAXIMUM_SUPPORTED)
    minimum_version = _Setting(PROTO_MINIMUM_SUPPORTED)
    num_tickets = _Setting(2)
    options = _Setting(OP_ALL)
    post_handshake_auth = _Setting(False)
    security_level = _Setting(1)
    sni_callback = _Setting(None)
    verify_flags = _Setting(VERIFY_X509_TRUSTED_FIRST)
    verify_mode = _Setting(CERT_NONE)
    _host_flags = _Setting(HOSTFLAG_NO_PARTIAL_WILDCARDS)
    _msg_callback = _Setting(None)

    def __new__(cls, protocol: int = PROTOCOL_TLS_CLIENT, *_: Any, **__: Any) -> _SSLContext:
        self = super().__new__(cls)
        self._settings = {"protocol": protocol}
        if protocol == PROTOCOL_TLS_CLIENT:
            self._settings.update(check_hostname=True, verify_mode=CERT_REQUIRED)
        return self

    @property
    def protocol(self) -> int:
        """One of `PROTOCOL_…`."""
        return int(self._settings["protocol"])

    def _wrap_socket(self, *_: Any, **__: Any) -> NoReturn:
        _none("TLS on a socket")

    def _wrap_bio(self, *_: Any, **__: Any) -> NoReturn:
        _none("TLS")

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        """Looks whether the files are there, as far as can be seen."""
        for file in (certfile, keyfile):
            if file is not None:
                os.stat(file)

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        """Trusts nothing: nothing is verified."""
        if cafile is None and capath is None and cadata is None:
            raise TypeError("cafile, capath and cadata cannot be all omitted")

    def set_default_verify_paths(self) -> None:
        """There are none."""

    def set_ciphers(self, ciphers: str) -> None:
        """Kept by nobody."""

    def get_ciphers(self) -> list[dict[str, Any]]:
        """None."""
        return []

    def set_ecdh_curve(self, name: str) -> None:
        """Kept by nobody."""

    def load_dh_params(self, path: Any) -> None:
        """Kept by nobody."""

    def _set_alpn_protocols(self, protocols: bytes) -> None:
        """Kept by nobody."""

    def set_psk_client_callback(self, callback: Callable[..., Any] | None) -> NoReturn:
        """Not possible."""
        _none("TLS with a pre-shared key")

    def set_psk_server_callback(
        self, callback: Callable[..., Any] | None, identity_hint: str | None = None
    ) -> NoReturn:
        """Not possible."""
        _none("TLS with a pre-shared key")

    def cert_store_stats(self) -> dict[str, int]:
        """An empty store."""
        return {"x509": 0, "crl": 0, "x509_ca": 0}

    def get_ca_certs(self, binary_form: bool = False) -> list[Any]:
        """An empty store."""
        return []

    def session_stats(self) -> dict[str, int]:
        """No sessions."""
        return {}


class MemoryBIO:
    """A buffer, which works; nothing is ever encrypted into it."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.eof = False

    @property
    def pending(self) -> int:
        """Bytes in the buffer."""
        return len(self._data)

    def read(self, size: int = -1) -> bytes:
        """Takes bytes out."""
        size = len(self._data) if size is None or size < 0 else size
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken

    def write(self, data: Any) -> int:
        """Puts bytes in."""
        if self.eof:
            raise SSLError("cannot write() after write_eof()")
        self._data += data
        return len(data)

    def write_eof(self) -> None:
        """No more will come."""
        self.eof = True


class SSLSession:
    """Never made."""


class _SSLSocket:
    """Never made."""


class Certificate:
    """Never made."""


def RAND_bytes(n: int) -> bytes:
    """From the operating system, as everywhere."""
    return os.urandom(n)


def RAND_add(data: Any, entropy: float) -> None:
    """Not needed: the host is the source."""


def RAND_status() -> bool:
    """Always seeded."""
    return True


def get_default_verify_paths() -> tuple[str, str, str, str]:
    """The names of variables and files where other systems keep certificates; there are none here."""
    return ("SSL_CERT_FILE", "/nonexistent/cert.pem", "SSL_CERT_DIR", "/nonexistent/certs")


_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": (129, "serverAuth", "TLS Web Server Authentication"),
    "1.3.6.1.5.5.7.3.2": (130, "clientAuth", "TLS Web Client Authentication"),
}


def txt2obj(txt: str, name: bool = False) -> tuple[int, str, str, str]:
    """The two purposes that `ssl` asks for when it is imported."""
    if txt not in _PURPOSES:
        raise ValueError(f"unknown object {txt[:100]!r}")
    return (*_PURPOSES[txt], txt)


def nid2obj(nid: int) -> tuple[int, str, str, str]:
    """The same by number."""
    for oid, purpose in _PURPOSES.items():
        if purpose[0] == nid:
            return (*purpose, oid)
    raise ValueError(f"unknown NID {nid}")


def _test_decode_cert(path: Any) -> NoReturn:
    _none("reading a certificate")
