"""canvas: shapes, light and hair, for a batch of motifs painted at once.

A shape is a signed distance, negative inside, in motif units (the canvas spans -1..1, x to the right and
y down), after the shader painters' way (I. Quilez, "2D distance functions"). A mask is its coverage, 0..1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from vidream.training.brush import CELLS_A_TILE, Dice, cell_tiles, grey, look_up, noise_tiles, step

__all__ = ["ANY_WAY", "PATTERN", "UPRIGHT", "WALL", "Canvas", "Pose"]

Number = float | Tensor


@dataclass(frozen=True)
class Pose:
    """How a motif may stand. turn: radians either way.  scale: its size on the canvas.  perspective: 0..1.

    fills: it covers the canvas to its edges and has no outline of its own; scenes cut it to shapes.
    """

    turn: float = 0.3
    scale: tuple[float, float] = (0.8, 1.0)
    shift: float = 0.08
    perspective: float = 0.18
    mirror: bool = True
    fills: bool = False


UPRIGHT = Pose()
ANY_WAY = Pose(turn=math.pi)
PATTERN = Pose(turn=math.pi, scale=(0.7, 1.5), shift=0.5, perspective=0.3, fills=True)
# A pattern that knows up from down.
WALL = Pose(scale=(0.7, 1.5), shift=0.5, perspective=0.3, fills=True)


class Canvas(Dice):
    """`count` square pictures of `size_px`, empty; x and y are the motif's own axes [B,N,N], -1..1.

    What is painted covers what is there. light: (lx, ly, lz), one for each picture, from above.
    """

    def __init__(self, count: int, size_px: int, generator: torch.Generator, pose: Pose = UPRIGHT) -> None:
        super().__init__(count, generator)
        self.size_px = size_px
        line = (torch.arange(size_px, device=self.device) + 0.5) / size_px * 2 - 1
        down, right = torch.meshgrid(line, line, indexing="ij")
        turn, scale = self.uniform(-pose.turn, pose.turn), self.uniform(*pose.scale)
        stretch = torch.exp(self.uniform(-0.14, 0.14))
        x, y = right - self.uniform(-pose.shift, pose.shift), down - self.uniform(-pose.shift, pose.shift)
        side = self.sign() if pose.mirror else 1.0
        turned_x = (turn.cos() * x + turn.sin() * y) / (scale * stretch) * side
        turned_y = (turn.cos() * y - turn.sin() * x) / (scale / stretch)
        depth = 1 + pose.perspective * (self.uniform(-1, 1) * turned_x + self.uniform(-1, 1) * turned_y)
        self.x, self.y = turned_x / depth, turned_y / depth
        # The width of the smoothed edge of a shape.
        self.pixel = 2.4 / size_px / scale
        around, height = self.uniform(-math.pi, 0.0), self.uniform(0.3, 1.1)
        self.light = (around.cos() * height.cos(), around.sin() * height.cos(), height.sin())
        self.colours = torch.zeros(count, 3, size_px, size_px, device=self.device)
        self.alpha = torch.zeros(count, size_px, size_px, device=self.device)

    @property
    def everywhere(self) -> Tensor:
        """The mask that covers all: [B,N,N] of ones."""
        return torch.ones_like(self.alpha)

    # Shapes: signed distances [B,N,N].
    def ellipse(self, cx: Number, cy: Number, rx: Number, ry: Number, angle: Number = 0.0) -> Tensor:
        u, v = self.within(cx, cy, rx, ry, angle)
        return ((u * u + v * v).sqrt() - 1) * torch.minimum(torch.as_tensor(rx), torch.as_tensor(ry))

    def circle(self, cx: Number, cy: Number, radius: Number) -> Tensor:
        return ((self.x - cx) ** 2 + (self.y - cy) ** 2).sqrt() - radius

    def box(
        self, cx: Number, cy: Number, half_x: Number, half_y: Number, angle: Number = 0.0, round_: Number = 0.0
    ) -> Tensor:
        """A rectangle; round_: radius of its corners."""
        u, v = self.within(cx, cy, 1.0, 1.0, angle)
        dx, dy = u.abs() - half_x + round_, v.abs() - half_y + round_
        return (dx.clamp(min=0) ** 2 + dy.clamp(min=0) ** 2).sqrt() + torch.maximum(dx, dy).clamp(max=0) - round_

    def segment(
        self, ax: Number, ay: Number, bx: Number, by: Number, width: Number, end_width: Number | None = None
    ) -> Tensor:
        """A stroke with round ends from a to b, `width` (half) thick at a and `end_width` at b."""
        dx, dy = torch.as_tensor(bx - ax), torch.as_tensor(by - ay)
        along = (((self.x - ax) * dx + (self.y - ay) * dy) / (dx * dx + dy * dy + 1e-9)).clamp(0, 1)
        thick = width if end_width is None else width + (end_width - width) * along
        return ((self.x - ax - along * dx) ** 2 + (self.y - ay - along * dy) ** 2).sqrt() - thick

    def polygon(self, *corners: tuple[Number, Number]) -> Tensor:
        """A convex polygon, corners clockwise on the screen (y down)."""
        far = None
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            dx, dy = torch.as_tensor(bx - ax), torch.as_tensor(by - ay)
            side = ((self.x - ax) * dy - (self.y - ay) * dx) / (dx * dx + dy * dy + 1e-9).sqrt()
            far = side if far is None else torch.maximum(far, side)
        assert far is not None
        return far

    # Coordinates.
    def within(self, cx: Number, cy: Number, rx: Number, ry: Number, angle: Number = 0.0) -> tuple[Tensor, Tensor]:
        """(u, v) of an ellipse's own axes: 1 at its edge."""
        dx, dy, angle = self.x - cx, self.y - cy, torch.as_tensor(angle, dtype=torch.float32)
        return (angle.cos() * dx + angle.sin() * dy) / rx, (angle.cos() * dy - angle.sin() * dx) / ry

    def polar(self, cx: Number = 0.0, cy: Number = 0.0) -> tuple[Tensor, Tensor]:
        """Radius and angle (-pi..pi) about a centre."""
        dx, dy = self.x - cx, self.y - cy
        return (dx * dx + dy * dy).sqrt() + 1e-6, torch.atan2(dy, dx)

    def noise(self, u: Tensor, v: Tensor, kind: str = "pink") -> Tensor:
        """Noise at (u, v) [B,h,w], one tile a unit, mean 0, deviation 1, another a picture. kind: brush.NOISES."""
        tiles = noise_tiles(kind, self.device)
        chosen = torch.randint(len(tiles), (self.count,), generator=self.generator, device=self.device)
        u, v = torch.broadcast_tensors(u + self.uniform(), v + self.uniform())
        return look_up(tiles[chosen], u, v)

    def cells(self, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Loose pebbles at (u, v), one a unit: the distance to their centre, to the gap, and each one's number 0..1."""
        tiles = cell_tiles(self.device)
        chosen = torch.randint(len(tiles), (self.count,), generator=self.generator, device=self.device)
        u, v = torch.broadcast_tensors(u / CELLS_A_TILE + self.uniform(), v / CELLS_A_TILE + self.uniform())
        core, gap, number = (look_up(tiles[chosen, one : one + 1], u, v) for one in range(3))
        return core, gap, number

    def rows(self, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Overlapping scales at (u, v), one a unit, round tips towards +v, each over the row that follows.

        Returns the place across (-1..1) and along (0 root .. 1 tip), its number 0..1, and the shadow 0..1 on it.
        """
        row = v.floor()
        above = (u + (row - 1) * 0.5) % 1.0 - 0.5
        tip = ((above * 2) ** 2 + (v - row) ** 2).sqrt() - 1
        row = torch.where(tip < 0, row - 1, row)
        column = u + row * 0.5
        hashed = ((column.floor() * 12.99 + row * 78.23).sin() * 4375.85 + self.uniform()) % 1.0
        shadow = torch.exp(-((tip.clamp(min=0) / 0.22) ** 2)) * (tip >= 0)
        return (column % 1.0) * 2 - 1, (v - row) / 2, hashed, shadow

    def rope(self, points: list[tuple[Number, Number]], width: Number, end_width: Number) -> tuple[Tensor, Tensor]:
        """A stroke through `points`, tapering from `width` (half) to `end_width`: its distance, and 0..1 along it."""
        nearest, place = self.everywhere * 9, self.everywhere * 0
        for index, ((ax, ay), (bx, by)) in enumerate(pairwise(points)):
            dx, dy = torch.as_tensor(bx - ax), torch.as_tensor(by - ay)
            part = (((self.x - ax) * dx + (self.y - ay) * dy) / (dx * dx + dy * dy + 1e-9)).clamp(0, 1)
            along = (index + part) / (len(points) - 1)
            far = ((self.x - ax - part * dx) ** 2 + (self.y - ay - part * dy) ** 2).sqrt()
            far = far - width - (end_width - width) * along
            place, nearest = torch.where(far < nearest, along, place), torch.minimum(far, nearest)
        return nearest, place

    # Paint.
    def cover(self, distance: Tensor, soft: float = 1.0) -> Tensor:
        """The mask of a shape; soft: its edge is that many pixels wide."""
        return (0.5 - distance / (self.pixel * soft)).clamp(0, 1)

    def paint(self, mask: Tensor, colour: Tensor) -> None:
        """`colour` [B,3,1,1] or [B,3,N,N] over what is there."""
        self.colours = self.colours * (1 - mask[:, None]) + colour * mask[:, None]
        self.alpha = self.alpha * (1 - mask) + mask

    def tint(self, mask: Tensor, colour: Tensor) -> None:
        """`colour` over what is there, where something is: it adds no shape of its own."""
        self.colours = self.colours * (1 - mask[:, None]) + colour * (mask * self.alpha)[:, None]

    def shade(self, mask: Tensor, factor: Number) -> None:
        """Multiply brightness by `factor` (a number or a field) under `mask`."""
        self.colours = self.colours * (1 + mask * (factor - 1))[:, None]

    def gloss(self, mask: Tensor, amount: Number = 1.0) -> None:
        """Add white light under `mask`."""
        self.colours = self.colours + (mask * amount)[:, None] * (self.alpha[:, None] - self.colours).clamp(min=0)

    def line(self, distance: Tensor, width: Number, colour: Tensor, share: Number = 1.0) -> None:
        """Draw the edge of a shape, `width` (half) thick, on what is there."""
        self.tint(self.cover(distance.abs() - width) * share, colour)

    def blob(
        self, cx: Number, cy: Number, rx: Number, ry: Number, colour: Tensor, angle: Number = 0.0, soft: float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A lit ball. Returns its mask and its own (u, v)."""
        mask = self.cover(self.ellipse(cx, cy, rx, ry, angle), soft)
        u, v = self.within(cx, cy, rx, ry, angle)
        self.paint(mask, colour)
        self.round(mask, u, v)
        return mask, u, v

    # Light.
    def round(self, mask: Tensor, u: Tensor, v: Tensor, shine: Number = 0.35) -> None:
        """Light what is under `mask` as a ball with own coordinates (u, v): shadow side, lit side, a highlight."""
        lx, ly, lz = self.light
        facing = (u * lx + v * ly + (1 - u * u - v * v).clamp(min=0).sqrt() * lz).clamp(min=0)
        self.shade(mask, 0.35 + 0.8 * facing)
        self.gloss(mask * facing**20, shine)

    def relief(self, height: Tensor, depth: float = 0.1, mask: Tensor | None = None) -> None:
        """Light a field of heights [B,N,N] as a surface. depth: in motif units for a height of 1."""
        lx, ly, _ = self.light
        right = torch.zeros_like(height)
        down = torch.zeros_like(height)
        slope = self.size_px / 4 * depth
        right[:, :, 1:-1] = (height[:, :, 2:] - height[:, :, :-2]) * slope
        down[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * slope
        self.shade(self.everywhere if mask is None else mask, (1 + right * -lx + down * -ly).clamp(0.2, 1.8))

    def hollow(self, distance: Tensor, width: float = 0.12, strength: Number = 0.6) -> None:
        """Dark around a shape that lies in what is there (its contact shadow): before the shape itself."""
        self.shade(torch.exp(-((distance.clamp(min=0) / width) ** 2)), 1 - strength)

    # Surfaces.
    def fur(self, mask: Tensor, along: Tensor, across: Tensor, strength: Number = 0.3) -> None:
        """Strands. along, across: fields in motif units that run along the hair and across it."""
        strands = self.noise(across * 1.1, along * 0.16, "fine") + 0.6 * self.noise(across * 2.3, along * 0.3, "fine")
        self.shade(mask, (1 + strength * strands).clamp(0.25, 1.8))

    def radial_fur(self, mask: Tensor, cx: Number = 0.0, cy: Number = 0.0, strength: Number = 0.3) -> None:
        """Strands that stream away from a point, as they do on a face from its nose."""
        radius, angle = self.polar(cx, cy)
        self.fur(mask, radius, angle / math.tau * 3, strength)

    def grain(self, mask: Tensor, strength: Number = 0.12, scale: float = 0.5, kind: str = "pink") -> None:
        """Mottle a surface with noise. scale: tiles a motif unit."""
        self.shade(mask, (1 + strength * self.noise(self.x * scale, self.y * scale, kind)).clamp(0.2, 1.9))

    def eye(
        self, cx: Number, cy: Number, radius: Number, iris: Tensor, *, pupil: Number = 0.5, slit: Number = 0.0,
        white: Tensor | None = None,
    ) -> None:  # fmt: skip
        """An animal's eye. pupil: share of the radius.  slit: 0 round .. 1 a slit.  white: of the ball around it."""
        if white is not None:
            self.blob(cx, cy, radius * 1.3, radius * 1.12, white)
        self.hollow(self.circle(cx, cy, radius * 1.1), 0.06, 0.5)
        self.paint(self.cover(self.circle(cx, cy, radius * 1.12)), grey(self.alpha, 0.05))
        mask = self.cover(self.circle(cx, cy, radius))
        u, v = self.within(cx, cy, radius, radius)
        from_centre, angle = self.polar(cx, cy)
        self.paint(mask, iris)
        rays = self.noise(angle / math.tau * 2, from_centre * 0.4, "fine")
        self.shade(mask, (1.2 - 0.7 * step(0.6, 1.05, (u * u + v * v).sqrt())) * (1 + 0.3 * v) * (1 + 0.2 * rays))
        wide, tall = radius * pupil * (1 - 0.75 * slit), radius * (pupil + (0.9 - pupil) * slit)
        self.paint(self.cover(self.ellipse(cx, cy, wide, tall)), grey(self.alpha, 0.02))
        glint = self.light[0].sign() * radius * 0.3
        self.paint(
            self.cover(self.ellipse(cx + glint, cy - radius * 0.34, radius * 0.24, radius * 0.2)),
            grey(self.alpha, 0.97),
        )

    def picture(self) -> Tensor:
        """What was painted [B,4,N,N], RGB times alpha, and alpha, 0..1."""
        alpha = self.alpha[:, None]
        return torch.cat([self.colours.clamp(0, 1).minimum(alpha), alpha], 1)
