"""Pictures that go round, and how to see whether they do."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.motion.wrap import Wrap


def round_texture(height: int, width: int, *, wrap: Wrap = Wrap.BOTH, seed: int = 0, scale: float = 0.4) -> Tensor:
    """As `textured` in conftest, but with sides that meet."""
    generator = torch.Generator().manual_seed(seed)
    picture = torch.zeros(1, 3, height, width)
    for cells in (4, 8, 16, 32):
        noise = torch.rand(1, 3, cells, cells, generator=generator) - 0.5
        enlarged = wrap.scaled(
            noise, (height, width), lambda image, size: F.interpolate(image, size, mode="bicubic", align_corners=False)
        )
        picture += enlarged * (6 / cells) ** 0.5
    # Enlarged noise is steepest where two of its cells meet, as all do at the edge: that is put elsewhere.
    turn = (height // 3 if wrap.goes_down else 0, width // 3)
    return (picture * scale + 0.5).clamp(0, 1).roll(turn, (-2, -1))


def steps_between(picture: Tensor, dim: int) -> Tensor:
    """Mean difference of each column (dim -1) or row (dim -2) to the one before; the first is that across the edge."""
    others = tuple(each for each in (0, 1, 2, 3) if each != dim % 4)
    return (picture - picture.roll(1, dim)).abs().mean(others)


def edge_score(picture: Tensor, dim: int) -> float:
    """The difference across the edge, less the mean inside, in standard deviations of the differences inside."""
    found = steps_between(picture, dim)
    return float((found[0] - found[1:].mean()) / found[1:].std())


def as_bytes(picture: Tensor) -> np.ndarray:
    """[H,W,3] uint8."""
    return (picture[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
