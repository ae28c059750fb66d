"""What flow and cut detection read of a frame, computed once: a frame is first the current one, then the previous."""

from __future__ import annotations

import math
from functools import cached_property

import cv2
import numpy as np
import torch
from torch import Tensor

from vidream.motion.remap import scaled
from vidream.motion.wrap import Wrap

__all__ = ["SIDE_PX", "LumaPyramid"]

# Long side at which flow is found. Measured on two real clips at 1280x720: 320 px costs a
# twelfth of full size and warps the source as well (docs/LOG.md).
SIDE_PX = 320
# DIS matches patches of 8 px on a pyramid: below this it has nothing to stand on.
SMALLEST_SIDE_PX = 16
# Of the small frame's width and height: so far a frame that goes round is continued, and so far motion is found across
# its edge.
AROUND = 1 / 6
_LUMA = (0.299, 0.587, 0.114)


class LumaPyramid:
    """A frame at full size's shape and at small size, with its brightness, structure and colours.

    Args:
        frame: [1,3,H,W], RGB, 0..1.
        side_px: the longer side of the small one at most, px.
        wrap: sides at which the frame goes round.

    Attributes:
        shape: of the frame.
        small: [1,3,h,w], RGB, 0..1.
        wrap: as given.
    """

    def __init__(self, frame: Tensor, *, side_px: int = SIDE_PX, wrap: Wrap = Wrap.NONE) -> None:
        height, width = frame.shape[-2:]
        scale = min(1.0, side_px / max(height, width))
        size = (max(SMALLEST_SIDE_PX, round(height * scale)), max(SMALLEST_SIDE_PX, round(width * scale)))
        self.shape, self.wrap = frame.shape, wrap
        self.small = frame if size == (height, width) else scaled(frame, size, kernel="area")

    @property
    def around_px(self) -> int:
        """How far `wide` continues the small frame at each side that goes round."""
        return math.ceil(AROUND * max(self.small.shape[-2:]))

    @cached_property
    def wide(self) -> LumaPyramid:
        """The small frame, continued round its sides: what flow is found on, as if these sides were inside."""
        if not self.wrap:
            return self
        held = self.wrap.around(self.small, self.around_px)
        return LumaPyramid(held, side_px=max(held.shape[-2:]))

    @cached_property
    def luma8(self) -> np.ndarray:
        """Brightness, uint8 [h,w]."""
        red, green, blue = self.small[0].detach().cpu().float().numpy()
        warm = cv2.addWeighted(red, 255 * _LUMA[0], green, 255 * _LUMA[1], 0)
        # Rounded, and cut to 0..255.
        return cv2.addWeighted(warm, 1, blue, 255 * _LUMA[2], 0, dtype=cv2.CV_8U)

    @cached_property
    def structure(self) -> Tensor:
        """Light and dark places, as numbers of mean 0 and deviation 1: [36 * 64]."""
        values = self._thumb.mean(1).flatten()
        centred = values - values.mean()
        # The floor keeps sensor noise on a black frame from counting as structure.
        return centred / centred.square().mean().sqrt().clamp(min=0.01)

    @cached_property
    def colours(self) -> Tensor:
        """The share of each of 216 colours: [216]."""
        levels = (self._thumb.clamp(0, 0.999) * 6).long()
        bins = (levels[:, 0] * 6 + levels[:, 1]) * 6 + levels[:, 2]
        counts = torch.bincount(bins.flatten(), minlength=216).float()
        return counts / counts.sum()

    @cached_property
    def _thumb(self) -> Tensor:
        return scaled(self.small, (36, 64), kernel="area")
