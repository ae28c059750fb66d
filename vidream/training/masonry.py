"""masonry: walls, openings and windows that several buildings share."""

from __future__ import annotations

import torch
from torch import Tensor

from vidream.training.brush import mix, step
from vidream.training.canvas import Canvas

__all__ = ["masonry", "opening", "roof_colour", "window"]


def roof_colour(c: Canvas) -> Tensor:
    """Tiles, slate or copper."""
    return c.pick((0.65, 0.25, 0.15), (0.25, 0.3, 0.4), (0.2, 0.4, 0.35), (0.45, 0.2, 0.12), (0.3, 0.25, 0.35))


def masonry(c: Canvas, mask: Tensor, rows: float = 9.0) -> None:
    """Courses of stone on what is under `mask`."""
    v = c.y * rows
    u = c.x * rows * 0.55 + 0.5 * (v.floor() % 2)
    joint = torch.maximum(step(0.4, 0.5, (u % 1.0 - 0.5).abs()), step(0.36, 0.5, (v % 1.0 - 0.5).abs()))
    number = ((u.floor() * 12.99 + v.floor() * 78.23).sin() * 43758.5) % 1.0
    c.shade(mask, (0.85 + 0.3 * number) * (1 - 0.35 * joint))
    c.grain(mask, 0.08, 1.2)


def opening(
    c: Canvas, x: float | Tensor, foot: float, half: float | Tensor, rise: float | Tensor, pointed: float | Tensor = 0.0
) -> Tensor:
    """The shape of a window or door with a round head, or a pointed one; foot: y of its sill, rise: to the spring."""
    head = c.circle(x, foot - rise, half)
    sharp = torch.maximum(c.circle(x - half, foot - rise, half * 2), c.circle(x + half, foot - rise, half * 2))
    head = head * (1 - pointed) + sharp * pointed
    body = torch.maximum((c.x - x).abs() - half, torch.maximum(c.y - foot, foot - rise - c.y))
    return torch.minimum(body, torch.maximum(head, c.y - foot))


def window(c: Canvas, shape: Tensor, frame: Tensor) -> None:
    """A window set into a wall: frame, dark or lit pane."""
    c.hollow(shape, 0.05, 0.45)
    c.paint(c.cover(shape - 0.03), frame)
    c.tint(c.cover(shape), mix(c.pick((0.05, 0.06, 0.1), (0.1, 0.14, 0.22)), c.pick((1.0, 0.8, 0.35)), c.chance(0.45)))
    c.gloss(c.cover(shape) * step(0.04, 0.0, (c.x * 0.8 + c.y) % 0.5), 0.15)
