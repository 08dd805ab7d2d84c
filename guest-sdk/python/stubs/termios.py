"""Stands in for `termios`: there is no terminal."""

from __future__ import annotations

import errno
from typing import Any, NoReturn


class error(Exception):
    """What its calls fail with."""


TCSANOW, TCSADRAIN, TCSAFLUSH = 0, 1, 2
TCIFLUSH, TCOFLUSH, TCIOFLUSH = 0, 1, 2
ICRNL, IXON, BRKINT, INPCK, ISTRIP = 0x100, 0x400, 0x2, 0x10, 0x20
IGNBRK, PARMRK, INLCR, IGNCR, IXOFF, IXANY = 0x1, 0x8, 0x40, 0x80, 0x1000, 0x800
OPOST, CSIZE, PARENB, CS8 = 0x1, 0x30, 0x100, 0x30
ECHO, ECHOE, ECHOK, ECHONL, ICANON, IEXTEN, ISIG, NOFLSH, TOSTOP = 0x8, 0x10, 0x20, 0x40, 0x2, 0x8000, 0x1, 0x80, 0x100
VMIN, VTIME, VEOF, VINTR = 6, 5, 4, 0
TIOCGWINSZ, TIOCSWINSZ, TIOCGPGRP, TIOCNOTTY = 0x5413, 0x5414, 0x540F, 0x5422


def _none(*_: Any, **__: Any) -> NoReturn:
    raise error(errno.ENOTTY, "a wasgi guest has no terminal")


tcgetattr = tcsetattr = tcsendbreak = tcdrain = tcflush = tcflow = tcgetwinsize = tcsetwinsize = _none
