"""The poles of a sphere: what lies around them as square patches, without the stretch of the equirectangular picture.

A row of an equirectangular picture at latitude p is stretched by 1/cos(p). What is dreamed there at the size of the
equator's motifs becomes a spike to the viewer. So around each pole the sphere is brought to a patch in the azimuthal
equidistant projection (Snyder 1987, p. 191), at the scale of the picture's columns; it is dreamed there, and what comes
of it is brought back. The picture itself keeps what lies between, and both are blended where they meet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Caps", "caps_of"]

# Between these latitudes the picture's own dream turns into that of a cap. At 44 degrees the picture is stretched by
# 1.39, and the cap by 1.12 the other way.
FADE_DEGREES = (38.0, 50.0)
# What networks see beyond the rows that are kept, px. It is few, since the rows next to it count little.
CONTEXT_PX = 16
# Rows and columns that cubic sampling needs beyond an edge.
EDGE_PX = 3


@dataclass(frozen=True)
class Caps:
    """Where the caps of an equirectangular picture lie, on one device.

    Attributes:
        size: (height, width) of the picture, px.
        rows: how many at the top and at the bottom a cap has a part in.
        own_rows: how many of these are a cap's alone; in the others both have a part.
        plain: (first, end) of the rows that are dreamed as they are, context included.
        places: of each patch's pixels in the picture, (column, row) px [2,n,n,2].
        back: of the picture's first and last `rows` in the patches, (column, row) px [2,rows,W,2].
        weight: of the caps in those rows, from the pole on, 0..1 [rows].
    """

    size: tuple[int, int]
    rows: int
    own_rows: int
    plain: tuple[int, int]
    places: Tensor
    back: Tensor
    weight: Tensor

    def patches(self, picture: Tensor, columns: int) -> Tensor:
        """The patches of a picture [B,C,H,W] that was rolled by so many columns: [2B,C,n,n], north then south.

        They lie as if it had not been rolled.
        """
        width = self.size[1]
        held = _beyond_poles(picture)
        places = torch.stack([(self.places[..., 0] + columns) % width, self.places[..., 1]], -1) + EDGE_PX
        return torch.cat([_sampled(held, each) for each in places])

    def merge(self, plain: Tensor, patches: Tensor, columns: int) -> Tensor:
        """The directions of a picture from those of its plain rows [B,C,end-first,W] and of its patches [2B,C,n,n].

        Each is of a strength of its own. A cap is brought to that of the plain rows where both have a part.
        """
        batch, channels, _, width = plain.shape
        height = self.size[0]
        whole = plain.new_zeros(batch, channels, height, width)
        whole[..., self.plain[0] : self.plain[1], :] = plain
        share = self.weight.to(plain.dtype)
        back = self.back.roll(columns, 2)
        for cap, patch in enumerate(patches.split(batch)):
            rows = slice(0, self.rows) if cap == 0 else slice(height - self.rows, height)
            part = share if cap == 0 else share.flip(0)
            meets = slice(self.own_rows, None) if cap == 0 else slice(None, self.rows - self.own_rows)
            found, own = _sampled(patch, back[cap]), whole[..., rows, :]
            ours, theirs = own[..., meets, :], found[..., meets, :]
            energy, others, product = (_mean(each) for each in (ours * ours, theirs * theirs, ours * theirs))
            part = part[:, None]
            # Two directions with little in common cancel each other in part: the mixture keeps their strength.
            likeness = (product / (energy * others).sqrt().clamp(min=1e-20)).clamp(0, 1)
            kept = (part**2 + (1 - part) ** 2 + 2 * part * (1 - part) * likeness).sqrt()
            gain = ((energy + 1e-12) / (others + 1e-12)).sqrt()
            whole[..., rows, :] = torch.lerp(own, gain * found, part) / kept
        return whole


# The octaves of one film: those of 4K take 110 MB.
@lru_cache(maxsize=12)
def caps_of(height: int, width: int, device: torch.device) -> Caps | None:
    """The caps of a picture of this size; None where it is too small to have any."""
    row_radians = math.pi / height
    begins, ends = (math.radians(90 - degrees) for degrees in FADE_DEGREES)
    rows = math.floor(begins / row_radians)
    inner = math.ceil(ends / row_radians)
    if rows - inner < 2:
        return None
    plain = (max(0, inner - CONTEXT_PX), min(height, height - inner + CONTEXT_PX))
    middle = rows + CONTEXT_PX + 0.5
    side = 2 * rows + 2 * CONTEXT_PX + 2
    across = torch.arange(side, dtype=torch.float64) - middle
    x, y = across[None, :], across[:, None]
    # Rows from the pole, and the turn about it. The picture's middle column lies at the bottom of the north's patch,
    # and at the top of the south's: there both stand as the picture does.
    row = torch.hypot(x, y) - 0.5
    turn = torch.atan2(x, y) / (2 * math.pi) * width
    column = (turn + width / 2 - 0.5) % width
    row = row.clamp(max=height - 1)
    north = torch.stack([column, row], -1)
    south = torch.stack([column.flip(0), height - 1 - row.flip(0)], -1)
    radius = torch.arange(rows, dtype=torch.float64)[:, None] + 0.5
    angle = (torch.arange(width, dtype=torch.float64) + 0.5 - width / 2) / width * 2 * math.pi
    back_x, back_y = middle + radius * angle.sin(), middle + radius * angle.cos()
    back_north = torch.stack([back_x, back_y], -1)
    back_south = torch.stack([back_x, side - 1 - back_y], -1).flip(0)
    share = ((begins / row_radians - (torch.arange(rows) + 0.5)) / ((begins - ends) / row_radians)).clamp(0, 1)
    return Caps(
        size=(height, width),
        rows=rows,
        own_rows=inner,
        plain=plain,
        places=torch.stack([north, south]).float().to(device),
        back=torch.stack([back_north, back_south]).float().to(device),
        weight=(share * share * (3 - 2 * share)).float().to(device),
    )


def _beyond_poles(picture: Tensor) -> Tensor:
    """A picture with EDGE_PX more on every side: round the sides, and over the poles, where the other half lies."""
    half = picture.shape[-1] // 2
    top, bottom = (picture[..., rows, :].flip(-2).roll(half, -1) for rows in (slice(0, EDGE_PX), slice(-EDGE_PX, None)))
    high = torch.cat([top, picture, bottom], -2)
    return torch.cat([high[..., -EDGE_PX:], high, high[..., :EDGE_PX]], -1)


def _mean(image: Tensor) -> Tensor:
    return image.mean(dim=(1, 2, 3), keepdim=True)


def _sampled(image: Tensor, places: Tensor) -> Tensor:
    """An image [B,C,H,W] at places (column, row) px [h,w,2]: [B,C,h,w]."""
    height, width = image.shape[-2:]
    grid = torch.stack([places[..., 0] * (2 / (width - 1)) - 1, places[..., 1] * (2 / (height - 1)) - 1], -1)
    grid = grid.expand(len(image), -1, -1, -1)
    return F.grid_sample(image, grid.to(image.dtype), mode="bilinear", padding_mode="border", align_corners=True)
