"""flora: flowers, leaves, fruit and mushrooms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import ANY_WAY, Canvas
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


def _petals(
    c: Canvas, count: float | Tensor, reach: float | Tensor, turn: float | Tensor, width: float = 0.9
) -> tuple[Tensor, Tensor, Tensor]:
    """A ring of petals: (their shape, how far across one -1..1, radius)."""
    radius, angle = c.polar()
    across = ((angle + turn) / math.tau * count % 1.0 - 0.5) * 2
    return (
        radius - reach * (1 - across.abs() ** 2.2).clamp(min=0) ** 0.5 * 1.0 - (1 - width) * reach * 0.2,
        across,
        radius,
    )


@motif("flora", ANY_WAY)
def daisy(c: Canvas) -> None:
    """Many narrow petals around a yellow button."""
    count, colour = c.whole(11, 19), c.pick((0.97, 0.97, 0.95), (0.95, 0.8, 0.2), (0.85, 0.45, 0.65), (0.6, 0.5, 0.85))
    for ring, turn in ((0.96, 0.0), (0.88, 0.17)):
        shape, across, radius = _petals(c, count, ring, turn)
        c.hollow(shape, 0.03, 0.35)
        mask = c.cover(shape)
        c.paint(mask, colour)
        c.shade(mask, (0.55 + 0.5 * step(0.1, 0.7, radius)) * (1.08 - 0.35 * across.abs()) + 0.06 * (across * 9).sin())
    heart, u, v = c.blob(0, 0, 0.3, 0.3, c.pick((0.95, 0.72, 0.1), (0.8, 0.5, 0.08)))
    c.grain(heart, 0.35, 2.0, "fine")
    c.shade(heart, 1.1 - 0.4 * step(0.2, 1.0, (u * u + v * v).sqrt()))


@motif("flora", ANY_WAY)
def rose(c: Canvas) -> None:
    """Petals that wind around each other, dark in the folds."""
    colour = c.pick((0.8, 0.06, 0.12), (0.95, 0.6, 0.65), (0.98, 0.9, 0.75), (0.95, 0.7, 0.2), (0.6, 0.1, 0.35))
    c.paint(c.cover(c.polar()[0] - 0.6), c.leaf() * 0.6)
    start = c.uniform(0, math.tau)
    for index in range(14):
        reach = 0.56 * (1 - index / 14) ** 0.8 + 0.02
        turn = start + index * 2.4
        size = 0.4 * (1 - index / 17) ** 0.9
        shape = c.ellipse(turn.cos() * reach, turn.sin() * reach, size, size * 0.88, turn)
        c.hollow(shape, 0.06, 0.45)
        mask = c.cover(shape)
        c.paint(mask, colour)
        outward = (c.x * turn.cos() + c.y * turn.sin() - reach) / size
        c.shade(mask, 0.55 + 0.45 * step(-0.7, 0.9, outward) + 0.25 * step(0.75, 0.95, outward))
    c.grain(c.everywhere, 0.05, 1.5, "fine")


@motif("flora", ANY_WAY)
def sunflower(c: Canvas) -> None:
    """A dark disc of seeds in two spirals, flames of yellow around it."""
    yellow = c.colour((0.1, 0.14), (0.8, 1.0), (0.85, 1.0))
    count = c.whole(15, 22)
    for ring, turn, light in ((0.97, 0.1, 0.75), (0.9, 0.0, 1.0)):
        shape, across, radius = _petals(c, count, ring, turn)
        c.hollow(shape, 0.03, 0.3)
        mask = c.cover(shape)
        c.paint(mask, mix(yellow, c.pick((0.75, 0.3, 0.05)), step(0.75, 0.4, radius) * 0.6) * light)
        c.shade(mask, 1.1 - 0.35 * across.abs())
    disc, _, _ = c.blob(0, 0, 0.54, 0.54, c.colour((0.05, 0.09), (0.5, 0.8), (0.2, 0.4)))
    radius, angle = c.polar()
    seeds = wave((angle * 13 + radius.log() * 21) / math.tau) * wave((angle * 8 - radius.log() * 21) / math.tau)
    c.shade(disc, 0.45 + 1.3 * seeds)
    c.tint(disc * step(0.18, 0.05, radius), yellow * 0.45)


@motif("flora")
def tulip(c: Canvas) -> None:
    """A cup of pointed petals on a stem with two long leaves."""
    colour = c.pick((0.85, 0.1, 0.15), (0.95, 0.75, 0.15), (0.9, 0.45, 0.6), (0.5, 0.15, 0.5), (0.97, 0.93, 0.88))
    green = c.leaf()
    c.paint(c.cover(c.segment(0, 0.2, 0, 0.97, 0.045)), green)
    for side in (-1, 1):
        leaf = c.cover(c.ellipse(side * 0.24, 0.62, 0.1, 0.42, side * 0.45))
        c.paint(leaf, green * 0.85)
        c.shade(leaf, 0.8 + 0.35 * wave(c.x * 10))
    for x, wide, light in (
        (-0.3, 0.26, 0.75),
        (0.3, 0.26, 0.8),
        (-0.17, 0.3, 0.95),
        (0.17, 0.3, 0.9),
        (0.0, 0.28, 1.08),
    ):
        u, v = c.within(x, -0.22, wide, 0.62, x * 0.35)
        shape = (u.abs() ** 1.6 + v.abs() ** 2.4 - 1) * 0.25 + 0.15 * (-v - 0.75).clamp(min=0) * (1 + 3 * u.abs())
        c.hollow(shape, 0.04, 0.3)
        mask = c.cover(shape)
        c.paint(mask, colour * light)
        c.shade(mask, 1.12 - 0.45 * u.abs() - 0.2 * step(0.2, 1.0, v))
        c.fur(mask, c.y, c.x, 0.06)


@motif("flora")
def lotus(c: Canvas) -> None:
    """A fan of pointed petals, pale at the foot and pink at the tips, on a round leaf."""
    pink = c.pick((0.9, 0.35, 0.6), (0.95, 0.6, 0.75), (0.65, 0.5, 0.9), (0.98, 0.95, 0.98))
    c.blob(0, 0.5, 0.92, 0.28, c.leaf() * 0.8)
    for ring, reach in ((5, 0.88), (4, 0.74), (3, 0.56)):
        for index in range(2 * ring - 1):
            lean = (index - ring + 1) / ring * 1.25
            shape = c.ellipse(
                math.sin(lean) * reach * 0.5, 0.42 - math.cos(lean) * reach * 0.55, 0.14, reach * 0.55, lean
            )
            c.hollow(shape, 0.04, 0.3)
            mask = c.cover(shape)
            u, v = c.within(
                math.sin(lean) * reach * 0.5, 0.42 - math.cos(lean) * reach * 0.55, 0.14, reach * 0.55, lean
            )
            c.paint(mask, mix(pink, c.pick((1.0, 0.97, 0.92)), step(-0.7, 0.8, v)))
            c.shade(mask, 1.08 - 0.4 * u.abs() ** 2 + 0.04 * (u * 20).sin())
    c.blob(0, 0.34, 0.16, 0.1, c.pick((0.95, 0.8, 0.2)))


@motif("flora")
def orchid(c: Canvas) -> None:
    """Two wide petals and three narrow ones, a spotted lip."""
    colour = c.pick((0.85, 0.45, 0.75), (0.97, 0.95, 0.97), (0.9, 0.8, 0.35), (0.6, 0.25, 0.65))
    spots = colour * 0.45
    for turn in (-math.pi / 2, 0.7, math.pi - 0.7):
        mask = c.cover(c.ellipse(math.cos(turn) * 0.48, math.sin(turn) * 0.48, 0.46, 0.2, turn))
        c.paint(mask, colour * 0.9)
        c.shade(mask, 0.9 + 0.2 * wave((c.x * math.sin(turn) - c.y * math.cos(turn)) * 9))
    for side in (-1, 1):
        shape = c.ellipse(side * 0.48, -0.14, 0.46, 0.38, side * -0.2)
        c.hollow(shape, 0.06, 0.4)
        mask = c.cover(shape)
        c.paint(mask, colour)
        radius, angle = c.polar(side * 0.05, 0)
        c.shade(mask, 0.85 + 0.2 * wave(angle * 14 / math.tau) + 0.15 * step(0.5, 0.9, radius))
        c.tint(mask * c.cover(0.6 - c.noise(c.x * 0.8, c.y * 0.8, "fine")) * step(0.7, 0.2, radius), spots)
    lip = c.ellipse(0, 0.3, 0.2, 0.3)
    c.hollow(lip, 0.08, 0.5)
    mask, _, _ = c.blob(0, 0.3, 0.2, 0.3, c.pick((0.75, 0.1, 0.4), (0.85, 0.6, 0.1), (0.5, 0.05, 0.3)))
    c.tint(mask * (wave(c.x * 10) > 0.7).float(), spots * 0.5)
    c.blob(0, 0.04, 0.1, 0.12, c.pick((0.98, 0.9, 0.5), (1.0, 1.0, 0.95)))


@motif("flora", ANY_WAY)
def leaf(c: Canvas) -> None:
    """One leaf: a midrib, veins that branch to a toothed edge."""
    green = mix(c.leaf(), c.colour((0.0, 0.13), (0.6, 0.9), (0.5, 0.85)), c.chance(0.35))
    along = c.y
    half = 0.52 * (1 - (along / 0.95) ** 2).clamp(min=0) ** 0.8 * (1 - 0.35 * along)
    veins = wave((along * 4.5 + c.x.abs() * 3.2) * 1.4)
    shape = torch.maximum((c.x.abs() - half - 0.03 * veins) * 0.8, along.abs() - 0.94)
    c.paint(c.cover(c.segment(0, 0.8, 0.05, 1.0, 0.03)), green * 0.7)
    mask = c.cover(shape)
    c.paint(mask, green)
    c.relief(veins * 0.5 + step(0.0, -0.3, shape), 0.08, mask)
    c.tint(mask * step(0.86, 0.97, veins) * 0.6, mix(green, c.pick((0.9, 0.95, 0.6)), 0.6))
    c.tint(c.cover(c.x.abs() - 0.022) * mask, mix(green, c.pick((0.9, 0.95, 0.6)), 0.7))
    c.grain(mask, 0.15, 0.8)
    c.gloss(mask * step(0.1, 0.3, c.x * c.light[0].sign()), 0.1)


@motif("flora", ANY_WAY)
def fern(c: Canvas) -> None:
    """A frond: pairs of leaflets, each toothed, growing smaller to the tip."""
    green = c.leaf()
    bend = c.uniform(-0.35, 0.35)
    x = c.x - bend * (c.y - 0.9) ** 2 * 0.5
    place = c.y + x.abs() * 0.55
    pair = place * 8
    length = 0.72 * step(-1.05, -0.2, place) * step(1.15, 0.6, place)
    share = (x.abs() / length.clamp(min=0.02)).clamp(max=1.2)
    thick = 0.42 * (1 - share).clamp(min=0) ** 0.5 * (0.7 + 0.3 * wave(x.abs() * 16))
    blade = ((pair % 1.0) - 0.5).abs() - thick
    mask = c.cover(blade * 0.1) * (share < 1).float()
    c.paint(mask, green)
    c.shade(mask, 0.6 + 0.6 * wave(pair + 0.35) + 0.15 * (1 - share))
    c.paint(c.cover(torch.maximum(x.abs() - 0.03 * (1 + c.y * 0.5), c.y.abs() - 0.95)), green * 0.6)


@motif("flora")
def mushroom(c: Canvas) -> None:
    """A spotted cap, gills beneath, a stout pale stem with a ring."""
    cap = c.pick((0.8, 0.1, 0.06), (0.55, 0.33, 0.16), (0.85, 0.55, 0.2), (0.6, 0.45, 0.6))
    stem = c.pick((0.95, 0.92, 0.84), (0.85, 0.75, 0.6))
    wide = c.uniform(0.7, 0.92)
    mask = c.cover(c.segment(0, 0.05, 0, 0.82, 0.15, 0.22))
    c.paint(mask, stem)
    c.round(mask, c.x * 4, grey(c.x, 0.0)[:, 0] * 0 + 0.2)
    c.fur(mask, c.y, c.x, 0.15)
    c.shade(mask * step(0.35, 0.05, c.y), 0.6)
    under = c.cover(c.ellipse(0, 0.02, wide * 0.95, 0.2))
    c.paint(under, stem * 0.8)
    c.shade(under, 0.55 + 0.6 * wave(torch.atan2(c.y + 0.5, c.x) * 12))
    dome = torch.maximum(c.ellipse(0, 0.05, wide, c.uniform(0.6, 0.85)), c.y - 0.02 - 0.1 * (1 - (c.x / wide) ** 2))
    mask = c.cover(dome)
    c.paint(mask, cap)
    c.round(mask, c.x / wide, (c.y + 0.1) / 0.8)
    spotted = c.chance(0.6)
    for x, y, size in (
        (-0.4, -0.2, 0.1),
        (0.05, -0.4, 0.13),
        (0.42, -0.22, 0.09),
        (-0.12, -0.08, 0.09),
        (0.24, -0.02, 0.07),
        (-0.6, -0.04, 0.07),
    ):
        c.tint(
            c.cover(c.ellipse(x * wide / 0.9 + c.uniform(-0.06, 0.06), y, size, size * 0.75)) * spotted * mask,
            c.pick((0.97, 0.94, 0.86)),
        )


@motif("flora")
def berries(c: Canvas) -> None:
    """A bunch of shining round fruit under a leaf."""
    colour = c.pick((0.75, 0.04, 0.08), (0.25, 0.1, 0.4), (0.12, 0.16, 0.4), (0.45, 0.65, 0.15), (0.9, 0.45, 0.1))
    for side in (-1, 1):
        mask = c.cover(c.ellipse(side * 0.42, -0.62, 0.42, 0.2, side * -0.4))
        c.paint(mask, c.leaf())
        c.shade(mask, 0.7 + 0.5 * wave((c.x * side * 0.6 + c.y) * 7))
    size = c.uniform(0.19, 0.23)
    for row, count in ((-0.42, 3), (-0.12, 4), (0.18, 3), (0.46, 2), (0.72, 1)):
        for index in range(count):
            x, y = (index - (count - 1) / 2) * 0.38 + c.uniform(-0.05, 0.05), row + c.uniform(-0.05, 0.05)
            c.hollow(c.circle(x, y, size), 0.07, 0.5)
            mask, _u, _v = c.blob(x, y, size, size, colour * c.uniform(0.75, 1.15)[:, None])
            c.gloss(c.cover(c.ellipse(x + c.light[0] * 0.1, y - 0.08, 0.05, 0.04), 2), 0.8)


@motif("flora", ANY_WAY)
def succulent(c: Canvas) -> None:
    """A rosette of thick pointed leaves with red tips."""
    green = c.pick((0.45, 0.6, 0.45), (0.5, 0.65, 0.6), (0.35, 0.5, 0.3), (0.6, 0.55, 0.62))
    tip = c.pick((0.8, 0.3, 0.35), (0.7, 0.75, 0.5), (0.85, 0.5, 0.3))
    start = c.uniform(0, math.tau)
    for index in range(16):
        reach = 0.58 * (1 - index / 18)
        turn = start + index * 2.4
        u, v = c.within(turn.cos() * reach, turn.sin() * reach, 0.4 * (1 - index / 22), 0.25 * (1 - index / 26), turn)
        shape = ((u.abs() ** 1.7 + v.abs() ** 2.0) - 1) * 0.2
        c.hollow(shape, 0.05, 0.5)
        mask = c.cover(shape)
        c.paint(mask, mix(green, tip, step(0.45, 0.95, u)))
        c.shade(mask, 0.7 + 0.3 * step(-0.8, 0.6, u) - 0.25 * v.abs() + 0.15 * step(0.2, 0.0, v.abs()))


@motif("flora")
def tree(c: Canvas) -> None:
    """A trunk with branches under clouds of leaves."""
    bark, green = (
        c.colour((0.05, 0.1), (0.3, 0.6), (0.2, 0.45)),
        mix(c.leaf(), c.colour((0.03, 0.13), (0.6, 0.9), (0.5, 0.85)), c.chance(0.25)),
    )
    trunk = torch.minimum(
        c.segment(0, 0.95, 0, 0.1, 0.13, 0.07),
        torch.minimum(c.segment(0, 0.35, -0.4, -0.1, 0.06, 0.03), c.segment(0, 0.3, 0.4, -0.15, 0.06, 0.03)),
    )
    mask = c.cover(trunk)
    c.paint(mask, bark)
    c.fur(mask, c.y, c.x, 0.4)
    for x, y, size in (
        (-0.45, -0.05, 0.38),
        (0.45, -0.08, 0.38),
        (-0.25, -0.45, 0.4),
        (0.28, -0.45, 0.4),
        (0.0, -0.2, 0.42),
        (0.0, -0.62, 0.32),
    ):
        px, py = x + c.uniform(-0.08, 0.08), y + c.uniform(-0.08, 0.08)
        edge = 0.07 * c.noise(c.x * 0.6, c.y * 0.6, "fine")
        shape = c.circle(px, py, size) + edge
        c.hollow(shape, 0.08, 0.35)
        mask = c.cover(shape)
        c.paint(mask, green)
        c.round(mask, (c.x - px) / size / 1.1, (c.y - py) / size / 1.1, 0.1)
        c.shade(mask, (1 + 0.35 * c.noise(c.x * 1.2, c.y * 1.2, "fine")).clamp(0.3, 1.8))
