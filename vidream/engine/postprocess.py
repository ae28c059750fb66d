"""From the dream to what is shown: the frame's own colour, a blend with the frame, a mask."""

from __future__ import annotations

import torch
from torch import Tensor

from vidream.runtime.constants import constant

__all__ = ["finish"]

_LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709


def finish(
    dream: Tensor, frame: Tensor, *, keep_colour: float = 0.0, blend: float = 0.0, mask: Tensor | None = None
) -> Tensor:
    """What is shown of a dream.

    Args:
        dream: [1,3,H,W], RGB, 0..1.
        frame: what it was dreamed from, [1,3,H,W], RGB, 0..1.
        keep_colour: share of the frame's own colour, under the dream's light and shade, 0..1.
        blend: share of the frame laid over all, 0..1.
        mask: [1,1,H,W], 0..1; where it is 0 the frame comes back to the bit.

    Returns:
        [1,3,H,W], RGB, 0..1.
    """
    if keep_colour > 0:
        dream = (dream + keep_colour * (_chroma(frame) - _chroma(dream))).clamp(0, 1)
    if blend > 0:
        dream = torch.lerp(dream, frame, blend)
    if mask is not None:
        dream = torch.where(mask > 0, torch.lerp(frame, dream, mask), frame)
    return dream


def _chroma(picture: Tensor) -> Tensor:
    weights = constant(_LUMA, picture.device, picture.dtype).view(1, 3, 1, 1)
    return picture - (picture * weights).sum(1, keepdim=True)
