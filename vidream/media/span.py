"""Which part of a source is read, and how large it comes out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from vidream.errors import SourceError
from vidream.media.probe import check_size

__all__ = ["SMALLEST_SIDE_PX", "Span", "fit_size"]

SMALLEST_SIDE_PX = 16


@dataclass(frozen=True)
class Span:
    """From `start_seconds` (>= 0) on, for `duration_seconds` (> 0), or to the end where that is None."""

    start_seconds: float = 0.0
    duration_seconds: float | None = None

    def __post_init__(self) -> None:
        """SourceError where a number is out of range: they come from the user as they are."""
        if not math.isfinite(self.start_seconds) or self.start_seconds < 0:
            raise SourceError(f"start is {self.start_seconds} seconds; give 0 or more")
        length = self.duration_seconds
        if length is not None and (not math.isfinite(length) or length <= 0):
            raise SourceError(f"duration is {length} seconds; give more than 0, or leave it out for all of it")

    def cut(self, name: str, total_seconds: Fraction) -> tuple[Fraction, Fraction]:
        """(start, length) in seconds of what is left of a source that lasts `total_seconds`.

        SourceError where it starts beyond the end.
        """
        start = Fraction(self.start_seconds).limit_denominator(1_000_000)
        if start >= total_seconds:
            raise SourceError(
                f"start is {self.start_seconds:g} seconds, but {name} ends at {float(total_seconds):.3f}; start sooner"
            )
        left = total_seconds - start
        if self.duration_seconds is None:
            return start, left
        return start, min(left, Fraction(self.duration_seconds).limit_denominator(1_000_000))


def fit_size(name: str, width: int, height: int, size: int | None) -> tuple[int, int]:
    """(width, height) px of what comes out of `width` x `height`: as it is, or its longer side made `size`.

    With `size`, both sides are rounded to even numbers, as video wants them, keeping the aspect to within
    that rounding; a smaller source is enlarged. SourceError where a side ends below 16 px or far too large.
    """
    check_size(name, width, height)
    if size is not None:
        if size < SMALLEST_SIDE_PX:
            raise SourceError(f"size is {size} px; the longer side must have at least {SMALLEST_SIDE_PX}")
        scale = Fraction(size, max(width, height))
        width, height = (max(2, 2 * round(side * scale / 2)) for side in (width, height))
        check_size(name, width, height)
    if min(width, height) < SMALLEST_SIDE_PX:
        raise SourceError(
            f"{name}: frames of {width}x{height} px; each side needs at least {SMALLEST_SIDE_PX}. Give a larger size"
        )
    return width, height
