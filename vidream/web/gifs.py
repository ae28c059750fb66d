"""A film of the page as a GIF that is small enough to share."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vidream.media import FrameReader, FrameWriter

__all__ = ["make_gif"]

# A GIF of a long clip at full size would be a hundred times as large as the clip.
SIZE_PX = 480
RATE = Fraction(25, 2)
LONGEST_SECONDS = 12.0


def make_gif(film: Path, target: Path) -> None:
    """Write the first 12 seconds of a film as a GIF of 480 px at 12.5 frames a second.

    Raises:
        SourceError: the film cannot be read.
        TargetError: the GIF cannot be written.
    """
    with FrameReader(film) as probe:
        longer = max(probe.width, probe.height)
    size = min(SIZE_PX, longer - longer % 2)
    with (
        FrameReader(film, size=size, fps=RATE, duration_seconds=LONGEST_SECONDS) as frames,
        FrameWriter(target, like=frames, overwrite=True) as out,
    ):
        for picture in frames:
            out.write(picture)
