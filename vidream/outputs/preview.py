"""Preview: pictures as they are made, in a window or in a file that is kept new."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import cv2
from torch import Tensor

from vidream.errors import TargetError
from vidream.media.arrays import to_array
from vidream.media.images import encode_picture, save_bytes

__all__ = ["Preview", "has_screen"]

_FILE_PERIOD_SECONDS = 0.5
_SUFFIXES = (".png", ".jpg", ".jpeg")


@functools.lru_cache(maxsize=1)
def has_screen() -> bool:
    """True where cv2 can open a window; tried in a child, since cv2 aborts the process where it cannot."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    trial = "import cv2; cv2.namedWindow('vidream'); cv2.waitKey(1); cv2.destroyAllWindows()"
    try:
        done = subprocess.run([sys.executable, "-c", trial], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


class Preview:
    """Shows the newest picture: in a window where there is a screen, else in a file, twice a second at most.

    `where` says in words where to look. A window the user closes stays closed; the work goes on.
    """

    def __init__(self, path_if_no_screen: str | os.PathLike[str], *, title: str = "vidream") -> None:
        """path_if_no_screen: a .png or .jpg, replaced whole each time. TargetError for another suffix."""
        self._path = Path(path_if_no_screen)
        if self._path.suffix.lower() not in _SUFFIXES:
            raise TargetError(f'a preview cannot be written as "{self._path.name}"; give it {", ".join(_SUFFIXES)}')
        self._title = title
        self._has_window = has_screen()
        self._is_open = False
        self._last_seconds = float("-inf")
        self._waiting: Tensor | None = None

    @property
    def where(self) -> str:
        """Where to look, for the user: 'the window "vidream"' or the path of the file."""
        return f'the window "{self._title}"' if self._has_window else str(self._path)

    def show(self, picture: Tensor) -> None:
        """Show a picture [1,3,H,W], RGB, 0..1. TargetError where the file cannot be written."""
        if self._has_window:
            self._show_in_window(picture)
        elif time.monotonic() - self._last_seconds >= _FILE_PERIOD_SECONDS:
            self._save(picture)
        else:
            self._waiting = picture  # the last one of all must not be missing in the end

    def _save(self, picture: Tensor) -> None:
        self._waiting = None
        save_bytes(self._path, encode_picture(picture, self._path.suffix.lower(), quality=90))
        self._last_seconds = time.monotonic()

    def _show_in_window(self, picture: Tensor) -> None:
        with contextlib.suppress(cv2.error):
            if self._is_open and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
                return
            if not self._is_open:
                cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
                cv2.resizeWindow(self._title, picture.shape[3], picture.shape[2])
            cv2.imshow(self._title, to_array(picture)[:, :, ::-1])
            cv2.waitKey(1)
            self._is_open = True

    def close(self) -> None:
        """Close the window, or write the picture that still waits."""
        if self._waiting is not None:
            self._save(self._waiting)
        if self._is_open:
            with contextlib.suppress(cv2.error):
                cv2.destroyWindow(self._title)
                cv2.waitKey(1)
            self._is_open = False

    def __enter__(self) -> Preview:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
