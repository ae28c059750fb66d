"""The live dream and whole clips in a browser, for a GPU in another machine.

The page asks for the webcam, sends its frames over a WebSocket and shows the dreams that come back. Every page has a
session with a folder of its own, which is deleted when the page is closed. Needs: pip install 'vidream[web]'.
"""

from __future__ import annotations

from importlib.util import find_spec

from vidream.errors import VidreamError
from vidream.web.limits import Settings

__all__ = ["Settings", "check_extra"]

NEEDED = ("starlette", "uvicorn", "websockets")


def check_extra() -> None:
    """Check that the packages of the page are installed.

    Raises:
        VidreamError: one is missing; with what to install.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise VidreamError(f"vidream web needs {', '.join(missing)}; install it with: pip install 'vidream[web]'")
