"""Pictures pulled along a flow, flow at another size, and the warp error."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.motion.remap import can_remap, remapped, scaled
from vidream.motion.wrap import REACH_PX, Wrap
from vidream.runtime.constants import constant
from vidream.runtime.mps_fallback import or_on_cpu

__all__ = ["resize_flow", "resize_motion", "warp", "warp_error"]


def warp(image: Tensor, flow: Tensor, *, mode: str = "bicubic", wrap: Wrap = Wrap.NONE) -> Tensor:
    """Pull an image along a flow: out[y, x] = image[y + dy, x + dx]; outside repeats the border.

    Source: Ruder et al. 2016, arXiv:1604.08610.

    Args:
        image: [B,C,H,W].
        flow: [B,2,H,W], (dx, dy) in px; pixel centres have integer coordinates.
        mode: "bilinear" or "bicubic"; a dream is warped again every frame, and bilinear would soften it each time.
        wrap: sides at which the image goes round: what lies outside them is at the other side.

    Returns:
        [B,C,H,W].

    Raises:
        ValueError: B, H or W differ.
    """
    return _pulled(image, flow, 1, mode, wrap)


def warp_error(
    current: Tensor, previous: Tensor, flow: Tensor, mask: Tensor, *, every_px: int = 1, wrap: Wrap = Wrap.NONE
) -> Tensor:
    """Mean squared difference of `current` and `previous` warped onto it, where `mask` > 0.5.

    Source: Lai et al. 2018, arXiv:1808.00449.

    Args:
        current, previous: what was made, [1,3,H,W], RGB, 0..1.
        flow: of the source frames, [1,2,H,W], px.
        mask: the consistency mask of that flow, [1,1,H,W], 0..1.
        every_px: look at every n-th pixel of each row and column only.
        wrap: sides at which the pictures go round.

    Returns:
        A scalar; NaN where the mask is 0.5 or less everywhere.
    """
    step = (..., slice(None, None, every_px), slice(None, None, every_px))
    squared = (current[step] - _pulled(previous, flow, every_px, "bilinear", wrap)).square().mean(1, keepdim=True)
    counted = (mask[step] > 0.5).to(squared.dtype)
    return (squared * counted).sum() / counted.sum()


def resize_flow(flow: Tensor, height: int, width: int, *, wrap: Wrap = Wrap.NONE) -> Tensor:
    """`flow` [B,2,h,w] at another size [B,2,H,W], its vectors scaled to the new pixels."""
    small_h, small_w = flow.shape[-2:]
    if (small_h, small_w) == (height, width):
        return flow
    flow = wrap.scaled(flow, (height, width), partial(scaled, kernel="bilinear"))
    scale = constant((width / small_w, height / small_h), flow.device, flow.dtype)
    return flow * scale.view(1, 2, 1, 1)


def resize_motion(
    flow: Tensor, mask: Tensor, height: int, width: int, *, wrap: Wrap = Wrap.NONE
) -> tuple[Tensor, Tensor]:
    """A flow [B,2,h,w] and its consistency mask [B,1,h,w] at another size."""
    if mask.shape[-2:] != (height, width):
        mask = wrap.scaled(mask, (height, width), partial(scaled, kernel="bilinear"))
    return resize_flow(flow, height, width, wrap=wrap), mask


def _pulled(image: Tensor, flow: Tensor, every_px: int, mode: str, wrap: Wrap) -> Tensor:
    batch, _, height, width = image.shape
    if flow.shape != (batch, 2, height, width):
        raise ValueError(f"flow {tuple(flow.shape)} does not fit image {tuple(image.shape)}")
    flow = flow[..., ::every_px, ::every_px]
    xs = torch.arange(0, width, every_px, device=image.device, dtype=image.dtype).view(1, 1, -1) + flow[:, 0]
    ys = torch.arange(0, height, every_px, device=image.device, dtype=image.dtype).view(1, -1, 1) + flow[:, 1]
    if wrap:
        # Sampled in a picture continued on all sides that go round: every kernel on every device then does the same.
        rows, columns = wrap.padding(height, width, REACH_PX)
        xs = xs.remainder(width) + columns
        ys = ys.remainder(height) + rows if rows else ys
        image = wrap.around(image, REACH_PX)
        height, width = image.shape[-2:]
    if mode == "bicubic" and can_remap(image):
        return torch.stack([remapped(*each, kernel=mode, outside="border") for each in zip(image, xs, ys, strict=True)])
    # align_corners=True puts -1 and 1 on the first and last pixel CENTRES: zero flow changes nothing.
    grid_x, grid_y = xs * (2.0 / max(width - 1, 1)) - 1.0, ys * (2.0 / max(height - 1, 1)) - 1.0
    grid = torch.stack((grid_x, grid_y), dim=-1)
    pulled = partial(F.grid_sample, mode=mode, padding_mode="border", align_corners=True)
    return or_on_cpu(pulled, image, grid)
