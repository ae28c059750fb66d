"""`Wrap`: at which sides a picture goes round, as a panorama or a tile does, and work that goes round with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

import torch
from torch import Tensor

from vidream.errors import SourceError

__all__ = ["WRAPS", "Wrap", "as_wrap"]

# A whole sphere is twice as wide as high; sizes rounded to even numbers come this near to it.
SPHERE_WITHIN = 0.02
# Sampling kernels reach so far, in px of the larger of two sizes' steps: four taps of a cubic, and one to spare.
REACH_PX = 3


class Wrap(Enum):
    """Sides at which a picture goes on at its other side.

    HORIZONTAL is for panoramas: left goes on at right; above the top row and below the bottom one there is nothing,
    or, where the frame is twice as wide as high, the sphere goes on beyond its pole. BOTH is for tiles.
    """

    NONE = "none"
    HORIZONTAL = "horizontal"
    BOTH = "both"

    def __bool__(self) -> bool:
        return self is not Wrap.NONE

    @property
    def goes_down(self) -> bool:
        """True where the bottom goes on at the top."""
        return self is Wrap.BOTH

    def is_sphere(self, height: int, width: int) -> bool:
        """True where a frame of this size is taken as a whole sphere, in the equirectangular projection."""
        return self is Wrap.HORIZONTAL and abs(width - 2 * height) <= max(2, SPHERE_WITHIN * width)

    def padding(self, height: int, width: int, px: int) -> tuple[int, int]:
        """(rows, columns) px that `around` adds on either side."""
        return (min(px, height) if self.goes_down else 0), (min(px, width) if self else 0)

    def around(self, image: Tensor, px: int) -> Tensor:
        """An image [B,C,H,W] with up to `px` px more at each side that goes round, from the other side."""
        rows, columns = self.padding(image.shape[-2], image.shape[-1], px)
        return _extended(_extended(image, rows, -2), columns, -1)

    def inside(self, image: Tensor, height: int, width: int, px: int) -> Tensor:
        """What `around` was given, or what came of it: the middle [B,C,height,width]."""
        rows, columns = self.padding(height, width, px)
        return image[..., rows : rows + height, columns : columns + width]

    def scaled(
        self, image: Tensor, size: tuple[int, int], scale: Callable[[Tensor, tuple[int, int]], Tensor]
    ) -> Tensor:
        """An image [B,C,H,W] at another size, sampled round its sides.

        Args:
            image: what is scaled.
            size: (height, width) px.
            scale: scales an image to a size, as if nothing were beyond its sides.

        Returns:
            [B,C,height,width].
        """
        height, width = image.shape[-2:]
        if not self or (height, width) == size:
            return scale(image, size)
        across = margins(width, size[1])
        wide = scale(_extended(image, across[0], -1), (height, size[1] + 2 * across[1]))
        wide = wide[..., across[1] : across[1] + size[1]]
        if not self.goes_down:
            return scale(wide, size)
        down = margins(height, size[0])
        high = scale(_extended(wide, down[0], -2), (size[0] + 2 * down[1], size[1]))
        return high[..., down[1] : down[1] + size[0], :]


WRAPS = tuple(each.value for each in Wrap)


def as_wrap(name: str | Wrap) -> Wrap:
    """The `Wrap` of a name. Raises SourceError where there is none."""
    try:
        return Wrap(name)
    except ValueError:
        raise SourceError(f'wrap cannot be "{name}"; give {", ".join(WRAPS)}', argument="wrap") from None


def margins(side: int, scaled: int, *, step: int = 1) -> tuple[int, int]:
    """(px before, px after) scaling that a picture is extended by, so that every pixel falls where it would without.

    Args:
        side: of the picture, px.
        scaled: the same afterwards.
        step: the first number is a multiple of it.
    """
    common = math.gcd(side, scaled)
    before, after = side // common, scaled // common
    least = REACH_PX * max(1.0, side / scaled)
    times = max(1, math.ceil(least / before))
    while before * times % step:
        times += 1
    # A side in common parts is extended by a few; one that shares none with its scaled self by all of itself.
    return before * times, after * times


def _extended(image: Tensor, px: int, dim: int) -> Tensor:
    """An image with `px` px more on either side along `dim`, from the other side."""
    if not px:
        return image
    length = image.shape[dim]
    if px > length:
        return image.index_select(dim, torch.arange(-px, length + px, device=image.device) % length)
    return torch.cat([image.narrow(dim, length - px, px), image, image.narrow(dim, 0, px)], dim)
