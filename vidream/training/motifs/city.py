"""city: towers, domes, arcades and high windows."""

from __future__ import annotations

import math

import torch

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import Canvas
from vidream.training.masonry import masonry, opening, roof_colour, window
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


@motif("city")
def tower(c: Canvas) -> None:
    """A round castle tower, battlements or a pointed roof, slits in the wall."""
    stone, pointed, half = c.stone(), c.chance(0.6), c.uniform(0.34, 0.46)
    wall = torch.maximum(c.x.abs() - half, torch.maximum(c.y - 0.97, -0.32 - c.y))
    top = torch.maximum(
        c.x.abs() - half - 0.1, torch.maximum(c.y + 0.22, -0.5 - c.y - 0.12 * (wave(c.x * 4.2) > 0.5).float())
    )
    mask = c.cover(torch.minimum(wall, top))
    c.paint(mask, stone)
    masonry(c, mask)
    c.shade(mask, 0.4 + 0.75 * (1 - ((c.x / half / 1.3) - c.light[0] * 0.6) ** 2).clamp(min=0))
    c.shade(mask * step(-0.2, -0.1, c.y) * step(0.0, -0.1, c.y), 0.55)
    roof = c.polygon((0, -1.0), (half + 0.16, -0.42), (-half - 0.16, -0.42))
    mask = c.cover(roof) * pointed
    c.paint(mask, roof_colour(c))
    c.shade(mask, (0.7 + 0.4 * wave(c.y * 12)) * (1 + 0.6 * c.x * c.light[0].sign()))
    for x, foot in ((0.0, 0.3), (-0.17, 0.75), (0.17, 0.75)):
        window(c, opening(c, x, foot, 0.07, 0.2, c.chance(0.5)), stone * 0.7)


@motif("city")
def pagoda(c: Canvas) -> None:
    """Roofs with lifted corners, one above the other, red walls between."""
    roof, wall = (
        c.pick((0.2, 0.3, 0.28), (0.3, 0.28, 0.3), (0.15, 0.35, 0.3), (0.5, 0.3, 0.12)),
        c.pick((0.7, 0.12, 0.08), (0.55, 0.25, 0.12), (0.85, 0.8, 0.7)),
    )
    c.paint(c.cover(c.segment(0, -0.99, 0, -0.7, 0.015, 0.035)), c.pick((0.9, 0.75, 0.3)))
    for index in range(4, -1, -1):
        y, half = -0.68 + index * 0.36, 0.3 + index * 0.12
        storey = c.cover(c.box(0, y + 0.2, half * 0.62, 0.14))
        c.paint(storey, wall)
        c.shade(storey, 0.55 + 0.5 * wave(c.x * 7) + 0.2 * step(y + 0.1, y + 0.3, c.y))
        c.tint(storey * (wave(c.x * 7 + 0.5) > 0.75).float() * step(y + 0.14, y + 0.17, c.y), grey(c.x, 0.08))
        lift = 0.16 * (c.x / half).abs() ** 3
        shape = torch.maximum(c.x.abs() - half, (c.y - y - 0.08 + lift).abs() - 0.085 * (1.25 - (c.x / half).abs()))
        c.hollow(torch.maximum(shape, c.y - y - 0.4), 0.1, 0.4)
        mask = c.cover(shape)
        c.paint(mask, roof)
        c.shade(mask, (0.6 + 0.5 * wave(c.x * 18)) * (1.2 - 0.5 * step(y - 0.05, y + 0.12, c.y)))
        c.line(c.y - y - 0.14 + lift, 0.015, c.pick((0.9, 0.7, 0.3), (0.8, 0.2, 0.1)), (c.x.abs() < half).float())


@motif("city")
def dome(c: Canvas) -> None:
    """A ribbed dome with a lantern between two minarets, an arched front below."""
    white, gold = (
        c.pick((0.93, 0.9, 0.84), (0.85, 0.75, 0.6), (0.7, 0.55, 0.42)),
        c.pick((0.9, 0.7, 0.25), (0.25, 0.55, 0.55), (0.25, 0.4, 0.65), (0.9, 0.88, 0.85)),
    )
    for side in (-1, 1):
        mask = c.cover(torch.minimum(c.box(side * 0.84, 0.25, 0.08, 0.72), c.box(side * 0.84, -0.3, 0.12, 0.04)))
        c.paint(mask, white * 0.9)
        c.shade(mask, 0.8 + 2.0 * (c.x - side * 0.84) * c.light[0].sign())
        c.blob(side * 0.84, -0.52, 0.1, 0.14, gold)
    body = c.cover(c.box(0, 0.62, 0.68, 0.36))
    c.paint(body, white)
    masonry(c, body, 12)
    drum = c.cover(c.box(0, 0.16, 0.5, 0.14))
    c.paint(drum, white * 0.85)
    c.tint(drum * (wave(c.x * 6) > 0.7).float() * step(0.08, 0.11, c.y), grey(c.x, 0.12))
    u, v = c.x / 0.56, (c.y + 0.1) / 0.55
    bulb = torch.maximum((u * u + (v * (1 + 0.25 * (v < 0).float() * u.abs())) ** 2).sqrt() - 1, c.y - 0.06)
    mask = c.cover(bulb * 0.5)
    c.paint(mask, gold)
    c.round(mask, u, v)
    c.shade(mask, 0.72 + 0.4 * wave((u / (1 - v * v).clamp(min=0.05).sqrt()).clamp(-1, 1).asin() * 3.2))
    c.paint(c.cover(c.segment(0, -0.6, 0, -0.95, 0.05, 0.01)), gold * 1.1)
    for x, half, rise in ((0.0, 0.17, 0.32), (-0.44, 0.1, 0.26), (0.44, 0.1, 0.26)):
        window(c, opening(c, x, 0.98, half, rise, 0.7), white * 0.7)


@motif("city")
def arches(c: Canvas) -> None:
    """An arcade of two storeys: pillars, round arches, deep shadow behind."""
    stone, count = c.stone(), c.whole(2, 4)
    wall = c.cover(c.box(0, 0, 0.95, 0.93))
    c.paint(wall, stone)
    masonry(c, wall, 10)
    u = ((c.x + 0.95) / 1.9 * count % 1.0 - 0.5) * 1.9 / count
    half = 0.62 / count
    sky = c.pick((0.05, 0.05, 0.09), (0.12, 0.09, 0.08), (0.35, 0.5, 0.7))
    for foot, rise in ((0.93, 0.42), (-0.12, 0.32)):
        spring = foot - rise
        gap = torch.minimum(
            torch.maximum(u.abs() - half, (c.y - (foot + spring) / 2).abs() - rise / 2),
            torch.maximum((u * u + (c.y - spring) ** 2).sqrt() - half, c.y - foot),
        )
        c.line(gap - 0.06, 0.018, stone * 0.6)
        c.relief(step(0.07, 0.0, gap), 0.03)
        mask = c.cover(gap)
        c.tint(mask, sky)
        c.shade(mask, 1.4 - 0.9 * step(spring - half, foot, c.y) + 0.8 * step(0.0, half, u * -c.light[0].sign()))
        for offset in (0.0, 0.05):
            c.tint(
                c.cover((c.y - spring - offset).abs() - 0.02) * step(half - 0.02, half, u.abs()) * wall,
                stone * (1.15 if not offset else 0.6),
            )
    for y in (-0.9, 0.0):
        c.tint(c.cover((c.y - y).abs() - 0.045) * wall, stone * 1.1)
        c.shade(c.cover((c.y - y - 0.08).abs() - 0.03, 4) * wall, 0.5)


@motif("city")
def skyscraper(c: Canvas) -> None:
    """A stepped high-rise, hundreds of lit windows."""
    facade = c.pick((0.3, 0.35, 0.42), (0.5, 0.42, 0.36), (0.2, 0.22, 0.28), (0.6, 0.62, 0.65))
    shape = torch.minimum(c.box(0, 0.5, 0.62, 0.5), torch.minimum(c.box(0, 0.1, 0.45, 0.75), c.box(0, -0.3, 0.28, 0.6)))
    shape = torch.minimum(shape, c.segment(0, -0.85, 0, -1.0, 0.03, 0.01))
    mask = c.cover(shape)
    c.paint(mask, facade)
    c.shade(mask, 0.9 + 0.7 * c.x * c.light[0].sign() - 0.25 * step(-0.5, 1.0, c.y))
    u, v = c.x * c.uniform(8, 11), c.y * c.uniform(9, 13)
    pane = ((u % 1.0 - 0.5).abs() < 0.3) & ((v % 1.0 - 0.5).abs() < 0.28)
    number = ((u.floor() * 12.99 + v.floor() * 78.23 + c.uniform(0, 9)).sin() * 43758.5) % 1.0
    lit = step(0.45, 0.6, number + c.uniform(-0.3, 0.3))
    inside = step(-0.03, -0.06, shape)
    c.tint(
        pane.float() * inside,
        mix(c.pick((0.08, 0.1, 0.16), (0.45, 0.6, 0.75)), c.pick((1.0, 0.85, 0.45), (1.0, 0.95, 0.8)), lit),
    )
    c.line(shape, 0.012, facade * 1.4)


@motif("city")
def gothic_window(c: Canvas) -> None:
    """A pointed window: two lancets under a rose, coloured panes, stone around."""
    stone = c.stone() * 0.85
    c.paint(c.cover(c.box(0, 0, 0.78, 0.97)), stone)
    masonry(c, c.everywhere, 8)
    gap = opening(c, 0.0, 0.9, 0.56, 0.85, 1.0)
    for depth in (0.12, 0.06, 0.0):
        c.shade(c.cover(gap - depth), 0.75)
        c.line(gap - depth, 0.015, stone * 1.2)
    c.tint(c.cover(gap), stone * 0.8)
    glow = c.pick((0.2, 0.35, 0.8), (0.8, 0.3, 0.12), (0.15, 0.5, 0.4), (0.85, 0.65, 0.2))
    cell = (((c.x * 8).floor() * 12.99 + (c.y * 7).floor() * 78.23).sin() * 43758.5) % 1.0
    pane = mix(glow, c.pick((0.75, 0.1, 0.15), (0.9, 0.75, 0.3), (0.2, 0.2, 0.6)), step(0.35, 0.65, cell))
    lead = torch.maximum(step(0.4, 0.5, (c.x * 8 % 1.0 - 0.5).abs()), step(0.4, 0.5, (c.y * 7 % 1.0 - 0.5).abs()))
    radius, angle = c.polar(0, -0.27)
    rose = torch.maximum(radius - 0.2 + 0.05 * wave(angle * 6 / math.tau), 0.04 - radius)
    for shape in (opening(c, -0.27, 0.84, 0.22, 0.7, 1.0), opening(c, 0.27, 0.84, 0.22, 0.7, 1.0), rose):
        inside = torch.maximum(shape, gap + 0.05)
        c.tint(c.cover(inside), pane)
        c.shade(c.cover(inside), (1.15 - 0.75 * lead) * (0.8 + 0.4 * step(0.8, -0.5, c.y)))
