"""Clips whose last frame meets their first: there and back, or the end faded into the beginning."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import torch
from torch import Tensor

from vidream.media import FrameCache

__all__ = ["LOOPS", "ClipLoop"]

LOOPS = ("boomerang", "crossfade")
FADE_SECONDS, FADE_SHARE = 1.0, 1 / 3


class ClipLoop:
    """Which pictures a looped film shows, given those of the film as it comes.

    All follows from the cache and from how much was shown, so that a film that is resumed is the same film.

    Args:
        kind: "boomerang", there and back, the two ends once each; or "crossfade", the end fades into the beginning,
            over FADE_SECONDS at most: the film begins after that overlap and is shorter by it.
        cache: keeps all pictures.
        rate: frames a second.
        frames: how many will come, where that is known.

    Raises:
        ValueError: another kind.
    """

    def __init__(self, kind: str, cache: FrameCache, *, rate: Fraction, frames: int | None = None) -> None:
        if kind not in LOOPS:
            raise ValueError(f"loop cannot be {kind!r}; allowed: {', '.join(LOOPS)}")
        self._cache, self._fades = cache, kind == "crossfade"
        wished = max(1, round(FADE_SECONDS * rate))
        self._overlap = wished if frames is None else max(1, min(wished, int(frames * FADE_SHARE)))

    @property
    def frames(self) -> int:
        """How many have come."""
        return len(self._cache)

    def take(self, picture: Tensor) -> Iterator[Tensor]:
        """Add the next picture [1,3,H,W]; yields what can be shown by now. TargetError where the disk is full."""
        self._cache.append(picture)
        if not self._fades:
            yield picture
        elif self.frames > 2 * self._overlap:
            yield self._cache.picture(self.frames - 1 - self._overlap)

    def rest(self, shown: int) -> Iterator[Tensor]:
        """What is still to be shown after the last picture, where `shown` were before."""
        if not self._fades:
            return (self._cache.picture(self.frames - 2 - back) for back in range(shown - self.frames, self.frames - 2))
        # A film that was stopped before it had two overlaps takes a shorter one.
        overlap = min(self._overlap, int(self.frames * FADE_SHARE)) if not shown else self._overlap
        return (self._faded(overlap, place) for place in range(shown, self.frames - overlap))

    def _faded(self, overlap: int, place: int) -> Tensor:
        """Picture number `place` of the faded film."""
        late = self._cache.picture(overlap + place)
        into = overlap + place - (self.frames - overlap)
        if into < 0:
            return late
        return torch.lerp(late, self._cache.picture(into), _smooth((into + 1) / (overlap + 1)))


def _smooth(share: float) -> float:
    return share * share * (3.0 - 2.0 * share)
