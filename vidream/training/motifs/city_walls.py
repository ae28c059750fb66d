"""city, street by street: doors, houses, temples, bridges and walls of windows."""

from __future__ import annotations

import math

import torch

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import WALL, Canvas
from vidream.training.masonry import masonry, opening, roof_colour, window
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


@motif("city")
def door(c: Canvas) -> None:
    """A heavy door under an arch: planks, iron bands, a ring, steps."""
    stone, wood = (
        c.stone(),
        c.pick((0.4, 0.22, 0.1), (0.2, 0.35, 0.3), (0.15, 0.25, 0.45), (0.55, 0.12, 0.1), (0.3, 0.2, 0.14)),
    )
    c.paint(c.cover(c.box(0, 0, 0.82, 0.96)), stone)
    masonry(c, c.everywhere, 7)
    pointed = c.chance(0.4)
    gap = opening(c, 0.0, 0.8, 0.48, 0.9, pointed)
    c.line(gap - 0.08, 0.06, stone * 1.15)
    _radius, angle = c.polar(0, -0.1)
    c.shade(c.cover((gap - 0.08).abs() - 0.06) * (wave(angle * 14 / math.tau) > 0.93).float(), 0.5)
    c.hollow(gap, 0.05, 0.6)
    mask = c.cover(gap)
    c.tint(mask, wood)
    c.fur(mask, c.y * 0.6, c.x, 0.3)
    c.shade(mask * step(0.4, 0.5, (c.x * 6 % 1.0 - 0.5).abs()), 0.4)
    c.shade(mask, 0.65 + 0.4 * step(-0.5, 0.3, c.y))
    for y in (-0.2, 0.45):
        c.tint(mask * c.cover((c.y - y).abs() - 0.04), grey(c.x, 0.1))
        c.gloss(mask * c.cover((c.y - y).abs() - 0.04) * (wave(c.x * 9) > 0.85).float(), 0.5)
    c.tint(c.cover(c.circle(0.28, 0.15, 0.08).abs() - 0.02), c.pick((0.85, 0.7, 0.3), (0.1, 0.1, 0.1)))
    for index in range(2):
        c.paint(c.cover(c.box(0, 0.86 + index * 0.09, 0.6 + 0.12 * index, 0.04)), stone * (1.1 - 0.25 * index))


@motif("city")
def house(c: Canvas) -> None:
    """A gabled house with dark beams, lit windows, a chimney."""
    plaster, beam, roof = (
        c.pick((0.92, 0.86, 0.74), (0.85, 0.6, 0.4), (0.75, 0.8, 0.8), (0.7, 0.35, 0.3)),
        c.pick((0.25, 0.15, 0.1), (0.4, 0.25, 0.15)),
        roof_colour(c),
    )
    c.paint(c.cover(c.box(0.42, -0.7, 0.09, 0.2)), roof * 0.7)
    wall = torch.maximum(c.box(0, 0.25, 0.68, 0.72), -(c.y + 0.75 - c.x.abs() * 1.1))
    mask = c.cover(wall)
    c.paint(mask, plaster)
    c.grain(mask, 0.08, 0.8)
    for shape in (
        c.box(0, 0.32, 0.7, 0.035),
        c.box(0, -0.2, 0.7, 0.03),
        c.segment(-0.62, 0.3, -0.3, -0.18, 0.03),
        c.segment(0.62, 0.3, 0.3, -0.18, 0.03),
        c.segment(0, -0.2, 0, -0.75, 0.03),
    ):
        c.shade(mask * c.cover(shape - 0.02, 4), 0.75)
        c.tint(mask * c.cover(shape), beam)
    for side in (-1, 1):
        c.tint(mask * c.cover((c.x - side * 0.64).abs() - 0.04), beam)
    edge = (c.y + 0.86 - c.x.abs() * 1.1).abs() - 0.13
    cover = c.cover(torch.maximum(edge * 0.65, c.x.abs() - 0.88)) * (c.y < 0.2).float()
    c.shade(c.cover(edge * 0.65 - 0.1, 6), 0.75)
    c.paint(cover, roof)
    c.shade(cover, 0.65 + 0.5 * wave(c.x * 11))
    for x, y in ((-0.34, 0.6), (0.34, 0.6), (0.0, 0.06)):
        window(c, c.box(x, y, 0.15, 0.16), beam)
        c.tint(
            c.cover(torch.minimum((c.x - x).abs(), (c.y - y).abs()) - 0.014) * c.cover(c.box(x, y, 0.15, 0.16)), beam
        )


@motif("city")
def temple(c: Canvas) -> None:
    """Fluted columns under a gable, on steps."""
    stone, count = c.stone() * 1.05, c.whole(4, 6)
    c.paint(c.cover(c.box(0, 0.2, 0.78, 0.55)), stone * 0.18)
    for index in range(3):
        c.paint(c.cover(c.box(0, 0.76 + index * 0.08, 0.82 + 0.06 * index, 0.04)), stone * (1.05 - 0.15 * index))
    u = ((c.x + 0.78) / 1.56 * count % 1.0 - 0.5) * 1.56 / count
    half = 0.45 / count * (1 + 0.12 * c.y)
    mask = c.cover(torch.maximum(u.abs() - half, torch.maximum((c.y - 0.2).abs() - 0.53, c.x.abs() - 0.78)))
    c.tint(mask, stone)
    c.shade(
        mask,
        (0.45 + 0.75 * (1 - (u / half * 0.8 - c.light[0] * 0.6) ** 2).clamp(min=0))
        * (0.8 + 0.3 * wave(u / half * 2.5)),
    )
    for y in (-0.3, 0.7):
        c.tint(
            c.cover(torch.maximum((c.y - y).abs() - 0.04, u.abs() - half * 1.35)) * (c.x.abs() < 0.78).float(),
            stone * 1.1,
        )
    lintel = c.cover(c.box(0, -0.43, 0.88, 0.1))
    c.paint(lintel, stone)
    c.shade(lintel, 0.75 + 0.35 * wave(c.x * 7.5))
    gable = c.polygon((0, -0.97), (0.95, -0.53), (-0.95, -0.53))
    c.paint(c.cover(gable), stone)
    c.shade(c.cover(gable + 0.07), 0.5)
    c.grain(c.everywhere, 0.12, 0.9)


@motif("city")
def lighthouse(c: Canvas) -> None:
    """A tapering tower in bands, a glowing lamp room with a gallery, rocks."""
    band = c.pick((0.8, 0.1, 0.08), (0.1, 0.2, 0.45), (0.12, 0.12, 0.14))
    half = 0.2 + 0.14 * (c.y + 0.5)
    mask = c.cover(torch.maximum(c.x.abs() - half, torch.maximum(c.y - 0.85, -0.5 - c.y)))
    c.paint(mask, grey(c.x, 0.95))
    c.tint(mask * (wave(c.y * c.uniform(1.5, 2.4) + c.uniform()) > 0.5).float(), band)
    c.shade(mask, 0.45 + 0.7 * (1 - (c.x / half * 0.85 - c.light[0] * 0.6) ** 2).clamp(min=0))
    glow = (1 - c.circle(0, -0.66, 0.0) / 0.55).clamp(min=0)
    c.paint(glow**2 * 0.6 * c.chance(0.5), c.pick((1.0, 0.9, 0.5)))
    c.paint(c.cover(c.box(0, -0.66, 0.15, 0.14)), c.pick((1.0, 0.93, 0.6), (0.9, 0.95, 1.0)))
    c.tint(c.cover((c.x % 0.1 - 0.05).abs() - 0.01) * c.cover(c.box(0, -0.66, 0.15, 0.14)), grey(c.x, 0.1))
    c.paint(c.cover(c.box(0, -0.5, 0.28, 0.035)), grey(c.x, 0.12))
    c.paint(c.cover(c.polygon((0, -1.0), (0.2, -0.79), (-0.2, -0.79))), band * 0.8)
    rocks = c.y - 0.78 - 0.1 * c.noise(c.x * 0.5, c.y * 0.0 + 0.3)
    c.paint(c.cover(torch.maximum(-rocks, c.x.abs() - 0.8)), c.pick((0.35, 0.32, 0.3), (0.25, 0.28, 0.26)))
    c.shade(step(0.75, 0.85, c.y), (1 + 0.4 * c.noise(c.x, c.y)).clamp(0.3, 1.8))
    for y in (-0.2, 0.2, 0.55):
        c.tint(c.cover(c.box(0.02, y, 0.035, 0.07, 0, 0.03)), grey(c.x, 0.08))


@motif("city")
def bridge(c: Canvas) -> None:
    """A suspension bridge: two pylons, a hanging cable, the deck."""
    steel = c.pick((0.75, 0.25, 0.12), (0.45, 0.5, 0.55), (0.25, 0.35, 0.3), (0.6, 0.55, 0.5))
    sag = -0.6 + 0.75 * (1 - (c.x / 0.52) ** 2).clamp(min=0) ** 1.0
    outer = -0.6 + (c.x.abs() - 0.52).clamp(min=0) * 1.6
    cable = torch.where(c.x.abs() < 0.52, sag, outer)
    hangers = ((c.x * 14 % 1.0 - 0.5).abs() < 0.14) & (c.y > cable) & (c.y < 0.3) & (c.x.abs() < 0.95)
    c.paint(hangers.float() * 0.85, steel * 0.8)
    c.paint(c.cover((c.y - cable).abs() * 0.6 - 0.02) * (c.x.abs() < 0.96).float(), steel)
    deck = c.cover(c.box(0, 0.3, 0.97, 0.06))
    c.paint(deck, steel * 0.9)
    c.shade(deck, 0.6 + 0.6 * wave(c.x * 12))
    for side in (-1, 1):
        pylon = torch.maximum(
            c.box(side * 0.52, 0.12, 0.1, 0.84),
            -torch.minimum(c.box(side * 0.52, -0.2, 0.045, 0.2), c.box(side * 0.52, 0.62, 0.045, 0.22)),
        )
        mask = c.cover(pylon)
        c.paint(mask, steel)
        c.shade(mask, 0.75 + 3.0 * (c.x - side * 0.52) * c.light[0].sign())
        c.line(pylon, 0.012, steel * 0.5)


@motif("city", WALL)
def facade(c: Canvas) -> None:
    """Rows of tall windows with frames, sills and shutters on a plastered wall."""
    wall, frame = (
        c.pick((0.85, 0.7, 0.5), (0.75, 0.45, 0.35), (0.7, 0.72, 0.72), (0.6, 0.5, 0.42), (0.9, 0.86, 0.78)),
        c.pick((0.95, 0.93, 0.88), (0.35, 0.25, 0.18)),
    )
    c.paint(c.everywhere, wall)
    c.grain(c.everywhere, 0.12, 0.5)
    u, v = (c.x * 1.7 % 1.0 - 0.5), (c.y * 1.25 % 1.0 - 0.5)
    number = (((c.x * 1.7).floor() * 12.99 + (c.y * 1.25).floor() * 78.23 + c.uniform(0, 9)).sin() * 43758.5) % 1.0
    shape = torch.maximum(u.abs() - 0.2, v.abs() - 0.3)
    c.shade(c.cover(shape - 0.08, 8), 0.7)
    c.tint(c.cover(shape - 0.05), frame)
    pane = c.cover(shape)
    c.tint(pane, mix(c.pick((0.08, 0.1, 0.15), (0.2, 0.28, 0.36)), c.pick((1.0, 0.82, 0.4)), step(0.6, 0.7, number)))
    c.shade(pane, 1.2 - 0.5 * step(-0.3, 0.3, v))
    c.tint(pane * c.cover(torch.minimum(u.abs(), (v + 0.08).abs()) - 0.02), frame)
    shutter = c.cover(torch.maximum((u.abs() - 0.34).abs() - 0.08, v.abs() - 0.31)) * c.chance(0.6)
    c.tint(shutter, c.pick((0.2, 0.4, 0.35), (0.3, 0.2, 0.15), (0.25, 0.35, 0.5)))
    c.shade(shutter, 0.6 + 0.5 * wave(v * 16))
    c.tint(c.cover(torch.maximum((v - 0.37).abs() - 0.03, u.abs() - 0.28)), frame * 0.9)
    c.shade(c.cover(torch.maximum((v - 0.43).abs() - 0.03, u.abs() - 0.28), 3), 0.55)
