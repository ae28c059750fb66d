"""companions: pictures and videos that go along with a film frame by frame: its mask, its guides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.media import FrameReader

__all__ = ["companion", "guide_frames", "mask_frames"]


def companion(path: str | Path, *, rate: Fraction, start_seconds: float = 0.0, first: int = 0) -> Iterator[Tensor]:
    """The frames [1,3,h,w] of `path` at `rate`, without end: the last one is held. Raises SourceError.

    start_seconds: where in a video or GIF to begin; a picture has no time.  first: the number of the
    frame to begin with, counted from there.
    """
    with FrameReader(path) as probe:
        moving = probe.kind in ("video", "gif")
    with FrameReader(path, fps=rate if moving else None, start_seconds=start_seconds if moving else 0.0) as reader:
        # Resampling may round the very last frame away, and the one before stands for it then.
        begun = max(0, min(first, (reader.frame_count or 1) - 2)) if moving else 0
        last = None
        for number, last in enumerate(reader.begin_at(begun, seek=False), begun):
            if not moving:
                break
            if number >= first:
                yield last
    while last is not None:
        yield last


def mask_frames(path: str | Path, *, like: FrameReader, first: int = 0) -> Iterator[Tensor]:
    """Where to dream, [1,1,H,W], 0..1: the brightness of a picture or video, at the size and span of `like`.

    first: the number of the frame to begin with.
    """

    def as_mask(picture: Tensor) -> Tensor:
        mask = picture.mean(1, keepdim=True)
        mask = F.interpolate(mask, (like.height, like.width), mode="bilinear", antialias=True)
        # Compressed black is seldom quite black; it must be, for the frame to come back to the bit.
        return torch.where(mask < 0.02, torch.zeros_like(mask), mask.clamp(max=1))

    return map(as_mask, _begun(companion(path, rate=like.rate, start_seconds=like.start_seconds, first=first)))


def guide_frames(paths: Sequence[str], *, rate: Fraction, first: int = 0) -> Iterator[list[Tensor]]:
    """The guides of each frame from number `first` on, [1,3,h,w] each; videos run along from their beginning."""
    return map(list, zip(*(_begun(companion(path, rate=rate, first=first)) for path in paths), strict=False))


def _begun(frames: Iterator[Tensor]) -> Iterator[Tensor]:
    """`frames` with the first one read: what cannot be opened is told now, not at the first frame."""
    return chain([next(frames)], frames)
