"""Pictures as they are made, in a window, or in a file that is written again and again."""

from __future__ import annotations

import contextlib
import os
import time
from fractions import Fraction
from pathlib import Path

import cv2
from torch import Tensor

from vidream.errors import TargetError
from vidream.media.arrays import to_array
from vidream.media.images import encode_picture, save_bytes
from vidream.outputs.output import Output
from vidream.outputs.screen import has_screen

__all__ = ["Preview"]

_FILE_PERIOD_SECONDS = 0.5
_USUAL_FILE = "vidream-preview.jpg"
_SUFFIXES = (".png", ".jpg", ".jpeg")


class Preview(Output):
    """Shows the newest picture: in a window where there is a screen, else in a file, twice a second at most.

    A window that the user closes stays closed; the work continues.

    Args:
        target: where there is no screen: a .png or .jpg, replaced whole each time; "" takes vidream-preview.jpg.
        rate: pictures a second that are to be expected.
        title: of the window.

    Raises:
        TargetError: the file has another suffix.
    """

    name = "preview"

    def __init__(
        self,
        target: str | os.PathLike[str] = "",
        *,
        rate: float | Fraction = 30,
        title: str = "vidream",
    ) -> None:
        super().__init__(target, rate=rate)
        self._path = Path(self.target or _USUAL_FILE)
        if self._path.suffix.lower() not in _SUFFIXES:
            raise TargetError(f'a preview cannot be written as "{self._path.name}"; give it {", ".join(_SUFFIXES)}')
        self._title = title
        self._has_window = has_screen()
        self._is_open = False
        self._last_seconds = float("-inf")
        self._waiting: Tensor | None = None

    @property
    def advice(self) -> str:
        return f"preview: {self.where}"

    @property
    def where(self) -> str:
        """Where to look: 'the window "vidream"' or the path of the file."""
        return f'the window "{self._title}"' if self._has_window else str(self._path)

    def show(self, picture: Tensor) -> None:
        """Show a picture [1,3,H,W], RGB, 0..1.

        Raises:
            TargetError: the file cannot be written.
        """
        if self._has_window:
            self._show_in_window(picture)
        elif time.monotonic() - self._last_seconds >= _FILE_PERIOD_SECONDS:
            self._save(picture)
        else:
            self._waiting = picture  # the very last picture is written when the preview is closed

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
