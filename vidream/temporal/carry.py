"""How a dream is carried from one frame to the next: motion between frames, and where the next dream starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from vidream.looks.preset import Preset
from vidream.media.frame import Frame
from vidream.motion.consistency import explained_share, small_motion
from vidream.motion.cuts import is_cut
from vidream.motion.estimators import FlowFunction
from vidream.motion.luma_pyramid import LumaPyramid
from vidream.motion.warp import warp
from vidream.motion.wrap import Wrap

__all__ = ["Motion", "carry", "follow", "motions"]

Item = TypeVar("Item", Tensor, Frame)
Motion = tuple[Tensor, Tensor] | None
"""Flow and consistency mask from a frame to the one before, at the small size; None at a shot's first frame."""

# A place that has just come into view takes steps this many times as long, so that it is dreamed within a few frames
# and does not show as a bare hole for as long as `keep` remembers. With every frame it warms up by a share of the rest.
FRESH_STEP_SCALE = 4.0
WARM_UP_SHARE = 0.2
# Two shots of one room can share their colours; the cut shows in a flow that explains nothing. The flow back, which
# tells, is found where the mask is in doubt: it is above this in 95 of 100 frames, and over a cut below it.
DOUBTFUL_CONSISTENCY, CUT_CONSISTENCY = 0.9, 0.3


def motions(
    frames: Iterable[Item],
    estimate: FlowFunction | None,
    *,
    resets: bool = True,
    last: Tensor | None = None,
    wrap: Wrap = Wrap.NONE,
) -> Iterator[tuple[Item, Motion]]:
    """Each of `frames` with its motion from the one before, as `follow` finds it.

    Args:
        frames: pictures [1,3,H,W], RGB, 0..1, or `Frame`s.
        estimate: finds the flow; None for none.
        resets: False never sees a cut.
        last: the picture before the first of them, where there is one.
        wrap: sides at which the frames go round.
    """
    before: LumaPyramid | None = None
    for frame in frames:
        picture = frame.picture if isinstance(frame, Frame) else frame
        if before is None and last is not None:
            before = LumaPyramid(last.to(picture.device), wrap=wrap)
        current = LumaPyramid(picture, wrap=wrap)
        yield frame, None if before is None else follow(current, before, estimate, resets=resets)
        before = current


def follow(frame: LumaPyramid, last: LumaPyramid, estimate: FlowFunction | None, *, resets: bool = True) -> Motion:
    """Flow and consistency mask from the frame `last` to `frame`; None where a new shot begins, as with another size.

    Args:
        frame, last: two frames, one after the other.
        estimate: finds the flow; None for none: everything stays where it is.
        resets: False never sees a cut.
    """
    if frame.shape != last.shape or (resets and is_cut(frame, last)):
        return None
    small = frame.small
    # Animation on twos, recorded screens: nothing has moved. Bytes first, which tell nearly all apart, and quickly.
    if estimate is None or (np.array_equal(frame.luma8, last.luma8) and torch.equal(small, last.small)):
        return small.new_zeros(1, 2, *small.shape[-2:]), torch.ones_like(small[:, :1])
    flow, mask = small_motion(frame.wide, last.wide, estimate)
    is_doubtful = resets and float(mask.mean()) < DOUBTFUL_CONSISTENCY
    if is_doubtful and explained_share(flow, mask, frame.wide, last.wide, estimate) < CUT_CONSISTENCY:
        return None
    height, width = small.shape[-2:]
    return frame.wrap.inside(flow, height, width, frame.around_px), frame.wrap.inside(
        mask, height, width, frame.around_px
    )


def carry(
    preset: Preset,
    frame: Tensor,
    residual: Tensor,
    warm_up: Tensor,
    flow: Tensor,
    mask: Tensor,
    *,
    wrap: Wrap = Wrap.NONE,
) -> tuple[Tensor, Tensor, Tensor]:
    """Carry a dream onto a frame.

    Args:
        preset: the look at this moment.
        frame: [1,3,H,W], RGB, 0..1.
        residual: the last dream less its frame, [1,3,H,W].
        warm_up: how far each place is warmed up, [1,1,H,W], 0 just come into view .. 1.
        flow: from `frame` back to where the residual is, [1,2,H,W], px.
        mask: the consistency mask of the flow, [1,1,H,W], 0..1.
        wrap: sides at which the frame goes round.

    Returns:
        Where the frame's own dream starts from [1,3,H,W], how many times as long its steps are at each place [1,1,H,W],
        and the new warm-up.
    """
    carried = mask * warp(torch.cat([residual, warm_up], 1), flow, wrap=wrap)
    residual = preset.keep * carried[:, :3]
    # Without this a still picture drifts: clipping at black and white is not symmetric.
    residual = residual - residual.mean(dim=(-2, -1), keepdim=True)
    residual = residual * (preset.strength_cap / residual.abs().mean().clamp(min=preset.strength_cap))
    # Bicubic sampling may overshoot.
    warm_up = carried[:, 3:].clamp(0, 1)
    step_scale = 1.0 + (FRESH_STEP_SCALE - 1.0) * (1.0 - warm_up)
    return (frame + residual).clamp(0, 1), step_scale, warm_up + WARM_UP_SHARE * (1.0 - warm_up)
