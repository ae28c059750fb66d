"""beasts that climb and graze: heads with horns, trunks and long ears."""

from __future__ import annotations

import itertools
import math

import torch

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import Canvas
from vidream.training.features import eyes, snout, whiskers
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


@motif("beasts")
def monkey(c: Canvas) -> None:
    """A bare heart-shaped face in dark fur, deep eyes, round ears, wide lips."""
    coat, face = c.pelt() * 0.7, c.skin()
    for side in (-1, 1):
        c.blob(side * 0.8, 0.0, 0.18, 0.24, face * 0.85)
        c.shade(c.cover(c.ellipse(side * 0.8, 0.0, 0.1, 0.15), 4), 0.6)
    radius, angle = c.polar(0, -0.05)
    shape = radius - 0.78 - 0.06 * c.noise(angle / math.tau * 2, radius * 0.1, "fine")
    head = c.cover(shape, 2)
    c.paint(head, coat)
    c.round(head, c.x / 0.85, c.y / 0.85, 0.0)
    c.radial_fur(head, 0, 0.1, 0.5)
    bare = torch.minimum(
        torch.minimum(c.circle(-0.24, -0.14, 0.3), c.circle(0.24, -0.14, 0.3)), c.ellipse(0, 0.36, 0.44, 0.38)
    )
    c.hollow(bare, 0.06, 0.4)
    mask = c.cover(bare, 3)
    c.paint(mask, face)
    c.round(mask, c.x / 0.8, (c.y - 0.1) / 0.9, 0.1)
    c.grain(mask, 0.08, 1.0)
    c.shade(c.cover(c.ellipse(0, -0.3, 0.45, 0.06), 8) * mask, 0.6)
    for side in (-1, 1):
        c.tint(c.cover(c.ellipse(side * 0.07, 0.17, 0.04, 0.03, side * 0.5), 2), face * 0.2)
    c.tint(c.cover((c.y - 0.46 - 0.06 * (c.x * 5).cos()).abs() - 0.018) * step(0.34, 0.3, c.x.abs()), face * 0.25)
    c.shade(c.cover((c.y - 0.36).abs() - 0.02, 6) * mask, 0.85)
    eyes(c, 0.22, -0.14, c.uniform(0.09, 0.12), c.colour((0.05, 0.1), (0.6, 0.9), (0.3, 0.7)), 0.5)


@motif("beasts")
def rabbit(c: Canvas) -> None:
    """Two tall ears, pink inside, big dark eyes at the sides, a split lip."""
    coat, pink = c.pelt(), c.pick((0.9, 0.65, 0.62), (0.8, 0.55, 0.5))
    for side in (-1, 1):
        lean = side * c.uniform(0.05, 0.35)
        mask, u, v = c.blob(side * 0.27, -0.52, 0.15, 0.46, coat, lean)
        c.fur(mask, v * 0.5, u * 0.5, 0.3)
        c.tint(c.cover(c.ellipse(side * 0.27, -0.5, 0.075, 0.36, lean), 3), pink)
    head, _, _ = c.blob(0, 0.35, 0.58, 0.58, coat)
    c.radial_fur(head, 0, 0.5, 0.4)
    light = mix(coat, grey(c.x, 1.0), 0.7)
    for side in (-1, 1):
        cheek, _, _ = c.blob(side * 0.15, 0.62, 0.2, 0.17, light)
        c.radial_fur(cheek, 0, 0.45, 0.2)
    c.paint(c.cover(c.box(0, 0.78, 0.06, 0.06)), grey(c.x, 0.95))
    snout(c, 0.48, 0.08, pink, coat * 0.25)
    eyes(c, 0.34, 0.26, c.uniform(0.12, 0.15), c.pick((0.2, 0.1, 0.06), (0.6, 0.15, 0.15), (0.3, 0.25, 0.2)), 0.6)
    whiskers(c, 0.6, grey(c.x, 0.92))


@motif("beasts")
def stag(c: Canvas) -> None:
    """Branching antlers above a narrow brown face with a dark nose."""
    coat, horn = c.colour((0.05, 0.09), (0.4, 0.7), (0.35, 0.7)), c.colour((0.08, 0.12), (0.25, 0.5), (0.5, 0.85))
    for side in (-1, 1):
        points = ((0.14, -0.2), (0.42, -0.42), (0.56, -0.72), (0.5, -0.97))
        for (ax, ay), (bx, by) in itertools.pairwise(points):
            mask = c.cover(c.segment(side * ax, ay, side * bx, by, 0.06, 0.045))
            c.paint(mask, horn)
        for (ax, ay), (bx, by) in (
            ((0.36, -0.38), (0.24, -0.78)),
            ((0.52, -0.62), (0.82, -0.85)),
            ((0.48, -0.5), (0.86, -0.55)),
        ):
            c.paint(c.cover(c.segment(side * ax, ay, side * bx, by, 0.045, 0.015)), horn)
    c.fur(c.everywhere, c.y, c.x, 0.3)
    for side in (-1, 1):
        _ear, _u, _v = c.blob(side * 0.5, 0.0, 0.26, 0.12, coat * 0.9, side * -0.3)
        c.tint(c.cover(c.ellipse(side * 0.5, 0.0, 0.17, 0.06, side * -0.3), 3), mix(coat, grey(c.x, 1.0), 0.6))
    shape = torch.maximum(c.x.abs() - 0.34 + 0.16 * step(0.1, 0.7, c.y), (c.y - 0.36).abs() - 0.56) * 0.9
    head = c.cover(shape - 0.05, 2)
    c.paint(head, coat)
    c.round(head, c.x / 0.5, (c.y - 0.3) / 1.0, 0.0)
    c.fur(head, c.y, c.x, 0.4)
    c.tint(head * c.cover(c.ellipse(0, 0.8, 0.3, 0.2), 8), mix(coat, grey(c.x, 1.0), 0.6))
    c.blob(0, 0.76, 0.15, 0.1, grey(c.x, 0.06))
    c.tint(c.cover((c.y - 0.92).abs() - 0.015) * head, coat * 0.2)
    eyes(c, 0.27, 0.14, 0.1, c.pick((0.2, 0.1, 0.05)), 0.6)


@motif("beasts")
def elephant(c: Canvas) -> None:
    """Ears like sails, a wrinkled trunk down the middle, tusks."""
    hide = c.colour((0.0, 0.65), (0.02, 0.15), (0.35, 0.65))
    for side in (-1, 1):
        mask, u, _v = c.blob(side * 0.62, -0.12, 0.42, 0.62, hide * 0.85, side * 0.15)
        c.shade(mask, 0.75 + 0.3 * wave(u * 1.2 + 0.2) + 0.08 * c.noise(c.x, c.y))
        c.line(c.ellipse(side * 0.62, -0.12, 0.4, 0.6, side * 0.15), 0.02, hide * 1.2)
    head, _, _ = c.blob(0, -0.2, 0.5, 0.6, hide)
    for side in (-1, 1):
        tusk = torch.minimum(
            c.segment(side * 0.27, 0.25, side * 0.36, 0.62, 0.07, 0.05),
            c.segment(side * 0.36, 0.62, side * 0.28, 0.85, 0.05, 0.015),
        )
        mask = c.cover(tusk)
        c.paint(mask, c.pick((0.95, 0.9, 0.78)))
        c.shade(mask, 0.85 + 0.5 * (c.x - side * 0.32))
    sway = 0.12 * c.uniform(-1, 1) * step(0.1, 0.9, c.y)
    trunk = torch.maximum((c.x - sway).abs() - (0.27 - 0.13 * step(-0.3, 0.8, c.y)), (c.y - 0.3).abs() - 0.66) * 0.9
    c.hollow(trunk, 0.08, 0.4)
    mask = c.cover(trunk)
    c.paint(mask, hide)
    c.round(mask, (c.x - sway) / 0.27, grey(c.x, 0.0)[:, 0] * 0 + 0.1, 0.0)
    c.shade(mask * step(-0.2, 0.1, c.y), 0.72 + 0.35 * wave(c.y * 9 + 0.4 * c.x.abs()))
    c.grain(head + mask, 0.12, 1.0)
    eyes(c, 0.33, -0.2, 0.075, c.pick((0.35, 0.2, 0.08)), 0.5)
    for side in (-1, 1):
        c.line(c.circle(side * 0.33, -0.2, 0.13), 0.012, hide * 0.5, 0.7)


@motif("beasts")
def ram(c: Canvas) -> None:
    """Ribbed horns that coil beside a woolly brow and a bare long face."""
    wool, face, horn = (
        c.pick((0.9, 0.86, 0.76), (0.6, 0.5, 0.42), (0.3, 0.26, 0.24)),
        c.pelt(),
        c.colour((0.08, 0.12), (0.25, 0.5), (0.5, 0.8)),
    )
    muzzle = torch.maximum(c.x.abs() - 0.36 + 0.18 * step(0.0, 0.8, c.y), (c.y - 0.25).abs() - 0.62) * 0.9
    head = c.cover(muzzle - 0.06, 2)
    c.paint(head, face)
    c.round(head, c.x / 0.55, (c.y - 0.2) / 1.0, 0.0)
    c.fur(head, c.y, c.x, 0.25)
    for index in range(9):
        x, y = (index % 5 - 2) * 0.17 + c.uniform(-0.04, 0.04), -0.5 - 0.17 * (index // 5) + c.uniform(-0.05, 0.05)
        curl, u, v = c.blob(x, y, 0.15, 0.14, wool)
        c.shade(curl, 0.7 + 0.4 * wave((torch.atan2(v, u) + 7 * (u * u + v * v).sqrt()) / math.tau))
    for side in (-1, 1):
        radius, angle = c.polar(side * 0.58, -0.12)
        turn = (angle * side if side > 0 else math.pi - angle) % math.tau
        coil = 0.38 - 0.045 * turn
        shape = torch.minimum((radius - coil).abs() - 0.12 + 0.012 * turn, radius - 0.06)
        c.hollow(shape, 0.06, 0.4)
        mask = c.cover(shape)
        c.paint(mask, horn)
        c.shade(mask, (0.55 + 0.5 * wave(turn * 2.4)) * (1.15 - 2.2 * (radius - coil).abs()))
    c.tint(c.cover(c.segment(-0.08, 0.78, 0, 0.86, 0.025)), face * 0.2)
    c.tint(c.cover(c.segment(0.08, 0.78, 0, 0.86, 0.025)), face * 0.2)
    eyes(c, 0.27, 0.05, 0.09, c.pick((0.85, 0.65, 0.2), (0.75, 0.7, 0.4)), 0.5)
