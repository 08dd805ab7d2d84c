"""Stands in for `pwd`: the guest is one user, `wasgi`, whose home is the app's data directory."""

from __future__ import annotations

from typing import NamedTuple

UID = GID = 1000


class struct_passwd(NamedTuple):
    """One user."""

    pw_name: str = "wasgi"
    pw_passwd: str = "x"
    pw_uid: int = UID
    pw_gid: int = GID
    pw_gecos: str = ""
    pw_dir: str = "/data"
    pw_shell: str = ""


def getpwuid(uid: int) -> struct_passwd:
    """The one user, by number."""
    if uid != UID:
        raise KeyError(f"getpwuid(): uid not found: {uid}")
    return struct_passwd()


def getpwnam(name: str) -> struct_passwd:
    """The one user, by name."""
    if name != "wasgi":
        raise KeyError(f"getpwnam(): name not found: {name!r}")
    return struct_passwd()


def getpwall() -> list[struct_passwd]:
    """The one user."""
    return [struct_passwd()]
