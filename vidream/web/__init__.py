"""web: the live dream and whole clips in a browser, for when the GPU sits in another machine.

One page asks for the webcam, sends its frames over a WebSocket and shows what comes back. Every page has a session
with a folder of its own, which goes when the page is closed. Needs the extra: pip install 'vidream[web]'.
"""

from __future__ import annotations

from importlib.util import find_spec

from vidream.errors import VidreamError
from vidream.web.limits import Settings

__all__ = ["Settings", "check_extra"]

NEEDED = ("starlette", "uvicorn", "websockets")


def check_extra() -> None:
    """Raises VidreamError, with what to install, where a package that the page needs is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise VidreamError(f"vidream web needs {', '.join(missing)}; install it with: pip install 'vidream[web]'")
