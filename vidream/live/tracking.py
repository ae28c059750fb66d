"""track: how the newest frame lies to the frames that dreams were made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.motion.luma_pyramid import LumaPyramid
from vidream.motion.warp import resize_flow, warp
from vidream.temporal.carry import follow

__all__ = ["Path", "Track", "standing"]

# Longer side at which live motion is worked out: 192 px cost 6 ms a frame on one core, 320 px 13.
SIDE_PX = 192


@dataclass(frozen=True)
class Path:
    """From the newest frame back to an older one. flow: [1,2,h,w], px of its own size; believed: [1,1,h,w], 0..1."""

    flow: Tensor
    believed: Tensor

    def at(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Flow and trust at another size: [1,2,H,W], [1,1,H,W]."""
        believed = F.interpolate(self.believed, size=(height, width), mode="bilinear", align_corners=False)
        return resize_flow(self.flow, height, width), believed

    def then(self, older: Path) -> Path:
        """This path with `older`, which begins where this one ends, behind it.

        Flows are joined rather than pictures warped again and again: a dream is pulled once,
        from however far, and stays sharp.
        """
        flow = self.flow + warp(older.flow, self.flow, mode="bilinear")
        believed = self.believed * warp(older.believed, self.flow, mode="bilinear")
        return Path(flow, believed)


class Track:
    """Follows the frames. `step` gives the path from each frame to the one before."""

    def __init__(self, estimate: Callable[[Tensor, Tensor], Tensor] | None, *, resets_on_cut: bool) -> None:
        """estimate: optical flow, or None where nothing is to be followed."""
        self.estimate = estimate
        self.resets_on_cut = resets_on_cut
        self._last: LumaPyramid | None = None

    def step(self, frame: Tensor) -> Path | None:
        """The path from `frame` [1,3,H,W] to the frame before; None where there is none, as after a cut."""
        last, self._last = self._last, LumaPyramid(frame, side_px=SIDE_PX)
        found = None if last is None else follow(self._last, last, self.estimate, resets=self.resets_on_cut)
        return None if found is None else Path(*found)

    def here(self) -> Path:
        """The path from the newest frame to itself."""
        assert self._last is not None
        return standing(self._last.small)


def standing(small: Tensor) -> Path:
    """The path along which nothing moves, at the size of `small`."""
    flow = torch.zeros(1, 2, *small.shape[-2:], device=small.device, dtype=small.dtype)
    return Path(flow, torch.ones_like(flow[:, :1]))
