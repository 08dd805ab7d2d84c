"""What all tests of the package stand on: the loop and the thread bridges are in place, as in a component.

Before any test module imports anyio, asgiref or aiosqlite. Inside a component (`tests/python/package`) both are there
already, and so is the native extension; natively nothing here calls it, so an empty module stands for it.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import types

if "_wasgi" not in sys.modules and importlib.util.find_spec("_wasgi") is None:
    sys.modules["_wasgi"] = types.ModuleType("_wasgi")

import wasgi.loop
import wasgi.threads

wasgi.loop.install()
wasgi.threads.install()
logging.getLogger("asyncio").setLevel(logging.CRITICAL)
