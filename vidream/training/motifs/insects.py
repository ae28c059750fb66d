"""insects, and their like: wings, shells and legs, seen from above."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import ANY_WAY, Canvas
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


def _legs(c: Canvas, colour: Tensor, *, pairs: int = 3, reach: float = 0.85, width: float = 0.028) -> None:
    """Jointed legs on both sides."""
    for index in range(pairs):
        y = (index - (pairs - 1) / 2) * 0.28
        knee_y, foot_y = y * 1.9 - 0.1, y * 2.9 + 0.05
        for side in (-1, 1):
            c.paint(c.cover(c.segment(0, y, side * reach * 0.6, knee_y, width * 1.2)), colour)
            c.paint(c.cover(c.segment(side * reach * 0.6, knee_y, side * reach, foot_y, width, width * 0.4)), colour)


def _feelers(c: Canvas, colour: Tensor, y: float, reach: float = 0.3, knob: float = 0.03) -> None:
    for side in (-1, 1):
        c.paint(c.cover(c.segment(side * 0.04, y, side * reach, y - 0.3, 0.016)), colour)
        c.paint(c.cover(c.circle(side * reach, y - 0.3, knob)), colour)


def _wing(
    c: Canvas,
    cx: float,
    cy: float,
    rx: float | Tensor,
    ry: float | Tensor,
    angle: float,
    ground: Tensor,
    edge: Tensor,
    spot: Tensor,
) -> None:
    """A scaled wing: dark border with light dots, veins from the body, an eye spot."""
    shape = c.ellipse(cx, cy, rx, ry, angle) + 0.03 * (torch.atan2(c.y - cy, c.x - cx) * 6).sin()
    c.hollow(shape, 0.04, 0.3)
    mask = c.cover(shape)
    c.paint(mask, mix(ground, edge, step(-0.16, -0.06, shape)))
    _radius, angle_ = c.polar(0.0, 0.0)
    c.shade(mask, 1.05 - 0.5 * step(0.75, 0.95, wave(angle_ * 22 / math.tau)))
    c.tint(
        mask * c.cover((shape + 0.06).abs() + 0.045 - 0.07 * wave(torch.atan2(c.y - cy, c.x - cx) * 9 / math.pi)),
        grey(c.x, 0.95),
    )
    for size, colour in ((0.38, edge), (0.28, spot), (0.12, edge)):
        c.tint(c.cover(c.ellipse(cx * 1.08, cy * 1.05, 0.34 * size / 0.5, 0.34 * size / 0.5)) * mask, colour)
    c.grain(mask, 0.12, 1.5, "fine")


@motif("insects", ANY_WAY)
def butterfly(c: Canvas) -> None:
    """Four bright wings with black borders around a thin body."""
    ground = c.pick(
        (0.95, 0.5, 0.08), (0.15, 0.45, 0.9), (0.95, 0.85, 0.25), (0.3, 0.7, 0.6), (0.85, 0.2, 0.15), (0.95, 0.93, 0.88)
    )
    edge, spot = c.pick((0.07, 0.05, 0.05), (0.2, 0.1, 0.06)), c.colour((0.0, 0.65))
    for side in (-1, 1):
        _wing(c, side * 0.4, 0.42, 0.36, 0.42, side * 0.4, ground * 0.9, edge, spot)
        _wing(c, side * 0.5, -0.3, 0.36, 0.58, side * 0.75, ground, edge, mix(spot, ground, 0.4))
    _feelers(c, edge, -0.42)
    for y, size in ((-0.38, 0.07), (-0.18, 0.09), (0.12, 0.07)):
        body, _, _ = c.blob(0, y, size, size * 2.2, edge * 2.0)
        c.shade(body, 0.75 + 0.4 * wave(c.y * 12))


@motif("insects", ANY_WAY)
def moth(c: Canvas) -> None:
    """Broad powdery wings in bark colours with eye spots, a furry body, feathered feelers."""
    ground = c.colour((0.05, 0.12), (0.15, 0.6), (0.45, 0.9))
    dark, spot = ground * 0.35, c.pick((0.85, 0.6, 0.3), (0.55, 0.6, 0.7), (0.8, 0.35, 0.25))
    for side in (-1, 1):
        for cx, cy, rx, ry, angle in ((0.36, 0.36, 0.42, 0.34, 0.5), (0.5, -0.16, 0.5, 0.36, -0.45)):
            shape = c.ellipse(side * cx, cy, rx, ry, side * angle)
            c.hollow(shape, 0.05, 0.35)
            mask = c.cover(shape, 2)
            bands = wave(shape * 5 + 0.25 * c.noise(c.x * 0.4, c.y * 0.4))
            c.paint(mask, mix(ground, dark, step(0.55, 0.9, bands) * 0.8))
            c.grain(mask, 0.35, 1.6, "fine")
            for size, colour in ((0.15, dark), (0.115, spot), (0.06, grey(c.x, 0.05))):
                c.tint(c.cover(c.circle(side * cx * 1.05, cy * 1.05, size)) * mask, colour)
    body = c.cover(c.ellipse(0, 0.1, 0.15, 0.45), 3)
    c.paint(body, ground * 1.1)
    c.fur(body, c.y, c.x, 0.5)
    c.shade(body, 0.7 + 0.4 * wave(c.y * 6))
    for side in (-1, 1):
        comb = c.ellipse(side * 0.24, -0.48, 0.07, 0.26, side * 0.6)
        c.paint(c.cover(comb) * (0.4 + 0.6 * (wave(c.y * 16) > 0.4).float()), dark * 1.3)


@motif("insects", ANY_WAY)
def beetle(c: Canvas) -> None:
    """Glossy wing cases split down the middle, a shield, jaws and six legs."""
    shell = c.pick(
        (0.08, 0.35, 0.2), (0.15, 0.2, 0.55), (0.4, 0.2, 0.08), (0.1, 0.1, 0.12), (0.45, 0.35, 0.1), (0.4, 0.08, 0.25)
    )
    black = grey(c.x, 0.06)
    _legs(c, black)
    for side in (-1, 1):
        c.paint(c.cover(c.segment(side * 0.1, -0.75, side * 0.22, -0.95, 0.045, 0.01)), black)
    c.blob(0, -0.66, 0.2, 0.17, shell * 0.5)
    c.blob(0, -0.42, 0.34, 0.24, shell * 0.8)
    case = c.ellipse(0, 0.22, 0.48, 0.62)
    c.hollow(case, 0.06, 0.4)
    mask, u, v = c.blob(0, 0.22, 0.48, 0.62, shell)
    c.shade(mask, 0.75 + 0.35 * wave(u.abs() * c.whole(0, 6) + 0.1))
    c.shade(c.cover(c.x.abs() - 0.012) * mask, 0.2)
    c.gloss(mask * step(0.3, 0.05, ((u + 0.35 * c.light[0].sign() * -1) ** 2 + (v + 0.35) ** 2).sqrt()), 0.7)
    for side in (-1, 1):
        c.paint(c.cover(c.circle(side * 0.15, -0.7, 0.05)), c.pick((0.6, 0.1, 0.05), (0.1, 0.1, 0.1)))


@motif("insects", ANY_WAY)
def ladybird(c: Canvas) -> None:
    """A red dome with black spots, a black head with white cheeks."""
    red, black = c.pick((0.85, 0.1, 0.05), (0.95, 0.55, 0.08), (0.9, 0.3, 0.08)), grey(c.x, 0.05)
    _legs(c, black, reach=0.8)
    _feelers(c, black, -0.72, 0.18)
    c.blob(0, -0.6, 0.36, 0.26, black)
    for side in (-1, 1):
        c.paint(c.cover(c.ellipse(side * 0.22, -0.62, 0.09, 0.12, side * 0.5)), grey(c.x, 0.95))
    dome, u, v = c.blob(0, 0.12, 0.68, 0.72, red)
    for x, y, size in (
        (0.0, -0.42, 0.13),
        (-0.34, -0.16, 0.14),
        (0.34, -0.16, 0.14),
        (-0.25, 0.32, 0.16),
        (0.25, 0.32, 0.16),
        (-0.48, 0.2, 0.09),
        (0.48, 0.2, 0.09),
    ):
        c.tint(c.cover(c.circle(x, y, size * c.uniform(0.7, 1.1))) * dome, black)
    c.tint(c.cover(c.x.abs() - 0.014) * dome, black)
    c.gloss(dome * step(0.3, 0.05, ((u - 0.35 * c.light[0].sign()) ** 2 + (v + 0.4) ** 2).sqrt()), 0.75)


@motif("insects", ANY_WAY)
def bee(c: Canvas) -> None:
    """A furry body in yellow and black bands, glassy wings."""
    gold, black = c.colour((0.1, 0.13), (0.7, 0.95), (0.8, 1.0)), grey(c.x, 0.07)
    _legs(c, black, reach=0.6)
    for side in (-1, 1):
        for cx, cy, rx, ry, angle in ((0.52, -0.1, 0.46, 0.2, -0.5), (0.42, 0.2, 0.36, 0.15, 0.1)):
            shape = c.ellipse(side * cx, cy, rx, ry, side * angle)
            c.paint(c.cover(shape) * 0.65, c.pick((0.85, 0.9, 0.95), (0.9, 0.85, 0.75)))
            c.line(shape, 0.014, black, 0.8)
            c.tint(c.cover((c.y - cy - 0.3 * side * (c.x - side * cx)).abs() - 0.008) * c.cover(shape), black * 2)
    body = c.cover(c.ellipse(0, 0.4, 0.32, 0.5), 2)
    c.paint(body, mix(gold, black, step(0.4, 0.6, wave(c.y * 3.2 + 0.1 * (1 - c.x**2)))))
    c.round(body, c.x / 0.36, (c.y - 0.4) / 0.55, 0.2)
    c.fur(body, c.y, c.x, 0.4)
    chest = c.cover(c.circle(0, -0.22, 0.3), 3)
    c.paint(chest, gold * 0.85)
    c.radial_fur(chest, 0, -0.2, 0.6)
    c.blob(0, -0.62, 0.22, 0.18, black * 2)
    _feelers(c, black, -0.72, 0.2, 0.02)
    for side in (-1, 1):
        c.blob(side * 0.16, -0.64, 0.09, 0.12, c.pick((0.12, 0.08, 0.06)))


@motif("insects", ANY_WAY)
def dragonfly(c: Canvas) -> None:
    """A long jointed tail, four clear veined wings, huge eyes."""
    body = c.pick((0.1, 0.5, 0.65), (0.75, 0.2, 0.12), (0.2, 0.55, 0.25), (0.2, 0.25, 0.6))
    for side in (-1, 1):
        for cy, angle in ((-0.38, -0.22), (-0.14, 0.2)):
            shape = c.ellipse(side * 0.5, cy + 0.5 * abs(angle) * (1 if angle > 0 else -1), 0.48, 0.14, side * angle)
            mask = c.cover(shape)
            c.paint(mask * 0.6, mix(c.pick((0.85, 0.92, 0.98), (0.95, 0.9, 0.7)), body, 0.15))
            veins = torch.maximum(wave(c.x * 12), wave(c.y * 17 + c.x * 2))
            c.tint(mask * step(0.8, 0.95, veins) * 0.8, grey(c.x, 0.12))
            c.line(shape, 0.012, grey(c.x, 0.1))
            c.tint(c.cover(c.box(side * 0.86, cy + angle * 0.95, 0.06, 0.025)), grey(c.x, 0.08))
    for index in range(9):
        _joint, _, _ = c.blob(0, 0.06 + index * 0.1, 0.075 - 0.003 * index, 0.062, body * (0.75 + 0.35 * (index % 2)))
    c.blob(0, -0.26, 0.13, 0.26, body)
    for side in (-1, 1):
        eye, u, v = c.blob(side * 0.13, -0.58, 0.15, 0.15, mix(body, c.pick((0.6, 0.2, 0.1), (0.3, 0.7, 0.4)), 0.6))
        c.shade(eye, 0.8 + 0.3 * wave(u * 5) * wave(v * 5))


@motif("insects", ANY_WAY)
def spider(c: Canvas) -> None:
    """Eight bent legs around two round parts, a mark on the back, beads of eyes."""
    coat = c.pick((0.12, 0.1, 0.09), (0.4, 0.26, 0.14), (0.55, 0.42, 0.25), (0.2, 0.16, 0.18))
    for index in range(4):
        start = -0.75 + index * 0.5
        for side in (-1, 1):
            kx, ky = side * math.cos(start) * 0.62, math.sin(start) * 0.62 - 0.08
            fx, fy = side * math.cos(start * 1.25) * 0.95, math.sin(start * 1.25) * 0.97
            leg = torch.minimum(c.segment(0, -0.12, kx, ky, 0.05, 0.04), c.segment(kx, ky, fx, fy, 0.04, 0.012))
            mask = c.cover(leg + 0.008 * c.noise(c.x * 2, c.y * 2, "fine"))
            c.paint(mask, coat)
            radius, _ = c.polar()
            c.shade(mask, 0.6 + 0.7 * wave(radius * 5))
    abdomen, _u, _v = c.blob(0, 0.34, 0.34, 0.42, coat)
    c.radial_fur(abdomen, 0, 0.2, 0.5)
    c.tint(
        abdomen * c.cover(torch.minimum(c.ellipse(0, 0.22, 0.1, 0.2), c.ellipse(0, 0.5, 0.16, 0.06))),
        c.pick((0.85, 0.12, 0.06), (0.9, 0.8, 0.5), (0.95, 0.9, 0.85)),
    )
    head, _, _ = c.blob(0, -0.2, 0.25, 0.24, coat * 1.15)
    c.radial_fur(head, 0, -0.1, 0.35)
    for x, y, size in ((-0.07, -0.36, 0.06), (0.07, -0.36, 0.06), (-0.16, -0.3, 0.04), (0.16, -0.3, 0.04)):
        c.blob(x, y, size, size, grey(c.x, 0.04))
        c.gloss(c.cover(c.circle(x - 0.015, y - 0.02, size * 0.35)), 0.9)


@motif("insects", ANY_WAY)
def caterpillar(c: Canvas) -> None:
    """A curve of round segments with bristles and spots, a face at the end."""
    skin, spot = (
        c.pick((0.45, 0.7, 0.2), (0.85, 0.7, 0.2), (0.25, 0.25, 0.25), (0.6, 0.75, 0.5)),
        c.pick((0.9, 0.35, 0.1), (0.1, 0.1, 0.1), (0.95, 0.9, 0.4)),
    )
    bend = c.uniform(1.2, 3.2)
    for index in range(10):
        x = -0.78 + index * 0.17
        y = 0.28 * (bend * x * 1.2 + 1.0).sin()
        for side in (-1, 1):
            hairs = c.cover(c.segment(x, y, x - 0.04, y + side * 0.36, 0.02, 0.003))
            c.paint(hairs, skin * 0.4)
        part, _u, v = c.blob(x, y, 0.17, 0.21, skin * (0.85 + 0.25 * (index % 2)))
        c.tint(part * c.cover(c.circle(x, y - 0.06, 0.065)), spot)
        c.tint(part * c.cover((v.abs() - 0.62).abs() * 0.2 - 0.02), grey(c.x, 0.1))
    x, y = 0.8, 0.28 * (bend * 0.8 * 1.2 + 1.0).sin()
    c.blob(x, y, 0.17, 0.19, c.pick((0.75, 0.2, 0.1), (0.2, 0.15, 0.1), (0.9, 0.6, 0.2)))
    for side in (-1, 1):
        c.eye(x + 0.05, y + side * 0.08, 0.055, grey(c.x, 0.9), pupil=0.55)
