"""Requests at build time, so that the first real one finds everything imported and compiled.

`frameworks` sends them to throw-away apps made of the same framework as the user's: nothing of the user's is
run, and a failure there is a note in the report. `paths` sends the ones that the manifest asks for to the real
app, and a failure there ends the build. Both go through `driver`, which knows ASGI and nothing else.
"""

from __future__ import annotations

from .own import paths
from .throwaway import frameworks

__all__ = ["frameworks", "paths"]
