"""loops: clips whose last frame meets their first: there and back, or the end faded into the beginning."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import torch
from torch import Tensor

from vidream.media import PictureSpool

__all__ = ["LOOPS", "ClipLoop"]

LOOPS = ("boomerang", "crossfade")
FADE_SECONDS, FADE_SHARE = 1.0, 1 / 3


class ClipLoop:
    """Which pictures a looped film shows, given those of the film as it comes.

    kind: "boomerang": there and back, the two ends once each.  "crossfade": the end fades into the beginning,
    over FADE_SECONDS at most; the film begins after that overlap and is shorter by it.  ValueError for another.
    rate: frames a second.  frames: how many will come, where that is known.  spool: keeps them all.

    All follows from the spool and from how much was shown, so that a film taken up again is the same film.
    """

    def __init__(self, kind: str, spool: PictureSpool, *, rate: Fraction, frames: int | None = None) -> None:
        if kind not in LOOPS:
            raise ValueError(f"loop cannot be {kind!r}; allowed: {', '.join(LOOPS)}")
        self._spool, self._fades = spool, kind == "crossfade"
        wished = max(1, round(FADE_SECONDS * rate))
        self._overlap = wished if frames is None else max(1, min(wished, int(frames * FADE_SHARE)))

    @property
    def frames(self) -> int:
        """How many have come."""
        return len(self._spool)

    def take(self, picture: Tensor) -> Iterator[Tensor]:
        """Add the next picture [1,3,H,W]; yields what can be shown by now. TargetError where the disk is full."""
        self._spool.append(picture)
        if not self._fades:
            yield picture
        elif self.frames > 2 * self._overlap:
            yield self._spool.picture(self.frames - 1 - self._overlap)

    def rest(self, shown: int) -> Iterator[Tensor]:
        """What is still to be shown after the last picture, where `shown` were before."""
        if not self._fades:
            return (self._spool.picture(self.frames - 2 - back) for back in range(shown - self.frames, self.frames - 2))
        # A film that was stopped before it had two overlaps takes a shorter one.
        overlap = min(self._overlap, int(self.frames * FADE_SHARE)) if not shown else self._overlap
        return (self._faded(overlap, place) for place in range(shown, self.frames - overlap))

    def _faded(self, overlap: int, place: int) -> Tensor:
        """Picture number `place` of the faded film."""
        late = self._spool.picture(overlap + place)
        into = overlap + place - (self.frames - overlap)
        if into < 0:
            return late
        return torch.lerp(late, self._spool.picture(into), _smooth((into + 1) / (overlap + 1)))


def _smooth(share: float) -> float:
    return share * share * (3.0 - 2.0 * share)
