"""recording: what a page saw, as a film in real time, however unevenly its pictures came."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

from torch import Tensor

from vidream.frames import FrameReader, FrameWriter

__all__ = ["Recording", "make_gif"]

RATE = Fraction(25)
# A GIF of a long clip at full size would be larger than the clip a hundred times over.
GIF_SIZE_PX = 480
GIF_RATE = Fraction(25, 2)
GIF_SECONDS = 12.0


class Recording:
    """A film that grows with `add`, 25 frames a second of clock time: late pictures are held, early ones left out."""

    def __init__(self, path: Path, *, most_seconds: float) -> None:
        self.path = path
        self._writer = FrameWriter(path, rate=RATE)
        self._most_seconds = most_seconds
        self._begun: float | None = None
        self._last: Tensor | None = None

    @property
    def seconds(self) -> float:
        return float(self._writer.frames_written / RATE)

    @property
    def is_full(self) -> bool:
        return self.seconds >= self._most_seconds

    def takes(self, picture: Tensor) -> bool:
        """False where `picture` has another shape than the film: a phone was turned."""
        return self._last is None or self._last.shape == picture.shape

    def add(self, picture: Tensor) -> None:
        """Show `picture` [1,3,H,W] from now on. Raises TargetError where the disk is full."""
        now = time.monotonic()
        if self._begun is None:
            self._begun = now
        due = min(int((now - self._begun) * RATE) + 1, int(self._most_seconds * RATE))
        while self._writer.frames_written < due:
            last_of_all = self._writer.frames_written + 1 == due
            self._writer.write(picture if last_of_all or self._last is None else self._last)
        self._last = picture

    def finish(self) -> Path:
        """Close the film. Raises TargetError where nothing came."""
        self._writer.close()
        return self.path

    def discard(self) -> None:
        self._writer.discard()


def make_gif(film: Path, target: Path) -> None:
    """The first 12 seconds of `film` as a GIF of 480 px at 12.5 frames a second. Raises SourceError, TargetError."""
    with FrameReader(film) as probe:
        longer = max(probe.width, probe.height)
    with (
        FrameReader(
            film, size=min(GIF_SIZE_PX, longer - longer % 2), fps=GIF_RATE, duration_seconds=GIF_SECONDS
        ) as frames,
        FrameWriter(target, like=frames, overwrite=True) as out,
    ):
        for picture in frames:
            out.write(picture)
