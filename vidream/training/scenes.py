"""scenes: motifs composed with clutter, shadow, light, blur and grain into the pictures dreamnet learns from."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.training.brush import hsv, spectral_noise
from vidream.training.motifs import MOTIFS

__all__ = ["STRIDE", "Batch", "MotifBank", "Scenes"]

# One label for each cell of so many pixels: the stride of dreamnet's head.
STRIDE = 16
GROUND_PX = 128
MASKS = 384
LEAVES = 90
# So many pictures are worth starting processes for.
SHARED_FROM = 4000
# Back, side and main motif: how often it is there, and its size as a share of the scene.
LAYERS = ((0.5, 0.8, 1.6), (0.6, 0.3, 0.7), (1.0, 0.5, 1.15))
PATTERN_SHARE = 0.4
# What the main motif counts for being there at all, however little of it is seen.
MAIN_EXTRA = 0.25


@dataclass(frozen=True)
class Batch:
    """pictures [B,3,S,S], RGB, 0..1.  cells [B,K+1,S/16,S/16]: share of each class in a cell, the last
    the background's.  scene [B,K]: share of each class in the picture, main motif first.  main [B]: its class."""

    pictures: Tensor
    cells: Tensor
    scene: Tensor
    main: Tensor


class MotifBank:
    """`each` pictures of every motif, painted once: uint8 [K,each,4,size,size], RGB times alpha, and alpha."""

    def __init__(
        self, names: list[str], each: int, size_px: int, *, seed: int, device: str = "cpu", chunk: int = 32
    ) -> None:
        self.names, self.size_px = names, size_px
        work = [(name, each, size_px, seed * 1000 + index, device, chunk) for index, name in enumerate(names)]
        if device == "cpu" and len(names) * each >= SHARED_FROM:
            # Many small operations, each too short for two threads: two processes are twice as fast.
            with ProcessPoolExecutor(
                mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
            ) as pool:
                painted = list(pool.map(_painted, work))
        else:
            painted = [_painted(each) for each in work]
        self.painted = torch.stack(painted)
        self.is_pattern = torch.tensor([MOTIFS[name].pose.fills for name in names], device=device)

    def draw(self, classes: Tensor, generator: torch.Generator) -> Tensor:
        """One of each of `classes` [B]: [B,4,size,size], float."""
        which = torch.randint(self.painted.shape[1], classes.shape, generator=generator, device=classes.device)
        return self.painted[classes, which].float() / 255


class Scenes:
    """An endless supply of batches. Every draw comes from `generator`, on its device.

    grounds: backgrounds made ahead; half are hazes, half dead leaves.
    """

    def __init__(self, bank: MotifBank, generator: torch.Generator, *, grounds: int = 1536) -> None:
        self.bank, self.generator = bank, generator
        self.device = generator.device
        self._odds = torch.where(bank.is_pattern, PATTERN_SHARE, 1.0)
        self._grounds = torch.cat([self._hazes(grounds // 2), self._dead_leaves(grounds - grounds // 2)])
        self._masks = spectral_noise(MASKS, GROUND_PX, 2.2, generator)[:, None]

    def batch(self, count: int, size_px: int) -> Batch:
        """`count` scenes of `size_px`, a multiple of 16."""
        pictures = self._ground(count, size_px)
        seen: list[tuple[Tensor, Tensor]] = []
        for share, low, high in LAYERS:
            classes = torch.multinomial(self._odds, count, replacement=True, generator=self.generator)
            motif = self._placed(classes, low, high, size_px) * (self._rand(count) < share)
            alpha = motif[:, 3:]
            pictures = self._shadowed(pictures, alpha) * (1 - alpha) + motif[:, :3]
            seen = [(other, shown * (1 - alpha)) for other, shown in seen] + [(classes, alpha)]
        cells = torch.zeros(count, len(self.bank.names) + 1, size_px // STRIDE, size_px // STRIDE, device=self.device)
        for classes, shown in seen:
            part = F.avg_pool2d(shown, STRIDE)
            cells.scatter_add_(1, classes.view(-1, 1, 1, 1).expand_as(part), part)
        cells[:, -1] = (1 - cells.sum(1)).clamp(min=0)
        main = seen[-1][0]
        extra = torch.full((count, 1), MAIN_EXTRA, device=self.device)
        scene = cells[:, :-1].mean((2, 3)).scatter_add(1, main[:, None], extra)
        return Batch(self._photographed(pictures), cells, scene / scene.sum(1, keepdim=True), main)

    # Grounds.
    def _hazes(self, count: int) -> Tensor:
        """Clouds of 1/f noise around a colour, a horizon through half of them."""
        light = spectral_noise(count, GROUND_PX, 1.1, self.generator)[:, None] * 0.22
        hue = torch.stack([spectral_noise(count, GROUND_PX, 1.6, self.generator) for _ in range(3)], 1) * 0.08
        line = torch.linspace(-1, 1, GROUND_PX, device=self.device).view(1, 1, -1, 1)
        below = ((line - self._rand(count) * 1.6 + 0.8) * 40).sigmoid() * (self._rand(count) < 0.5)
        colour = self._colour(count) * (1 - below) + self._colour(count) * below
        return ((colour + hue * self._rand(count) * 2) * (1 + light * self._rand(count) * 2)).clamp(0, 1)

    def _dead_leaves(self, count: int) -> Tensor:
        """Discs and blocks over one another, of all sizes, as in Lee, Mumford & Huang 2001: the edges and
        corners that photographs are full of, and that are no motif."""
        line = torch.linspace(-1, 1, GROUND_PX, device=self.device)
        y, x = line.view(1, 1, -1, 1), line.view(1, 1, 1, -1)
        pictures = self._colour(count).expand(-1, -1, GROUND_PX, GROUND_PX).clone()
        texture = spectral_noise(count, GROUND_PX, 1.0, self.generator)[:, None] * 0.15
        for _ in range(LEAVES):
            radius = 0.06 / (0.06 + 0.94 * self._rand(count)).clamp(max=1)
            turn = self._rand(count) * math.tau
            cx, cy = self._rand(count) * 2.4 - 1.2, self._rand(count) * 2.4 - 1.2
            u, v = (x - cx) * turn.cos() + (y - cy) * turn.sin(), (y - cy) * turn.cos() - (x - cx) * turn.sin()
            v = v * (0.4 + 1.2 * self._rand(count))
            round_ = (self._rand(count) < 0.5).float()
            reach = (u * u + v * v).sqrt() * round_ + torch.maximum(u.abs(), v.abs()) * (1 - round_)
            shading = 1 + (self._rand(count) - 0.5) * (u / radius).clamp(-1, 1)
            pictures = torch.where(reach < radius, self._colour(count) * shading, pictures)
        return (pictures * (1 + texture * self._rand(count) * 2)).clamp(0, 1)

    def _ground(self, count: int, size_px: int) -> Tensor:
        chosen = self._grounds[
            torch.randint(len(self._grounds), (count,), generator=self.generator, device=self.device)
        ]
        zoom = 1 / (0.5 + 0.5 * self._rand(count))
        where = self._affine(
            zoom, torch.zeros_like(zoom), (zoom - 1) * self._spread(count), (zoom - 1) * self._spread(count)
        )
        return _sample(chosen, where, size_px)

    # Motifs.
    def _placed(self, classes: Tensor, low: float, high: float, size_px: int) -> Tensor:
        """Each motif of `classes` somewhere in a scene: [B,4,S,S]."""
        count = len(classes)
        pattern = self.bank.is_pattern[classes].view(-1, 1, 1, 1)
        scale = torch.exp(self._rand(count) * math.log(high / low)) * low
        scale = torch.where(pattern, 1 + self._rand(count) * 0.8, scale)
        reach = torch.where(pattern, scale - 1, (1.08 - scale * 0.8).clamp(min=0.05))
        turn = self._spread(count) * 0.3 * ~pattern
        where = self._affine(scale, turn, self._spread(count) * reach, self._spread(count) * reach)
        motif = _sample(self.bank.draw(classes, self.generator), where, size_px)
        # Patterns have no outline: half of the time they get one.
        blob = self._masks[torch.randint(MASKS, (count,), generator=self.generator, device=self.device)]
        blob = ((F.interpolate(blob, size=size_px, mode="bilinear") + self._rand(count) * 1.4 - 0.2) * 6).sigmoid()
        return motif * torch.where(pattern & (self._rand(count) < 0.55), blob, torch.ones_like(blob))

    def _shadowed(self, pictures: Tensor, alpha: Tensor) -> Tensor:
        """A soft shadow of what is about to be put there, one direction a batch."""
        down, right = torch.randint(-3, 5, (2,), generator=self.generator, device=self.device).tolist()
        shadow = torch.roll(F.avg_pool2d(alpha, 7, 1, 3), (abs(down), right), (2, 3))
        return pictures * (1 - shadow * self._rand(len(pictures)) * 0.6)

    # The camera.
    def _photographed(self, pictures: Tensor) -> Tensor:
        """Saturation, tint, a light from one side, contrast, gamma, blur and grain."""
        count, size_px = len(pictures), pictures.shape[-1]
        grey = pictures.mean(1, keepdim=True)
        pictures = grey + (pictures - grey) * (self._rand(count) * 0.9 + 0.4)
        pictures = pictures * (1 + (self._rand(count, 3) - 0.5) * 0.4)
        line = torch.linspace(-1, 1, size_px, device=self.device)
        slope = line.view(1, 1, -1, 1) * self._spread(count) + line.view(1, 1, 1, -1) * self._spread(count)
        pictures = pictures * (1 + 0.35 * slope * self._rand(count))
        pictures = (pictures - 0.5) * (self._rand(count) * 0.6 + 0.65) + 0.5 + (self._rand(count) - 0.5) * 0.25
        pictures = pictures.clamp(1e-3, 1) ** torch.exp((self._rand(count) - 0.5) * 0.6)
        blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="reflect"), 3, 1)
        share = (self._rand(count) < 0.35).float() * self._rand(count)
        grain = torch.randn(pictures.shape, generator=self.generator, device=self.device)
        return (pictures + (blurred - pictures) * share + grain * self._rand(count) ** 2 * 0.06).clamp(0, 1)

    # Dice.
    def _rand(self, count: int, channels: int = 1) -> Tensor:
        return torch.rand(count, channels, 1, 1, generator=self.generator, device=self.device)

    def _spread(self, count: int) -> Tensor:
        return self._rand(count) * 2 - 1

    def _colour(self, count: int) -> Tensor:
        hue, saturation, value = self._rand(count)[:, 0], self._rand(count)[:, 0], self._rand(count)[:, 0]
        return hsv(hue, saturation**2 * 0.85, value * 0.85 + 0.1)

    def _affine(self, scale: Tensor, turn: Tensor, right: Tensor, down: Tensor) -> Tensor:
        """[B,2,3] that puts a picture at (right, down), -1..1, `scale` times its size, turned."""
        cos, sin = turn.cos() / scale, turn.sin() / scale
        rows = [torch.cat([cos, sin, -right / scale], -1), torch.cat([-sin, cos, -down / scale], -1)]
        return torch.cat(rows, -2)[:, 0]


def _painted(work: tuple[str, int, int, int, str, int]) -> Tensor:
    """(motif, how many, size, seed, device, chunk) -> uint8 [many,4,size,size]."""
    name, each, size_px, seed, device, chunk = work
    generator = torch.Generator(device).manual_seed(seed)
    counts = [min(chunk, each - at) for at in range(0, each, chunk)]
    return torch.cat([(MOTIFS[name].paint(n, size_px, generator) * 255).round().to(torch.uint8) for n in counts])


def _sample(pictures: Tensor, where: Tensor, size_px: int) -> Tensor:
    grid = F.affine_grid(where, [len(pictures), pictures.shape[1], size_px, size_px], align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False, padding_mode="zeros")
