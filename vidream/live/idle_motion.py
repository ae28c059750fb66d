"""stir: a slow motion, so that a dream lives on where nothing moves."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["wander"]

# How far a motif strays in a second, as a share of the longer side: seen when one looks for it.
SPEED_SHARE = 0.005
# (waves over the longer side, direction in radians, turns a second, phase): no two in step, so that
# it never comes round.
WAVES = ((1.0, 0.4, 0.031, 0.0), (1.7, 2.0, -0.043, 1.3), (2.3, 3.9, 0.057, 2.9), (1.3, 5.3, -0.023, 4.1))


def wander(height: int, width: int, seconds: float, *, like: Tensor) -> Tensor:
    """Velocity of the stirring at one moment: [1,2,H,W], px a second, on the device of `like`.

    A sum of waves turned by a right angle: it has no sources and no sinks, so that nothing is
    swept away and nothing thins out (Bridson et al. 2007, curl noise).
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
