"""spirals: shells, coils and whirls."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import ANY_WAY, UPRIGHT, Canvas
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


def _coil(
    c: Canvas, cx: float, cy: float, reach: float | Tensor, growth: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A shell's coil: (inside it, across a whorl -1..1, length along it in turns, radius)."""
    radius, angle = c.polar(cx, cy)
    turns = (radius / reach).log() / math.log(growth) - angle / math.tau
    whorl = turns.floor()
    across = (turns - whorl - 0.5) * 2
    edge = reach * growth ** (angle / math.tau - 0.0)
    return step(0.0, -0.02, radius - edge.clamp(max=0.96)), across, angle / math.tau + whorl, radius


@motif("spirals", UPRIGHT)
def snail(c: Canvas) -> None:
    """A coiled shell on a soft body, two feelers."""
    shell, skin = (
        c.pick((0.75, 0.5, 0.25), (0.9, 0.8, 0.55), (0.55, 0.35, 0.25), (0.7, 0.6, 0.6)),
        c.pick((0.65, 0.55, 0.4), (0.45, 0.42, 0.38), (0.75, 0.65, 0.5)),
    )
    foot = torch.minimum(c.segment(-0.6, 0.62, 0.85, 0.74, 0.2, 0.05), c.segment(-0.6, 0.55, -0.72, 0.05, 0.16, 0.12))
    mask = c.cover(foot)
    c.paint(mask, skin)
    c.shade(mask, 1.15 - 0.6 * step(0.4, 0.85, c.y))
    c.grain(mask, 0.25, 1.6, "fine")
    for x in (-0.88, -0.66):
        c.paint(c.cover(c.segment(-0.72, 0.05, x, -0.36, 0.035, 0.022)), skin)
        c.blob(x, -0.37, 0.05, 0.05, grey(c.x, 0.06))
    _inside, across, along, _radius = _coil(c, 0.18, 0.0, 0.62, 1.9)
    mask = c.cover(c.circle(0.18, 0.0, 0.62))
    c.hollow(c.circle(0.18, 0.0, 0.62), 0.08, 0.4)
    c.paint(mask, shell)
    c.shade(mask, (0.35 + 0.75 * (1 - across**2).clamp(min=0) ** 0.6) * (0.85 + 0.3 * wave(along * 16)))
    c.tint(mask * step(0.25, 0.1, (across - 0.2).abs()) * 0.7, shell * 0.4)
    c.gloss(mask * step(0.25, 0.0, (across + 0.4).abs()) * step(0.3, -0.3, c.y) * 0.35, 1.0)


@motif("spirals", ANY_WAY)
def ammonite(c: Canvas) -> None:
    """A stone coil with strong ribs."""
    stone = c.pick((0.5, 0.42, 0.32), (0.65, 0.6, 0.52), (0.35, 0.33, 0.34), (0.7, 0.45, 0.28))
    _inside, across, along, radius = _coil(c, 0.0, 0.0, 0.92, 1.75)
    mask = c.cover(radius - 0.93)
    c.paint(mask, stone)
    ribs = wave(along * c.whole(18, 28) + 0.12 * across)
    round_ = (1 - across**2).clamp(min=0)
    c.relief(ribs * 0.5 * round_ + round_, 0.05, mask)
    c.shade(mask, (0.4 + 0.7 * round_**0.5) * (0.65 + 0.45 * ribs))
    c.grain(mask, 0.15, 1.0)
    c.tint(
        mask * step(0.8, 1.6, c.noise(c.x * 0.6, c.y * 0.6)) * 0.5 * c.chance(0.5),
        c.pick((0.2, 0.55, 0.5), (0.8, 0.5, 0.2)),
    )


@motif("spirals", ANY_WAY)
def nautilus(c: Canvas) -> None:
    """A cut shell: chambers behind curved walls, growing outward, pearl and flame stripes."""
    pearl = c.pick((0.96, 0.9, 0.8), (0.9, 0.85, 0.9), (0.95, 0.85, 0.7))
    _inside, across, along, radius = _coil(c, 0.0, 0.0, 0.92, 2.6)
    mask = c.cover(radius - 0.92)
    c.paint(mask, pearl)
    walls = (along * 13 - 0.22 * across**2) % 1.0
    c.shade(mask, 0.5 + 0.55 * step(0.0, 0.8, walls))
    c.tint(mask * step(0.12, 0.04, (walls - 0.5).abs() - 0.38), pearl * 0.35)
    c.tint(mask * step(0.86, 0.94, across.abs()), c.pick((0.6, 0.3, 0.12), (0.5, 0.35, 0.3)))
    c.shade(mask, 0.65 + 0.45 * (1 - across**2).clamp(min=0))
    flame = step(0.55, 0.75, wave(along * 9) * step(-0.2, 0.9, across)) * c.chance(0.5)
    c.tint(mask * flame * 0.8, c.pick((0.7, 0.3, 0.12)))


@motif("spirals", ANY_WAY)
def swirl(c: Canvas) -> None:
    """Paint stirred into arms of three colours."""
    radius, angle = c.polar()
    turn = (
        angle / math.tau * c.whole(2, 4)
        + c.uniform(1.6, 3.0) * radius.sqrt() * 2
        + 0.15 * c.noise(c.x * 0.3, c.y * 0.3)
    )
    one, two, three = c.colour((0.95, 1.12)), c.colour((0.5, 0.68)), c.pick((0.97, 0.94, 0.86), (0.1, 0.1, 0.15))
    mask = c.cover(radius - 0.95 + 0.03 * c.noise(angle / math.tau, radius * 0.2))
    share = wave(turn)
    c.paint(mask, mix(mix(one, two, step(0.3, 0.5, share)), three, step(0.72, 0.85, share)))
    c.relief(share, 0.035, mask)
    c.gloss(mask * step(0.06, 0.0, (share - 0.6).abs()), 0.35)
    c.fur(mask, turn * 0.1 + radius * 0.3, turn, 0.12)


@motif("spirals", ANY_WAY)
def vortex(c: Canvas) -> None:
    """Water that turns down into a dark hole, foam along the lines."""
    deep, light = (
        c.pick((0.03, 0.2, 0.35), (0.05, 0.3, 0.3), (0.1, 0.12, 0.3)),
        c.pick((0.35, 0.7, 0.8), (0.6, 0.8, 0.75), (0.45, 0.55, 0.85)),
    )
    radius, angle = c.polar()
    turn = angle / math.tau * 3 + 1.4 / (radius + 0.18)
    mask = c.cover(radius - 0.94, 6)
    lines = wave(turn + 0.3 * c.noise(angle / math.tau, radius * 0.6))
    c.paint(mask, mix(deep, light, lines**1.5 * step(0.05, 0.7, radius)))
    c.shade(mask, 0.25 + 0.85 * step(0.0, 0.55, radius))
    foam = step(0.7, 0.95, lines) * step(-0.2, 0.9, c.noise(angle / math.tau * 4, radius * 1.2, "fine"))
    c.gloss(mask * foam * step(0.15, 0.5, radius), 0.85)
    c.paint(c.cover(radius - 0.12, 8), deep * 0.2)


@motif("spirals", ANY_WAY)
def tendril(c: Canvas) -> None:
    """A young fern head, rolled up, buds of leaves along its outside."""
    green = mix(c.leaf(), c.pick((0.5, 0.3, 0.15)), c.chance(0.3) * 0.5)
    _inside, across, along, _radius = _coil(c, -0.05, -0.15, 0.66, 1.62)
    c.paint(c.cover(c.segment(0.5, 0.0, 0.42, 0.95, 0.13, 0.1)), green * 0.9)
    buds = c.cover(c.circle(-0.05, -0.15, 0.7) - 0.1 * wave(along * 20))
    c.paint(buds, green * 0.75)
    c.shade(buds, 0.6 + 0.6 * wave(along * 20))
    mask = c.cover(c.circle(-0.05, -0.15, 0.66))
    c.paint(mask, green)
    c.shade(mask, 0.3 + 0.85 * (1 - across**2).clamp(min=0) ** 0.6)
    c.shade(mask * step(-0.2, -0.6, across), 0.6 + 0.6 * wave(along * 26))
    c.fur(mask, along * 2, across * 0.4, 0.25)


@motif("spirals", ANY_WAY)
def curls(c: Canvas) -> None:
    """Locks of hair that roll into one another."""
    hair = c.pick((0.35, 0.2, 0.1), (0.75, 0.55, 0.25), (0.12, 0.1, 0.1), (0.6, 0.25, 0.1), (0.8, 0.75, 0.68))
    c.paint(c.cover(c.circle(0, 0, 0.85)), hair * 0.35)
    for x, y, size, way in (
        (-0.4, -0.4, 0.48, 1),
        (0.42, -0.35, 0.44, -1),
        (-0.38, 0.42, 0.46, -1),
        (0.4, 0.42, 0.48, 1),
        (0.0, 0.02, 0.44, 1),
    ):
        px, py, size_ = x + c.uniform(-0.06, 0.06), y + c.uniform(-0.06, 0.06), size * c.uniform(0.9, 1.1)
        radius, angle = c.polar(px, py)
        shape = radius - size_
        c.hollow(shape, 0.06, 0.5)
        mask = c.cover(shape)
        turn = way * angle / math.tau + radius / size_ * 2.1
        c.paint(mask, hair)
        c.shade(mask, 0.45 + 0.75 * wave(turn) * step(0.0, 0.25, radius / size_ + 0.1))
        c.fur(mask, angle * 0.4, turn * 1.2, 0.4)
        c.gloss(mask * step(0.75, 1.0, wave(turn)) * step(-0.2, -0.9, (c.y - py) / size_ - c.light[0] * 0.4) * 0.4, 1.0)
