"""Looks at a wheel that was built here: ``inspect_wheel.py WHEEL FOLDER``.

Writes the native modules in it to FOLDER and prints a JSON object: ``wheel`` (its path, which changes when a wheel that
was named after this machine turns out to have nothing native in it) and ``native`` (paths in the wheel, and where each
was written).
"""

import json
import sys
import zipfile
from pathlib import Path

from wheel._commands.tags import tags

NATIVE = (".so", ".pyd", ".dylib", ".dll")


def main(wheel: str, folder: str) -> None:
    """Look at one wheel."""
    native: list[dict[str, str]] = []
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(NATIVE)]
        for number, name in enumerate(names):
            target = Path(folder) / f"{number}.so"
            target.write_bytes(archive.read(name))
            native.append({"name": name, "path": str(target)})
    if not native and not wheel.endswith("-any.whl"):
        renamed = tags(wheel, python_tags="py3", abi_tags="none", platform_tags="any", build_tag=None, remove=True)
        wheel = str(Path(wheel).parent / renamed)
    print(json.dumps({"wheel": wheel, "native": native}))


if __name__ == "__main__":
    main(*sys.argv[1:])
