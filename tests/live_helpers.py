"""Sources and clips for the tests of the live dream: cameras that nobody has to plug in."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from conftest import textured
from frames_helpers import make_clip

from vidream.errors import SourceError
from vidream.media.arrays import to_array

WIDTH, HEIGHT = 96, 64
RATE = 50.0


def moving_frame(index: int, *, px_a_frame: int = 2) -> np.ndarray:
    """[H,W,3] uint8: a texture that moves to the right, 2 px a frame."""
    texture = to_array(textured(HEIGHT, 4 * WIDTH))
    return np.ascontiguousarray(np.roll(texture, index * px_a_frame, axis=1)[:, WIDTH : 2 * WIDTH])


def moving_clip(path: Path, frames: int = 40) -> Path:
    """A clip of `moving_frame`s at 20 frames a second."""
    return make_clip(path, frames, "-crf", 12, rate=20, draw=moving_frame)


class FakeSource:
    """A camera that gives numbered frames at RATE, `frames` of them, and is then unplugged."""

    is_file = False
    rate = RATE

    def __init__(self, frames: int = 10_000, *, is_open: Callable[[], bool] = lambda: True) -> None:
        self.left = frames
        self.given = 0
        self.is_closed = False
        self._is_open = is_open

    @property
    def is_open(self) -> bool:
        return self.left > 0 and self._is_open()

    def read(self) -> np.ndarray | None:
        time.sleep(1 / self.rate)
        if self.left <= 0:
            return None
        self.left -= 1
        self.given += 1
        return moving_frame(self.given)[:, :, ::-1]

    def skip(self) -> None:
        raise AssertionError("only files are skipped")

    def rewind(self) -> bool:
        return False

    def close(self) -> None:
        self.is_closed = True


class Plug:
    """Opens FakeSources one after the other; in between, as often as `fails` says, there is none."""

    def __init__(self, *frames: int, fails: int = 1) -> None:
        self.sources = [FakeSource(count) for count in frames]
        self.fails = fails
        self.opened = 0
        self.tries = 0

    def __call__(self, name: str) -> FakeSource:
        self.tries += 1
        if self.opened and self.tries <= 1 + self.fails:
            raise SourceError(f"no camera {name}")
        self.opened += 1
        return self.sources[min(self.opened, len(self.sources)) - 1]


def wait_until(condition: Callable[[], bool], *, timeout_seconds: float = 20.0) -> None:
    """Wait until `condition` holds; AssertionError where it does not come to that."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
