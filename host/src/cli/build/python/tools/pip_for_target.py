"""Runs pip for the interpreter in the component instead of the one that runs pip.

pip can be told which wheels fit another platform, but evaluates environment markers (``; sys_platform == "win32"``) for
the interpreter that it runs on. This says what the markers of the target are, and hands over. It belongs to the pinned
pip.
"""

import sys

from pip._vendor.packaging import markers

TARGET = {
    "implementation_name": "cpython",
    "implementation_version": "3.14.0",
    "os_name": "posix",
    "platform_machine": "wasm32",
    "platform_python_implementation": "CPython",
    "platform_release": "0.0.0",
    "platform_system": "wasi",
    "platform_version": "0.0.0",
    "python_full_version": "3.14.0",
    "python_version": "3.14",
    "sys_platform": "wasi",
}

markers.default_environment = lambda: dict(TARGET)

from pip._internal.cli.main import main  # noqa: E402  (after the markers are set)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
