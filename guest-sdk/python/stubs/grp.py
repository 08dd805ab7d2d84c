"""Stands in for `grp`: the guest is in one group, `wasgi`."""

from __future__ import annotations

from typing import NamedTuple

GID = 1000


class struct_group(NamedTuple):
    """One group."""

    gr_name: str = "wasgi"
    gr_passwd: str = "x"
    gr_gid: int = GID
    gr_mem: tuple[str, ...] = ("wasgi",)


def getgrgid(id: int) -> struct_group:
    """The one group, by number."""
    if id != GID:
        raise KeyError(f"getgrgid(): gid not found: {id}")
    return struct_group()


def getgrnam(name: str) -> struct_group:
    """The one group, by name."""
    if name != "wasgi":
        raise KeyError(f"getgrnam(): name not found: {name!r}")
    return struct_group()


def getgrall() -> list[struct_group]:
    """The one group."""
    return [struct_group()]
