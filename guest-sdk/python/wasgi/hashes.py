"""`hashlib.pbkdf2_hmac` and `hashlib.scrypt`, which the interpreter lacks without OpenSSL.

The work is done by `_wasgi`, natively; this is what `hashlib` promises about arguments and errors. `install` is
called before the app is imported, so that `from hashlib import scrypt` and feature tests find them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import _wasgi

__all__ = ["install", "pbkdf2_hmac", "scrypt"]


def pbkdf2_hmac(hash_name: str, password: Any, salt: Any, iterations: int, dklen: int | None = None) -> bytes:
    """PKCS#5 password-based key derivation 2, as `hashlib` documents it."""
    if iterations < 1:
        raise ValueError("iteration value must be greater than 0.")
    name = hash_name.lower().replace("-", "")
    if dklen is None:
        dklen = hashlib.new(name).digest_size
    if dklen < 1:
        raise ValueError("key length must be greater than 0.")
    return _wasgi.pbkdf2_hmac(name, bytes(password), bytes(salt), iterations, dklen)


def scrypt(password: Any, *, salt: Any, n: int, r: int, p: int, maxmem: int = 0, dklen: int = 64) -> bytes:
    """scrypt of RFC 7914, as `hashlib` documents it; `maxmem` 0 means 32 MiB."""
    if n < 2 or n & (n - 1):
        raise ValueError("n must be a power of 2.")
    if r < 1 or p < 1 or dklen < 1:
        raise ValueError("r, p and dklen must be positive.")
    if 128 * r * (n + p + 2) > (maxmem or 32 * 1024 * 1024):
        raise ValueError("[digital envelope routines] memory limit exceeded")
    return _wasgi.scrypt(bytes(password), bytes(salt), n, r, p, dklen)


def install() -> None:
    """Puts both where the standard library has them, unless it does."""
    for function in (pbkdf2_hmac, scrypt):
        if not hasattr(hashlib, function.__name__) and hasattr(_wasgi, function.__name__):
            setattr(hashlib, function.__name__, function)
