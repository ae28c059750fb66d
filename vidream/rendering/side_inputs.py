"""Side inputs: pictures and videos that go along with a film frame by frame: its mask, its guides."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.media import FrameReader
from vidream.media.frame import Frame

__all__ = ["guide_frames", "mask_frames", "side_frames"]

# Compressed black is seldom quite black; it must be, for the frame to come back to the bit.
_BLACK = 0.02
_Item = TypeVar("_Item")


def side_frames(path: str | Path, *, rate: Fraction, start_seconds: float = 0.0, first: int = 0) -> Iterator[Tensor]:
    """Yield the frames [1,3,h,w] of `path` at `rate`, without end: the last one is held.

    Args:
        path: a picture or a video.
        rate: frames a second.
        start_seconds: where in a video or GIF to begin; a picture has no time.
        first: the number of the frame to begin with, counted from there.

    Raises:
        SourceError: it cannot be read.
    """
    return (frame.picture for frame in _frames(path, rate=rate, start_seconds=start_seconds, first=first))


def _frames(path: str | Path, *, rate: Fraction, start_seconds: float, first: int) -> Generator[Frame, None, None]:
    with FrameReader(path) as probe:
        moving = probe.kind in ("video", "gif")
    with FrameReader(path, fps=rate if moving else None, start_seconds=start_seconds if moving else 0.0) as reader:
        # Resampling may round the very last frame away, and the one before stands for it then.
        begun = max(0, min(first, (reader.frame_count or 1) - 2)) if moving else 0
        last = None
        for number, last in enumerate(reader.frames(begun, seek=False), begun):
            if not moving:
                break
            if number >= first:
                yield last
    while last is not None:
        yield last


def mask_frames(path: str | Path, *, like: FrameReader, first: int = 0) -> Iterator[Tensor]:
    """Yield where to dream, frame by frame, at the size and span of `like`.

    It is the brightness of the picture or video at `path`. Where that is black all over but transparent in places,
    as a shape that was painted black on clear, it is the shape that is opaque.

    Args:
        path: a picture or a video.
        like: the film; its `warnings` get a line where the mask is a picture that leaves nothing to dream.
        first: the number of the frame to begin with.

    Returns:
        [1,1,H,W], 0..1, without end.

    Raises:
        SourceError: it cannot be read.
    """

    def as_mask(frame: Frame) -> Tensor:
        mask = frame.picture.mean(1, keepdim=True)
        if frame.alpha is not None and mask.max() < _BLACK:
            mask = frame.alpha
        scale = partial(F.interpolate, mode="bilinear", antialias=True)
        mask = like.wrap.scaled(mask, (like.height, like.width), scale)
        return torch.where(mask < _BLACK, torch.zeros_like(mask), mask.clamp(max=1))

    masks = map(as_mask, _frames(path, rate=like.rate, start_seconds=like.start_seconds, first=first))
    first_mask = next(masks)
    if first_mask.max() == 0:
        with FrameReader(path) as reader:
            if reader.kind not in ("video", "gif"):
                like.warnings.append(
                    f"the mask {Path(path).name} is black all over: nothing is dreamed; paint it white"
                )
    return chain([first_mask], masks)


def guide_frames(paths: Sequence[str], *, rate: Fraction, first: int = 0) -> Iterator[list[Tensor]]:
    """The guides of each frame from number `first` on, [1,3,h,w] each; videos run along from their beginning."""
    return map(list, zip(*(_begun(side_frames(path, rate=rate, first=first)) for path in paths), strict=False))


def _begun(frames: Iterator[_Item]) -> Iterator[_Item]:
    """`frames` with the first one read: what cannot be opened is told now, not at the first frame."""
    return chain([next(frames)], frames)
