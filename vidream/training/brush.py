"""brush: colours, noise and dice, batched, for painting motifs and scenes.

Every value here is one number or one field a picture: [B,1,1] or [B,N,N]; a colour is [B,3,1,1] or
[B,3,N,N], RGB, 0..1. Every draw comes from one torch.Generator, so a seed paints the same again.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "CELLS_A_TILE", "Dice", "cell_tiles", "grey", "hsv", "join", "look_up", "mix", "noise_tiles", "spectral_noise",
    "step", "wave",
]  # fmt: skip

NOISE_TILES, NOISE_SIZE = 64, 128
CELLS_A_TILE = 8
# name -> (fall of amplitude with frequency, lowest frequency kept in cycles a pixel)
NOISES = {"soft": (2.0, 0.0), "pink": (1.2, 0.0), "fine": (0.5, 0.04)}


class Dice:
    """Random numbers for `count` pictures at once: each draw is [count,1,1] unless it says otherwise."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self.count, self.generator = count, generator
        self.device = generator.device

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return self._rand() * (high - low) + low

    def whole(self, low: int, high: int) -> Tensor:
        """Whole numbers `low` to `high`, both included, as floats."""
        return (self._rand() * (high - low + 1)).floor().clamp(max=high - low) + low

    def sign(self) -> Tensor:
        """-1 or 1."""
        return (self._rand() < 0.5).float() * 2 - 1

    def chance(self, share: float) -> Tensor:
        """1 in `share` of the pictures, else 0."""
        return (self._rand() < share).float()

    def colour(
        self,
        hue: tuple[float, float] = (0.0, 1.0),
        saturation: tuple[float, float] = (0.35, 0.9),
        value: tuple[float, float] = (0.4, 0.95),
    ) -> Tensor:
        """A colour from ranges of hue (may pass 1 or lie below 0: it wraps), saturation and value: [count,3,1,1]."""
        return hsv(self.uniform(*hue) % 1.0, self.uniform(*saturation), self.uniform(*value))

    def pick(self, *colours: Tensor | tuple[float, float, float]) -> Tensor:
        """One of `colours` ([B,3,1,1] or plain RGB) for each picture: [count,3,1,1]."""
        chosen = (self._rand() * len(colours)).floor().clamp(max=len(colours) - 1)[:, None]
        result = torch.zeros(self.count, 3, 1, 1, device=self.device)
        for index, one in enumerate(colours):
            plain = one if isinstance(one, Tensor) else torch.tensor(one, device=self.device).view(1, 3, 1, 1)
            result = torch.where(chosen == index, plain, result)
        return result

    # Palettes of the real world: what is painted in random hues dreams as iridescent mush.
    def pelt(self) -> Tensor:
        """Fur: browns, greys, fox orange, cream, near black."""
        return hsv(self.uniform(0.03, 0.12), self.uniform(0.05, 0.75), self.uniform(0.15, 0.95))

    def skin(self) -> Tensor:
        return hsv(self.uniform(0.02, 0.09), self.uniform(0.2, 0.6), self.uniform(0.35, 0.95))

    def stone(self) -> Tensor:
        return hsv(self.uniform(0.04, 0.14), self.uniform(0.03, 0.4), self.uniform(0.45, 0.95))

    def leaf(self) -> Tensor:
        return hsv(self.uniform(0.2, 0.4), self.uniform(0.35, 0.85), self.uniform(0.25, 0.8))

    def metal(self) -> Tensor:
        """Steel, brass, copper, iron."""
        return self.pick((0.65, 0.68, 0.72), (0.78, 0.62, 0.28), (0.72, 0.42, 0.26), (0.36, 0.36, 0.38))

    def _rand(self) -> Tensor:
        return torch.rand(self.count, 1, 1, generator=self.generator, device=self.device)


def hsv(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """RGB from hue, saturation and value, each 0..1: fields [B,h,w] -> [B,3,h,w]."""
    turns = torch.stack([5 + hue * 6, 3 + hue * 6, 1 + hue * 6], 1) % 6
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(turns, 4 - turns).clamp(0, 1))


def grey(like: Tensor, value: float | Tensor) -> Tensor:
    """A grey [B,3,1,1] for the pictures of `like`. value: 0..1, one number or [B,1,1]."""
    return torch.zeros(len(like), 3, 1, 1, device=like.device) + (
        value[:, None] if isinstance(value, Tensor) else value
    )


def mix(one: Tensor, other: Tensor, share: Tensor | float) -> Tensor:
    """Colours between `one` and `other`; share of the other 0..1, one number or a field [B,h,w]."""
    part = share[:, None] if isinstance(share, Tensor) else share
    return one * (1 - part) + other * part


def step(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """0 below `low`, 1 above `high`, smooth between (high below low turns it round)."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def join(one: Tensor, other: Tensor, softness: float | Tensor = 0.08) -> Tensor:
    """The union of two shapes, its inner corner filled over a width of `softness`."""
    near = ((softness - (one - other).abs()) / softness).clamp(min=0)
    return torch.minimum(one, other) - near * near * softness / 4


def wave(x: Tensor) -> Tensor:
    """A smooth wave 0..1 of period 1, 1 at whole numbers."""
    return 0.5 + 0.5 * torch.cos(x * math.tau)


@cache
def noise_tiles(kind: str, device: torch.device) -> Tensor:
    """NOISE_TILES tileable noises [NOISE_TILES,1,NOISE_SIZE,NOISE_SIZE], mean 0, deviation 1. kind: see NOISES."""
    fall, lowest = NOISES[kind]
    # A seed of its own: the same tiles for every painter, whatever was drawn before.
    generator = torch.Generator().manual_seed(len(kind))
    return spectral_noise(NOISE_TILES, NOISE_SIZE, fall, generator, lowest=lowest).to(device)[:, None]


@cache
def cell_tiles(device: torch.device) -> Tensor:
    """Tiles of CELLS_A_TILE x CELLS_A_TILE loose pebbles, which tile: [8,3,256,256], in cells: the distance to the
    centre, the distance to the gap, and the pebble's own number 0..1. Source: Worley 1996, "A cellular texture basis".
    """
    count, size, cells = 8, 256, CELLS_A_TILE
    generator = torch.Generator().manual_seed(cells)
    centre = torch.rand(count, cells, cells, 2, generator=generator) * 0.8 + 0.1
    number = torch.rand(count, cells, cells, generator=generator)
    line = (torch.arange(size) + 0.5) / size * cells
    down, right = torch.meshgrid(line, line, indexing="ij")
    row, column = down.floor().long(), right.floor().long()
    nearest = torch.full((count, size, size), 9.0)
    second, own = nearest.clone(), torch.zeros_like(nearest)
    for neighbour in range(25):
        i, j = row + neighbour // 5 - 2, column + neighbour % 5 - 2
        at = centre[:, i % cells, j % cells]
        distance = ((at[..., 0] + j - right) ** 2 + (at[..., 1] + i - down) ** 2).sqrt()
        second = torch.minimum(second, torch.maximum(distance, nearest))
        own = torch.where(distance < nearest, number[:, i % cells, j % cells], own)
        nearest = torch.minimum(nearest, distance)
    return torch.stack([nearest, (second - nearest) / 2, own], 1).to(device)


def spectral_noise(count: int, size: int, fall: float, generator: torch.Generator, *, lowest: float = 0.0) -> Tensor:
    """Noise [count,size,size] whose amplitude falls as frequency**-fall; it tiles; mean 0, deviation 1."""
    device = generator.device
    down = torch.fft.fftfreq(size, device=device)[:, None]
    frequency = (down**2 + torch.fft.rfftfreq(size, device=device)[None] ** 2).sqrt()
    amplitude = frequency.clamp(min=1 / size) ** -fall
    amplitude[frequency < lowest] = 0
    amplitude[0, 0] = 0
    white = torch.randn(count, size, size, generator=generator, device=device)
    field = torch.fft.irfft2(torch.fft.rfft2(white) * amplitude, s=(size, size))
    return field / field.flatten(1).std(1)[:, None, None]


def look_up(tiles: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """`tiles` [B,1,S,S] read at (u, v) [B,h,w] in tiles, wrapping around: [B,h,w]."""
    # A pixel of the far edge is repeated, so that reading between the last pixel and the first is smooth.
    padded = F.pad(tiles, (0, 1, 0, 1), mode="circular")
    size = tiles.shape[-1]
    where = torch.stack([u % 1.0, v % 1.0], -1) * size
    return F.grid_sample(padded, where * 2 / size - 1, mode="bilinear", padding_mode="border", align_corners=True)[:, 0]
