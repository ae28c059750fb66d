"""Whether this machine can open a window."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

__all__ = ["has_screen"]


@functools.lru_cache(maxsize=1)
def has_screen() -> bool:
    """True where OpenCV can open a window; tried in a child process, since OpenCV aborts where it cannot."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    trial = "import cv2; cv2.namedWindow('vidream'); cv2.waitKey(1); cv2.destroyAllWindows()"
    try:
        done = subprocess.run([sys.executable, "-c", trial], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
