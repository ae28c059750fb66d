"""Motion from the newest camera frame back to the frames that dreams were made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.motion.luma_pyramid import LumaPyramid
from vidream.motion.warp import resize_flow, warp
from vidream.temporal.carry import follow

__all__ = ["MotionPath", "MotionTracker", "no_motion"]

# Longer side at which live motion is estimated: 192 px cost 6 ms a frame on one core, 320 px 13.
SIDE_PX = 192


@dataclass(frozen=True)
class MotionPath:
    """Motion from the newest frame back to an older one.

    Attributes:
        flow: [1,2,h,w], px at its own size.
        mask: consistency mask, [1,1,h,w], 0..1: where the flow may be believed.
    """

    flow: Tensor
    mask: Tensor

    def at(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Flow and mask at another size: [1,2,H,W], [1,1,H,W]."""
        mask = F.interpolate(self.mask, size=(height, width), mode="bilinear", align_corners=False)
        return resize_flow(self.flow, height, width), mask

    def then(self, older: MotionPath) -> MotionPath:
        """This path followed by `older`, which begins at the frame where this one ends.

        Flows are composed, and the picture is warped once: a dream that is warped again at every frame would blur.
        """
        flow = self.flow + warp(older.flow, self.flow, mode="bilinear")
        mask = self.mask * warp(older.mask, self.flow, mode="bilinear")
        return MotionPath(flow, mask)


class MotionTracker:
    """Tracks motion from frame to frame.

    Args:
        estimate: optical flow between two frames; None takes everything as still.
        resets_on_cut: see cuts, where there is no motion from one frame to the next.
    """

    def __init__(self, estimate: Callable[[Tensor, Tensor], Tensor] | None, *, resets_on_cut: bool) -> None:
        self.estimate = estimate
        self.resets_on_cut = resets_on_cut
        self._last: LumaPyramid | None = None

    def step(self, frame: Tensor) -> MotionPath | None:
        """The path from `frame` [1,3,H,W] to the frame before; None for the first frame and after a cut."""
        last, self._last = self._last, LumaPyramid(frame, side_px=SIDE_PX)
        found = None if last is None else follow(self._last, last, self.estimate, resets=self.resets_on_cut)
        return None if found is None else MotionPath(*found)

    def here(self) -> MotionPath:
        """The path from the newest frame to itself. Call `step` first."""
        assert self._last is not None
        return no_motion(self._last.small)


def no_motion(picture: Tensor) -> MotionPath:
    """The path along which nothing moves, at the size of `picture` [1,C,h,w]."""
    flow = torch.zeros(1, 2, *picture.shape[-2:], device=picture.device, dtype=picture.dtype)
    return MotionPath(flow, torch.ones_like(flow[:, :1]))
