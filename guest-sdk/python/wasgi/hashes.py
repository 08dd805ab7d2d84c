"""`hashlib.pbkdf2_hmac` and `hashlib.scrypt`, which the interpreter lacks without OpenSSL.

The work is done by `_wasgi`, natively. `install` is called before the app is imported, so that `from hashlib import
scrypt` and feature tests find them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import _wasgi

__all__ = ["install", "scrypt"]

MEMORY_BYTES = 32 * 1024 * 1024
"""How much scrypt may take unless `maxmem` says otherwise, as in OpenSSL."""


def scrypt(password: Any, *, salt: Any, n: int, r: int, p: int, maxmem: int = 0, dklen: int = 64) -> bytes:
    """scrypt of RFC 7914, as `hashlib` documents it."""
    if n < 2 or n & (n - 1):
        raise ValueError("n must be a power of 2.")
    if r < 1 or p < 1 or dklen < 1:
        raise ValueError("r, p and dklen must be positive.")
    if 128 * r * (n + p + 2) > (maxmem or MEMORY_BYTES):
        raise ValueError("memory limit exceeded")
    return _wasgi.scrypt(password, salt, n, r, p, dklen)


def install() -> None:
    """Puts both where the standard library has them, unless it does."""
    for name, function in (("pbkdf2_hmac", _wasgi.pbkdf2_hmac), ("scrypt", scrypt)):
        if not hasattr(hashlib, name):
            setattr(hashlib, name, function)
