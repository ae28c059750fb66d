"""features: parts of heads that several motifs share."""

from __future__ import annotations

from torch import Tensor

from vidream.training.brush import step
from vidream.training.canvas import Canvas

__all__ = ["ears_up", "eyes", "snout", "whiskers"]


def snout(c: Canvas, y: float, half: float, nose: Tensor, ink: Tensor) -> None:
    """A small nose, the cleft below it and the two curves of a mouth."""
    c.blob(0, y, half, half * 0.7, nose)
    c.tint(c.cover(c.segment(0, y, 0, y + half * 1.6, 0.016)), ink)
    for side in (-1, 1):
        curve = c.circle(side * half * 0.85, y + half * 1.5, half * 0.85).abs() - 0.016
        c.tint(c.cover(curve) * step(y + half * 1.4, y + half * 1.6, c.y), ink)


def eyes(
    c: Canvas,
    x: float | Tensor,
    y: float,
    radius: float | Tensor,
    iris: Tensor,
    pupil: float = 0.5,
    slit: float | Tensor = 0.0,
) -> None:
    """Two eyes, each in its hollow."""
    for side in (-1, 1):
        c.hollow(c.circle(side * x, y, radius), 0.12, 0.5)
        c.eye(side * x, y, radius, iris, pupil=pupil, slit=slit)


def whiskers(c: Canvas, y: float, colour: Tensor) -> None:
    """Three hairs on each cheek."""
    for side in (-1, 1):
        for lift in (-0.14, 0.0, 0.14):
            c.tint(c.cover(c.segment(side * 0.22, y, side * 0.85, y + lift, 0.012, 0.004)), colour)


def ears_up(c: Canvas, x: float, top: float, half: float, colour: Tensor, inner: Tensor) -> None:
    """Pointed ears."""
    for side in (-1, 1):
        tip, near, far = (side * (x + 0.1), top), (side * (x - half), top + 0.5), (side * (x + half), top + 0.62)
        corners = (tip, far, near) if side > 0 else (tip, near, far)
        mask = c.cover(c.polygon(*corners) - 0.03)
        c.paint(mask, colour)
        c.radial_fur(mask, 0, 0.2, 0.3)
        small = tuple((x_ * 0.97 + side * 0.01, y_ * 0.75 - 0.06) for x_, y_ in corners)
        c.tint(c.cover(c.polygon(*small) + 0.06, 4), inner)
