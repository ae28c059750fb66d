"""The base class of everything that gives frames: video, animated pictures, stills, numbered pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction

from vidream.media.colour_tags import ColourTags
from vidream.media.frame import Frame

__all__ = ["Source"]


class Source(ABC):
    """A source of frames at a constant rate; everything but `frames` is known after construction.

    Attributes:
        width, height: px of what comes out.
        rate: frames a second, exact.
        frame_count: how many come out, estimated where the source is not read whole.
        start_seconds: where in the source the first frame lies.
        duration_seconds: of what comes out.
        has_audio, has_alpha: what goes with the pictures.
        tags: what the numbers of the pictures mean.
        warnings: one line for each thing about the source that the user should know; grows while frames are read.
    """

    width: int
    height: int
    rate: Fraction
    frame_count: int
    start_seconds: Fraction
    duration_seconds: Fraction
    has_audio: bool = False
    has_alpha: bool = False
    tags: ColourTags = ColourTags()
    warnings: list[str]

    @abstractmethod
    def frames(self, first: int = 0, *, seek: bool = True) -> Iterator[Frame]:
        """Yield the frames from number `first` on, counted from 0.

        Args:
            first: the first frame that is wanted.
            seek: jump there by the file's index where that can be done; False decodes everything before it.

        Raises:
            SourceError: no frame can be read, or the source is gone.
        """
