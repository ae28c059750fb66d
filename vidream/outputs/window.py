"""A picture on the screen, with text over it and keys from it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
from torch import Tensor

from vidream.media.arrays import to_array
from vidream.outputs.output import Output
from vidream.outputs.screen import has_screen

__all__ = ["Window", "drawn"]

# A small picture is enlarged to this before text is drawn, or the letters would be as coarse as the picture.
_LEAST_PX = 960
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_KEYS = {27: "escape", 13: "enter", 10: "enter", 32: "space", 9: "tab"}


class Window(Output):
    """A window that shows the newest picture and gives the keys that were pressed.

    Use it from one thread, on macOS the main one.

    Args:
        target: the window's title.
        rate: pictures a second that are to be expected.
        fullscreen: begin with the whole screen.

    Attributes:
        is_open: False once the user has closed it.
        is_fullscreen: whether it takes the whole screen.
    """

    name = "window"

    def __init__(
        self, target: str | os.PathLike[str] = "", *, rate: float | Fraction = 30, fullscreen: bool = False
    ) -> None:
        super().__init__(target, rate=rate)
        self._title = self.target or "vidream"
        self._is_made = False
        self.is_open = True
        self.is_fullscreen = fullscreen

    @classmethod
    def why_unavailable(cls) -> str | None:
        if has_screen():
            return None
        return "no window can be opened here; record to a file or use a virtual camera to see the pictures"

    def show(
        self, picture: Tensor, *, lines: Sequence[str] = (), banner: str = "", help_rows: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Show a picture.

        Args:
            picture: [1,3,H,W], RGB, 0..1.
            lines: small text in the upper left corner.
            banner: text at the bottom, in the middle.
            help_rows: (keys, what they do), over everything.
        """
        array = drawn(to_array(picture), lines=lines, banner=banner, help_rows=help_rows)
        with contextlib.suppress(cv2.error):
            if not self._is_made:
                self._make(array)
            array = padded(array, *cv2.getWindowImageRect(self._title)[2:])
            cv2.imshow(self._title, array[:, :, ::-1])

    def key(self) -> str:
        """The key pressed since the last call: a character, "escape", "enter", "space", or "" for none."""
        try:
            code = cv2.pollKey()
            if self._is_made and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
                self.is_open = False
        except cv2.error:
            self.is_open = False
            return ""
        if code < 0:
            return ""
        code &= 0xFF
        return _KEYS.get(code, chr(code) if 32 < code < 127 else "")

    def toggle_fullscreen(self) -> None:
        """Take the whole screen, or give it back."""
        self.is_fullscreen = not self.is_fullscreen
        self._set_fullscreen()

    def _make(self, array: np.ndarray) -> None:
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.resizeWindow(self._title, array.shape[1], array.shape[0])
        self._is_made = True
        if self.is_fullscreen:
            self._set_fullscreen()

    def _set_fullscreen(self) -> None:
        how = cv2.WINDOW_FULLSCREEN if self.is_fullscreen else cv2.WINDOW_NORMAL
        with contextlib.suppress(cv2.error):
            cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, how)

    def close(self) -> None:
        """Close the window. May be called twice."""
        if self._is_made:
            with contextlib.suppress(cv2.error):
                cv2.destroyWindow(self._title)
                cv2.pollKey()
        self._is_made = self.is_open = False


def drawn(
    array: np.ndarray, *, lines: Sequence[str] = (), banner: str = "", help_rows: Sequence[tuple[str, str]] = ()
) -> np.ndarray:
    """`array` [H,W,3] uint8, RGB, large enough to read on, with the words over it; see `Window.show`."""
    longer = max(array.shape[:2])
    if longer < _LEAST_PX:
        factor = _LEAST_PX / longer
        size = (round(array.shape[1] * factor), round(array.shape[0] * factor))
        array = cv2.resize(array, size, interpolation=cv2.INTER_LINEAR)
    if not (lines or banner or help_rows):
        return array
    array = array.copy()
    height, width = array.shape[:2]
    scale = max(height, width) / 1700
    margin = round(24 * scale)
    if help_rows:
        array //= 4
        # Two columns: not every font of OpenCV gives all letters one width.
        line_height = min(height / (len(help_rows) + 2), 56 * scale)
        size = scale * line_height / (50 * scale)
        for row, (keys, words) in enumerate(help_rows):
            y = round(line_height * (row + 1.7))
            _write(array, keys, round(width * 0.12), y, size)
            _write(array, words, round(width * 0.27), y, size)
    for row, line in enumerate(lines):
        _write(array, line, margin, margin + round(scale * (26 + 46 * row)), scale, darken=True)
    if banner:
        (text_width, _), _ = cv2.getTextSize(banner, _FONT, scale * 1.2, 1)
        x = max(margin, (width - text_width) // 2)
        _write(array, banner, x, height - round(48 * scale), scale * 1.2, darken=True)
    return array


def padded(array: np.ndarray, width: int, height: int) -> np.ndarray:
    """`array` [H,W,3] with black bars, to the shape of width x height px: the window's own are light grey."""
    rows, columns = array.shape[:2]
    if width <= 0 or height <= 0:
        return array
    more_rows = max(0, round(columns * height / width) - rows)
    more_columns = max(0, round(rows * width / height) - columns)
    if more_rows < 2 and more_columns < 2:
        return array
    top, left = more_rows // 2, more_columns // 2
    return np.pad(array, ((top, more_rows - top), (left, more_columns - left), (0, 0)))


def _write(array: np.ndarray, text: str, x: int, y: int, scale: float, *, darken: bool = False) -> None:
    """Draw white text on `array`, in place, from the baseline at (x, y). darken: first the background behind it."""
    if darken:
        (width, height), below = cv2.getTextSize(text, _FONT, scale, 1)
        edge = round(14 * scale)
        rows = slice(max(0, y - height - edge), y + below + edge // 2)
        array[rows, max(0, x - edge) : x + width + edge] //= 3
    cv2.putText(array, text, (x, y), _FONT, scale, (255, 255, 255), max(1, round(scale)), cv2.LINE_AA)
