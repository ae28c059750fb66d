"""Idle motion: a slow flow that keeps a dream changing where nothing moves in front of the camera."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["idle_velocity"]

# How far a motif moves in a second, as a share of the longer side: just enough to be seen.
SPEED_SHARE = 0.005
# (waves over the longer side, direction in radians, turns a second, phase): no two periods have a common multiple
# that is short, so that the motion does not repeat.
WAVES = ((1.0, 0.4, 0.031, 0.0), (1.7, 2.0, -0.043, 1.3), (2.3, 3.9, 0.057, 2.9), (1.3, 5.3, -0.023, 4.1))


def idle_velocity(height: int, width: int, seconds: float, *, like: Tensor) -> Tensor:
    """Velocity of the idle motion at one moment.

    The curl of a sum of waves: without sources and sinks, so that the dream neither piles up nor thins out (Bridson et
    al. 2007, curl noise).

    Args:
        height, width: px.
        seconds: since the live dream began.
        like: gives device and dtype.

    Returns:
        [1,2,H,W], (dx, dy) px a second.
    """
    longer = max(height, width)
    ys = torch.arange(height, device=like.device, dtype=like.dtype).view(1, -1, 1) / longer
    xs = torch.arange(width, device=like.device, dtype=like.dtype).view(1, 1, -1) / longer
    flow = torch.zeros(1, 2, height, width, device=like.device, dtype=like.dtype)
    for waves, direction, turns, phase in WAVES:
        across, down = math.cos(direction), math.sin(direction)
        slope = torch.cos(2 * math.pi * (waves * (across * xs + down * ys) + turns * seconds) + phase)
        flow[:, 0] += down * slope
        flow[:, 1] -= across * slope
    return flow * (SPEED_SHARE * longer / math.sqrt(len(WAVES)))
