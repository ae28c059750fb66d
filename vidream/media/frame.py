"""Frame: one picture of a source with its alpha and its time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

__all__ = ["Frame", "frame_mark"]

# One pixel in so many, along each side, tells one frame from another.
MARK_STEP_PX = 8


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame, from its source to the writer: what belongs together travels together.

    Attributes:
        picture: float32 [1,3,H,W], RGB, 0..1, alpha already composed over black.
        alpha: float32 [1,1,H,W], 0..1, or None where the source has none.
        time_seconds: when the frame is shown, counted from the first frame that comes out, exact.
    """

    picture: Tensor
    alpha: Tensor | None = None
    time_seconds: Fraction = Fraction(0)


def frame_mark(picture: Tensor) -> str:
    """A short name for the numbers of a picture [1,3,H,W], to know a frame again."""
    sample = picture[..., ::MARK_STEP_PX, ::MARK_STEP_PX].contiguous().cpu()
    return hashlib.blake2b(sample.numpy().data, digest_size=8).hexdigest()
