"""Installs the loop and the thread bridges once, before any test module imports anyio, asgiref or aiosqlite."""

from __future__ import annotations

import logging

import wasgi.loop
import wasgi.threads

wasgi.loop.install()
wasgi.threads.install()
logging.getLogger("asyncio").setLevel(logging.CRITICAL)
