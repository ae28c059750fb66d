"""ornament: mandalas, windows of coloured glass, carpets, knots and stars, and cut stones."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vidream.training.brush import grey, hsv, mix, step, wave
from vidream.training.canvas import ANY_WAY, PATTERN, Canvas
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


def _cells(c: Canvas, count: float, jitter: float = 0.8) -> tuple[Tensor, Tensor, Tensor]:
    """Voronoi cells `count` a unit: (distance to the wall, a number of the cell 0..1, distance to its heart)."""
    x, y = c.x * count, c.y * count
    near = torch.full_like(x, 9.0)
    second, number = near, torch.zeros_like(x)
    salt = c.uniform(0, 50)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            column, row = x.floor() + dx, y.floor() + dy
            hashed = ((column * 12.99 + row * 78.23 + salt).sin() * 43758.5) % 1.0
            other = ((column * 39.35 + row * 11.14 + salt).sin() * 24634.6) % 1.0
            px, py = column + 0.5 + (hashed - 0.5) * jitter, row + 0.5 + (other - 0.5) * jitter
            far = ((x - px) ** 2 + (y - py) ** 2).sqrt()
            second = torch.minimum(second, torch.maximum(near, far))
            number = torch.where(far < near, (hashed * 7.7 + other * 3.1) % 1.0, number)
            near = torch.minimum(near, far)
    return (second - near) / count, number, near / count


def _glass(c: Canvas, number: Tensor) -> Tensor:
    """Church glass: ruby, cobalt, gold, emerald, a number 0..1 a pane."""
    hue = 0.0 + 0.62 * ((number * 4).floor() / 3) * 1.0 + c.uniform(0, 0.06)
    return hsv(hue % 1.0, 0.75 + 0.2 * wave(number * 13), 0.45 + 0.5 * wave(number * 29))


@motif("ornament", ANY_WAY)
def mandala(c: Canvas) -> None:
    """Rings of petals around a flower, each ring another colour."""
    radius, angle = c.polar()
    c.paint(c.cover(radius - 0.95), c.colour(value=(0.2, 0.6)))
    for outer in (0.93, 0.74, 0.55, 0.36, 0.18):
        count = c.whole(6, 14)
        petals = outer - 0.13 * (angle * count / 2 + c.uniform(0, 6)).sin().abs()
        mask = c.cover(radius - petals)
        c.hollow(radius - petals, 0.04, 0.5)
        c.paint(mask, mix(c.colour((0.9, 1.2)), c.colour((0.4, 0.7)), c.chance(0.4)))
        c.shade(mask, 0.65 + 0.5 * step(outer - 0.22, outer, radius))
        c.line(radius - petals + 0.02, 0.008, c.pick((0.95, 0.85, 0.5), (0.98, 0.96, 0.9)))
        dots = wave(angle * count / math.tau)
        c.tint(
            c.cover((radius - outer + 0.09).abs() + 0.05 - 0.05 * dots - 0.022),
            c.pick((1.0, 0.9, 0.6), (0.9, 0.3, 0.3)),
        )


@motif("ornament", ANY_WAY)
def rose_window(c: Canvas) -> None:
    """A round church window: stone tracery, petals of lit glass."""
    radius, angle = c.polar()
    stone = c.stone() * 0.7
    c.paint(c.cover(radius - 0.96), stone)
    c.grain(c.everywhere, 0.12, 1.0)
    count = c.whole(8, 14)
    sector = (angle / math.tau * count + 0.5).floor()
    within = ((angle / math.tau * count + 0.5) % 1.0 - 0.5) * math.tau / count * radius
    for low, high, round_ in ((0.26, 0.58, 0.06), (0.63, 0.88, 0.1)):
        middle = (low + high) / 2
        wide = middle * math.pi / count - 0.035
        pane = (
            torch.maximum((radius - middle).abs() - (high - low) / 2, within.abs() - wide * (0.4 + 0.6 * radius / high))
            + round_ * 0.1
        )
        c.hollow(pane, 0.04, 0.6)
        mask = c.cover(pane)
        c.paint(mask, _glass(c, (sector * 0.37 + low) % 1.0))
        c.shade(mask, 0.7 + 0.6 * wave(radius * 6) + 0.12 * c.noise(c.x, c.y, "pink"))
    heart = c.cover(radius - 0.2)
    c.paint(heart, _glass(c, (angle * 2).sin().abs()))
    c.line(radius - 0.2, 0.025, stone * 0.6)
    c.line(radius - 0.93, 0.03, stone * 1.2)


@motif("ornament", PATTERN)
def stained_glass(c: Canvas) -> None:
    """Leaded panes, glowing."""
    wall, number, heart = _cells(c, 2.4)
    c.paint(c.everywhere, _glass(c, number))
    c.shade(c.everywhere, 0.75 + 0.5 * step(0.35, 0.0, heart) + 0.15 * c.noise(c.x * 0.7, c.y * 0.7))
    c.tint(c.cover(wall - 0.03), grey(c.x, 0.06))
    c.gloss(c.cover((wall - 0.045).abs() - 0.006), 0.25)


@motif("ornament", PATTERN)
def mosaic(c: Canvas) -> None:
    """Small square stones laid along waves, gold among blue and white."""
    flow = 0.3 * c.noise(c.x * 0.12, c.y * 0.12, "soft")
    u, v = (c.x + flow) * 7, (c.y + flow * 0.7) * 7
    tile_u, tile_v = u.floor(), v.floor()
    number = ((tile_u * 12.99 + tile_v * 78.23).sin() * 43758.5) % 1.0
    band = wave(tile_v * 0.14 + 0.06 * tile_u)
    low, high = (
        c.pick((0.1, 0.25, 0.5), (0.45, 0.12, 0.1), (0.1, 0.35, 0.3)),
        c.pick((0.85, 0.68, 0.25), (0.92, 0.9, 0.82)),
    )
    c.paint(c.everywhere, mix(low, high, step(0.4, 0.6, band)))
    c.shade(c.everywhere, 0.65 + 0.7 * number)
    edge = torch.maximum((u - tile_u - 0.5).abs(), (v - tile_v - 0.5).abs())
    c.shade(c.everywhere, 1.15 - 0.8 * step(0.34, 0.47, edge))
    c.gloss(step(0.93, 1.0, number) * step(0.4, 0.2, edge), 0.7)


@motif("ornament")
def carpet(c: Canvas) -> None:
    """A woven rug: borders within borders around a diamond medallion."""
    ground = c.pick((0.5, 0.08, 0.08), (0.12, 0.15, 0.35), (0.45, 0.2, 0.08), (0.1, 0.28, 0.2))
    cream = c.pick((0.92, 0.85, 0.68), (0.85, 0.7, 0.45))
    x, y = (c.x * 40).round() / 40, (c.y * 40).round() / 40
    c.paint(c.cover(c.box(0, 0, 0.95, 0.8)), ground)
    frame = torch.maximum(x.abs() - 0.95, y.abs() - 0.8)
    for depth, width, colour in ((-0.08, 0.02, cream), (-0.24, 0.02, cream), (-0.16, 0.045, ground * 0.5)):
        c.tint(((frame - depth).abs() < width).float(), colour)
    along = torch.where(x.abs() - 0.95 > y.abs() - 0.8, y, x)
    c.tint(((frame + 0.16).abs() < 0.05 * wave(along * c.whole(4, 7))).float(), cream)
    diamond = x.abs() * 1.1 + y.abs() * 1.5
    for reach, colour in ((0.62, cream), (0.56, ground * 1.4), (0.42, ground * 0.4), (0.34, cream), (0.2, ground)):
        steps = (diamond * 12).round() / 12
        c.tint((steps < reach + 0.05 * wave(x * 9)).float(), colour)
    knots = wave(c.x * 40) * wave(c.y * 40)
    c.shade(c.everywhere, 0.75 + 0.4 * knots + 0.06 * c.noise(c.x, c.y, "fine"))


@motif("ornament", ANY_WAY)
def paisley(c: Canvas) -> None:
    """A bent drop within drops, edged with beads."""
    hook = step(0.15, -0.95, c.y)
    x, y = c.x - 0.5 * hook**2, c.y - 0.2
    wide = 0.68 * (1 - 0.93 * hook)
    drop = torch.maximum((x * x + y.clamp(min=0) ** 2).sqrt() - wide, -0.98 - y)
    colours = [
        c.colour((0.95, 1.12)),
        c.colour((0.45, 0.65)),
        c.colour((0.08, 0.15)),
        c.colour((0.9, 1.0), value=(0.2, 0.5)),
    ]
    for index, depth in enumerate((0.0, 0.1, 0.2, 0.32, 0.42)):
        mask = c.cover(drop + depth)
        c.paint(mask, colours[index % 4])
        c.line(drop + depth, 0.012, c.pick((0.98, 0.94, 0.8), (0.15, 0.08, 0.05)))
    angle = torch.atan2(y, x)
    c.tint(
        c.cover((drop + 0.05).abs() + 0.03 - 0.05 * wave(angle * 22 / math.tau)),
        c.pick((1.0, 0.95, 0.8), (0.1, 0.2, 0.3)),
    )
    c.shade(c.everywhere, 0.8 + 0.3 * step(0.0, -0.4, drop) + 0.1 * c.noise(c.x, c.y, "fine"))


@motif("ornament", ANY_WAY)
def filigree(c: Canvas) -> None:
    """Gold wire in scrolls on dark velvet."""
    c.paint(c.cover(c.circle(0, 0, 0.95)), c.pick((0.12, 0.02, 0.1), (0.02, 0.06, 0.14), (0.03, 0.1, 0.06)))
    gold = c.colour((0.1, 0.13), (0.55, 0.8), (0.8, 1.0))
    count = c.whole(5, 8)
    radius, angle = c.polar()
    turn = (angle / math.tau * count + 0.5) % 1.0 - 0.5
    for sign in (-1, 1):
        heart = turn.abs() if sign > 0 else 0.5 - turn.abs()
        for at, size, twist in ((0.42, 0.26, 22.0), (0.75, 0.16, 30.0)):
            dx, dy = radius - at, heart * math.tau / count * radius - 0.14
            reach = (dx * dx + dy * dy).sqrt() + 1e-6
            scroll = wave((torch.atan2(dy, dx) * sign + reach * twist) / math.tau)
            wire = c.cover((scroll - 0.9).abs() * 0.12 - 0.012, 1.5) * step(size, size - 0.04, reach)
            c.shade(step(size + 0.03, size - 0.03, reach), 0.8)
            c.tint(wire, gold)
            c.gloss(wire * step(0.9, 1.0, scroll), 0.6)
    c.line(radius - 0.9, 0.03, gold)
    c.line(radius - 0.14, 0.03, gold * 0.8)
    c.gloss(c.cover(c.circle(0, 0, 0.06)), 0.8)


@motif("ornament", ANY_WAY)
def celtic_knot(c: Canvas) -> None:
    """Bands that pass over and under each other."""
    band, edge = c.metal() * 1.1, grey(c.x, 0.06)
    c.paint(c.cover(c.circle(0, 0, 0.95)), c.pick((0.1, 0.22, 0.16), (0.2, 0.1, 0.06), (0.1, 0.12, 0.2)))
    loops = 6
    for over in (0, 1):
        for index in range(loops):
            turn = torch.as_tensor(index * math.tau / loops)
            distance = (c.circle(turn.cos() * 0.42, turn.sin() * 0.42, 0.44)).abs()
            _radius, angle = c.polar(float(turn.cos()) * 0.42, float(turn.sin()) * 0.42)
            part = wave((angle - turn) * 3 / math.tau) > 0.5
            shown = (part if over else torch.ones_like(part)).float()
            c.tint(c.cover(distance - 0.095) * shown, edge)
            mask = c.cover(distance - 0.07) * shown
            c.tint(mask, band)
            c.shade(mask, 0.6 + 0.6 * step(0.07, 0.0, distance))
    c.line(c.circle(0, 0, 0.9), 0.045, band * 0.8)


@motif("ornament", PATTERN)
def girih(c: Canvas) -> None:
    """Eight-pointed stars of glazed tile between crosses."""
    u, v = (c.x * 1.6) % 1.0 - 0.5, (c.y * 1.6) % 1.0 - 0.5
    star = torch.minimum(torch.maximum(u.abs(), v.abs()), (u.abs() + v.abs()) * 0.7071) - 0.31
    blue, white = (
        c.pick((0.05, 0.3, 0.55), (0.02, 0.42, 0.42), (0.1, 0.15, 0.45)),
        c.pick((0.95, 0.93, 0.85), (0.9, 0.75, 0.4)),
    )
    c.paint(c.everywhere, mix(c.pick((0.15, 0.5, 0.5), (0.6, 0.25, 0.12)), blue, c.uniform(0, 0.3)))
    mask = c.cover(star)
    c.tint(mask, blue)
    radius, angle = (u * u + v * v).sqrt(), torch.atan2(v, u)
    c.tint(c.cover(radius - 0.13 - 0.07 * wave(angle * 8 / math.tau)), white)
    c.tint(c.cover(radius - 0.07), c.pick((0.7, 0.15, 0.1), (0.9, 0.6, 0.15)))
    c.tint(c.cover(star.abs() - 0.022), white)
    c.relief(step(0.03, -0.03, star), 0.04)
    c.grain(c.everywhere, 0.08, 1.0)


@motif("ornament", ANY_WAY)
def gem(c: Canvas) -> None:
    """A cut stone: a table, facets around it, sparks."""
    hue = c.pick(
        (0.75, 0.05, 0.12), (0.05, 0.25, 0.8), (0.02, 0.6, 0.3), (0.55, 0.2, 0.75), (0.75, 0.88, 0.98), (0.95, 0.6, 0.1)
    )
    radius, angle = c.polar()
    sides = 8.0
    facet = (angle / math.tau * sides).floor()
    flat = radius * ((angle / math.tau * sides % 1.0 - 0.5) * math.tau / sides).cos()
    outline = flat - 0.85
    c.paint(c.cover(outline), hue)
    half = ((angle / math.tau * sides + 0.5) % 1.0 - 0.5).abs()
    for low, high, salt in ((0.42, 0.66, 1.7), (0.66, 0.9, 5.3)):
        ring = step(low - 0.01, low + 0.01, flat) * step(high + 0.01, high - 0.01, flat)
        number = ((facet * 12.9 + (half > 0.25).float() * 4.7 * salt + salt).sin() * 437.5 + c.uniform()) % 1.0
        c.shade(ring, 0.35 + 1.3 * number)
        c.gloss(ring * step(0.8, 1.0, number), 0.6)
    table = step(0.43, 0.41, flat)
    c.shade(table, 0.7 + 0.7 * step(0.4, -0.4, c.x * c.light[0] + c.y))
    c.gloss(table * step(0.1, 0.05, (c.x + c.y * 0.6 + 0.1).abs()), 0.55)
    for edge in (flat - 0.42, flat - 0.66):
        c.gloss(c.cover(edge.abs() - 0.008), 0.6)
    c.gloss(c.cover(half * radius * 0.78 - 0.008) * step(0.42, 0.44, flat), 0.35)
