"""Octaves: the sizes that a picture is dreamed at, and resizing to them."""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from vidream.motion.wrap import Wrap
from vidream.runtime.mps_fallback import or_on_cpu

__all__ = ["covering", "octave_sizes", "on_grid", "resized"]

# Octaves stop here: smaller ones hold no motif. A preset may so ask for many octaves, and a small
# frame takes those that fit it, with motifs as large in proportion as on a big one.
SMALLEST_SIDE_PX = 56


def octave_sizes(
    height: int, width: int, octaves: int, octave_scale: float, finest: float = 1.0
) -> list[tuple[int, int]]:
    """(height, width) px of the octaves that a picture is dreamed at, smallest first; arguments as in `Preset`."""
    sizes = []
    for octave in range(octaves):
        scale = finest * octave_scale**-octave
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        if octave and min(size) < SMALLEST_SIDE_PX:
            break
        sizes.append(size)
    return sizes[::-1]


def on_grid(sizes: list[tuple[int, int]], wrap: Wrap, stride: int) -> list[tuple[int, int]]:
    """Sizes (height, width) px whose sides that go round are multiples of `stride`.

    A network looks at a picture in steps of its stride. Round a side that is no multiple of it, those before the edge
    and those behind it would not fit, and a line show where they meet.
    """
    if not wrap:
        return sizes
    found = []
    for height, width in sizes:
        across = max(stride, round(width / stride) * stride)
        down = max(stride, round(height / stride) * stride) if wrap.goes_down else height
        found.append((across // 2 if wrap.is_sphere(height, width) else down, across))
    return list(dict.fromkeys(found))


def covering(pictures: Tensor, size: tuple[int, ...], most: int) -> Tensor:
    """`pictures` cropped in the middle to the shape of `size`, and brought to it (longer side at most `most` px)."""
    height, width = (max(1, round(side * min(1.0, most / max(size)))) for side in size)
    own_height, own_width = pictures.shape[-2:]
    kept_height = min(own_height, max(1, round(own_width * height / width)))
    kept_width = min(own_width, max(1, round(own_height * width / height)))
    top, left = (own_height - kept_height) // 2, (own_width - kept_width) // 2
    return resized(pictures[..., top : top + kept_height, left : left + kept_width], (height, width))


def resized(image: Tensor, size: tuple[int, ...], *, enlarge: str = "bicubic", wrap: Wrap = Wrap.NONE) -> Tensor:
    """`image` [B,C,H,W] at (height, width) px: `enlarge` where it grows, bilinear and antialiased where it shrinks.

    wrap: sides at which it is sampled round.
    """
    if tuple(image.shape[-2:]) == size:
        return image
    mode = "bilinear" if size[0] < image.shape[-2] else enlarge

    def scale(image: Tensor, size: tuple[int, ...]) -> Tensor:
        # Enlarging has nothing to smooth, but goes twice as fast this way: by rows, then by columns.
        return or_on_cpu(partial(F.interpolate, size=size, mode=mode, antialias=True, align_corners=False), image)

    return wrap.scaled(image, (size[0], size[1]), scale)
