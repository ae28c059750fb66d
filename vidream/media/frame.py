"""Frame: one picture of a source with its alpha and its time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

__all__ = ["Frame"]


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
