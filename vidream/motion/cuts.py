"""Where a new shot begins."""

from __future__ import annotations

import torch

from vidream.motion.luma_pyramid import LumaPyramid

__all__ = ["is_cut"]


def is_cut(current: LumaPyramid, previous: LumaPyramid) -> bool:
    """True where a new shot begins between two frames.

    Both must hold: the pictures no longer correlate in structure, and their colours are distributed differently. A pan
    keeps its colours and a flash its structure, so neither passes for a cut.
    """
    correlation = float((current.structure * previous.structure).mean())
    return correlation < 0.5 and float(torch.minimum(current.colours, previous.colours).sum()) < 0.6
