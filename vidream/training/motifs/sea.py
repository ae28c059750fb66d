"""sea: what swims, crawls and grows under water."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import ANY_WAY, PATTERN, Canvas, Pose
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []

SWIMMING = Pose(turn=0.6)
# Hearts of the plates of a turtle's shell.
PLATES = (
    *((0.0, 1.1 * row) for row in (-1, 0, 1, 2, -2)),
    *((1.05 * side, y) for y in (-0.55, 0.6) for side in (-1, 1)),
    *((1.5 * side, 1.8 * end) for end in (-1, 1) for side in (-1, 1)),
    (2.2, 0.0),
    (-2.2, 0.0),
)


def _scales(c: Canvas, mask: Tensor, size: float = 9.0, strength: float = 0.45) -> None:
    """Overlapping round scales, open to the left."""
    column = (c.x * size).floor()
    u, v = c.x * size - column, (c.y * size + 0.5 * (column % 2)) % 1.0 - 0.5
    rim = (((u - 1.0) * 0.9) ** 2 + (v * 1.15) ** 2).sqrt()
    c.shade(mask, 1.12 - strength * step(0.5, 0.72, rim) + 0.2 * step(0.35, 0.1, rim))


def _fin(c: Canvas, shape: Tensor, colour: Tensor, cx: float, cy: float) -> None:
    """A fin with rays from a point."""
    mask = c.cover(shape)
    c.paint(mask, colour)
    _, angle = c.polar(cx, cy)
    c.shade(mask, 0.65 + 0.5 * wave(angle * 22 / math.tau))


@motif("sea", SWIMMING)
def fish(c: Canvas) -> None:
    """Scaled flanks, rayed fins, a forked tail, a round eye and a gill."""
    coat = c.pick((0.95, 0.5, 0.1), (0.35, 0.5, 0.65), (0.75, 0.2, 0.15), (0.9, 0.8, 0.3), (0.3, 0.5, 0.4))
    belly = mix(coat, grey(c.x, 1.0), c.uniform(0.4, 0.8))
    tall = c.uniform(0.34, 0.46)
    tail = torch.maximum(c.x - 0.97, torch.maximum(0.5 - c.x, c.y.abs() - 0.1 - 0.9 * (c.x - 0.5)))
    tail = torch.maximum(tail, 0.3 * (c.x - 0.72 - 0.6 * c.y.abs()))
    _fin(c, tail, coat * 0.8, 0.3, 0.0)
    _fin(c, torch.maximum(c.ellipse(0.05, -tall * 0.85, 0.42, 0.3), c.y + 0.1), coat * 0.75, 0.1, 0.4)
    _fin(c, c.ellipse(0.1, tall * 0.95, 0.2, 0.2, 0.6), coat * 0.75, -0.1, 0.0)
    body = torch.minimum(c.ellipse(-0.16, 0, 0.72, tall), c.segment(0.2, 0, 0.6, 0, tall * 0.5, 0.09))
    mask = c.cover(body)
    c.paint(mask, mix(coat, belly, step(-0.05, tall, c.y)))
    bands = step(0.6, 0.8, wave(c.x * c.uniform(1.5, 3.0) + c.uniform())) * c.chance(0.5)
    c.tint(mask * bands, c.pick((0.98, 0.97, 0.95), (0.1, 0.12, 0.2)))
    _scales(c, mask * step(-0.45, -0.4, c.x))
    c.shade(mask, 1.15 - 0.6 * step(-0.1, tall * 1.1, c.y) - 0.25 * step(-0.2, -tall, c.y))
    c.shade(c.cover((c.circle(-0.66, 0.0, 0.3)).abs() - 0.018) * step(-0.6, -0.5, c.x) * mask, 0.45)
    _fin(c, c.ellipse(-0.14, 0.12, 0.2, 0.11, 0.5), coat * 0.9, -0.36, 0.05)
    c.tint(c.cover(c.segment(-0.9, 0.1, -0.76, 0.13, 0.018)), coat * 0.25)
    c.eye(-0.62, -0.08, c.uniform(0.085, 0.12), c.pick((0.95, 0.85, 0.4), (0.9, 0.9, 0.9)), pupil=0.55)


@motif("sea", SWIMMING)
def angelfish(c: Canvas) -> None:
    """A tall disc in vivid bands with trailing fins."""
    one, two = (
        c.pick((0.98, 0.85, 0.15), (0.15, 0.4, 0.85), (0.95, 0.93, 0.88)),
        c.pick((0.08, 0.08, 0.12), (0.1, 0.15, 0.5), (0.9, 0.4, 0.1)),
    )
    for side in (-1, 1):
        fin = torch.maximum(c.segment(-0.1, side * 0.4, 0.62, side * 0.95, 0.26, 0.02), -0.1 - c.x)
        _fin(c, fin, mix(one, two, 0.3), -0.3, 0.0)
    _fin(c, c.polygon((0.45, -0.12), (0.9, -0.3), (0.9, 0.3), (0.45, 0.12)), one, 0.2, 0.0)
    body = torch.minimum(c.ellipse(-0.05, 0, 0.56, 0.64), c.segment(-0.4, 0.05, -0.82, 0.08, 0.2, 0.07))
    mask = c.cover(body)
    c.paint(mask, mix(one, two, step(0.5, 0.62, wave(c.x * c.uniform(1.7, 2.6) + 0.12 * c.y**2 + c.uniform()))))
    _scales(c, mask, 11, 0.3)
    c.round(mask, c.x / 0.75, c.y / 0.8, 0.1)
    c.eye(-0.5, -0.08, 0.09, c.pick((0.95, 0.7, 0.2), (0.95, 0.95, 0.95)), pupil=0.55)


@motif("sea")
def jellyfish(c: Canvas) -> None:
    """A glowing bell with a fringe, ribbons and threads below."""
    glow = c.pick((0.55, 0.7, 0.98), (0.95, 0.55, 0.7), (0.98, 0.75, 0.5), (0.7, 0.55, 0.95), (0.5, 0.9, 0.85))
    for index in range(9):
        x = (index - 4) * 0.14
        sway = 0.07 * (c.y * c.uniform(5, 9) + c.uniform(0, 6)).sin() * (c.y + 0.1)
        thread = torch.maximum(
            (c.x - x * (1 + 0.25 * c.y) - sway).abs() - (0.02 if index % 2 else 0.05 * (1 - 0.6 * c.y)),
            torch.maximum(-0.05 - c.y, c.y - 0.95 + 0.3 * (index % 2)),
        )
        mask = c.cover(thread) * step(1.0, 0.4, c.y) * 0.85
        c.paint(mask, mix(glow, grey(c.x, 1.0), 0.3 if index % 2 else 0.55))
        c.shade(mask, 0.75 + 0.4 * wave(c.y * 8 + index * 0.3))
    bell = torch.maximum(c.ellipse(0, -0.15, 0.74, 0.72), c.y - 0.02 - 0.05 * wave(c.x * 5))
    mask = c.cover(bell)
    c.paint(mask * 0.92, glow)
    radius, angle = c.polar(0, 0.2)
    c.shade(mask, 0.6 + 0.35 * wave(angle * 20 / math.tau) + 0.3 * step(0.2, 0.9, radius))
    c.gloss(mask * step(0.55, 0.1, c.circle(-0.2, -0.5, 0.0)), 0.45)
    for x in (-0.2, 0.2, 0.0):
        c.gloss(c.cover((c.circle(x, -0.3, 0.12)).abs() - 0.03, 4) * mask, 0.5)
    c.gloss(mask * step(0.05, 0.0, bell.abs()), 0.6)


@motif("sea")
def octopus(c: Canvas) -> None:
    """A swollen head with two bar eyes, arms that curl, pale suckers."""
    skin = c.pick((0.75, 0.3, 0.2), (0.6, 0.4, 0.55), (0.85, 0.55, 0.35), (0.4, 0.45, 0.5))
    for index in range(8):
        lean = (index - 3.5) * 0.42
        for part in range(6):
            share = part / 6
            bend = lean * (1 + 0.9 * share)
            x, y = math.sin(bend) * (0.25 + 0.66 * share), 0.12 + math.cos(lean * 0.8) * 0.75 * share
            size = 0.155 * (1 - 0.75 * share)
            c.hollow(c.circle(x, y, size), 0.03, 0.3)
            c.blob(x, y, size, size, skin)
            ring = c.circle(x, y + size * 0.35, size * 0.42)
            c.tint(c.cover(ring), mix(skin, grey(c.x, 1.0), 0.65))
            c.tint(c.cover(ring + size * 0.22), skin * 0.5)
    c.hollow(c.ellipse(0, -0.3, 0.46, 0.58), 0.08, 0.4)
    head, _u, _v = c.blob(0, -0.32, 0.46, 0.6, skin)
    c.shade(head, (1 + 0.22 * c.noise(c.x * 0.8, c.y * 0.8)).clamp(0.5, 1.5))
    c.tint(head * step(1.0, 1.6, c.noise(c.x * 0.9, c.y * 0.9, "fine")) * 0.6, mix(skin, grey(c.x, 1.0), 0.6))
    for side in (-1, 1):
        c.blob(side * 0.27, 0.0, 0.17, 0.16, skin * 1.1)
        c.eye(side * 0.27, 0.0, 0.1, c.pick((0.95, 0.85, 0.4), (0.9, 0.9, 0.85)), pupil=0.3)
        c.paint(c.cover(c.box(side * 0.27, 0.0, 0.075, 0.025)), grey(c.x, 0.02))


@motif("sea", ANY_WAY)
def tentacle(c: Canvas) -> None:
    """One arm in a coil, a row of suckers along it."""
    skin = c.pick((0.7, 0.25, 0.25), (0.5, 0.35, 0.6), (0.3, 0.5, 0.45), (0.85, 0.5, 0.3))
    radius, angle = c.polar()
    turns = c.uniform(0.2, 0.26)
    along = (radius / turns) - angle / math.tau
    arm, across = along.floor(), along % 1.0 - 0.5
    mask = c.cover(radius - 0.92) * step(0.5, 0.44, across.abs())
    c.paint(mask, skin)
    c.shade(mask, 1.15 - 3.4 * across**2 + 0.1 * c.noise(c.x, c.y))
    length = (arm + angle / math.tau + 0.5) * 11
    du, dv = length % 1.0 - 0.5, (across - 0.18) * 2.4
    sucker = (du * du + dv * dv).sqrt()
    c.tint(mask * step(0.46, 0.4, sucker), mix(skin, grey(c.x, 1.0), 0.7))
    c.shade(mask * step(0.46, 0.4, sucker), 1.1 - 0.7 * step(0.28, 0.18, sucker))
    c.tint(c.cover(radius - 0.92) * step(0.43, 0.5, across.abs()), skin * 0.15)


@motif("sea", ANY_WAY)
def starfish(c: Canvas) -> None:
    """Five tapering arms covered with knobs."""
    skin = c.pick((0.9, 0.45, 0.15), (0.8, 0.2, 0.15), (0.55, 0.35, 0.6), (0.85, 0.7, 0.4), (0.25, 0.4, 0.65))
    radius, angle = c.polar()
    arm = ((angle / math.tau * 5 + 0.5) % 1.0 - 0.5) * math.tau / 5
    across, along = radius * arm.sin(), radius * arm.cos()
    shape = torch.maximum(across.abs() - 0.3 * (1 - along / 0.98).clamp(min=0) ** 0.75 - 0.02, along - 0.97) * 0.8
    mask = c.cover(shape)
    c.paint(mask, skin)
    c.relief(step(0.0, -0.2, shape), 0.14, mask)
    knob = wave(along * 9) * wave(across * 9)
    c.gloss(mask * step(0.6, 0.85, knob), 0.45)
    c.shade(mask, 0.8 + 0.3 * knob + 0.1 * c.noise(c.x, c.y, "fine"))
    c.tint(mask * step(0.035, 0.015, across.abs()) * wave(along * 14), mix(skin, grey(c.x, 1.0), 0.7))


@motif("sea", ANY_WAY)
def scallop(c: Canvas) -> None:
    """A fan shell: ribs from the hinge, bands of growth across."""
    shell = c.pick((0.95, 0.75, 0.6), (0.85, 0.45, 0.35), (0.95, 0.9, 0.8), (0.6, 0.4, 0.5), (0.9, 0.65, 0.3))
    radius, angle = c.polar(0, 0.72)
    fan = (angle + math.pi / 2).abs()
    ribs = wave(angle * 26 / math.tau)
    edge = 1.5 * (1 - 0.12 * (fan / 1.1) ** 2) - 0.05 * (1 - ribs)
    ears = c.cover(c.box(0, 0.68, 0.42, 0.13, 0, 0.03))
    c.paint(ears, shell * 0.8)
    c.shade(ears, 0.75 + 0.35 * wave(c.x * 14))
    mask = c.cover(torch.maximum(radius - edge, (fan - 1.12 + 0.1 * step(1.3, 0.2, radius)) * radius))
    c.paint(mask, mix(shell, shell * 0.55, step(0.45, 0.9, wave(radius * c.uniform(3, 5)))))
    c.shade(mask, 0.5 + 0.6 * ribs)
    c.shade(mask, 0.92 + 0.12 * wave(radius * 22))
    c.relief(ribs * 0.5, 0.05, mask)


@motif("sea")
def crab(c: Canvas) -> None:
    """A wide shell, stalked eyes, two raised claws, jointed legs."""
    shell = c.pick((0.8, 0.25, 0.12), (0.85, 0.45, 0.2), (0.35, 0.45, 0.5), (0.55, 0.3, 0.2))
    for side in (-1, 1):
        for index in range(3):
            y = 0.25 + index * 0.14
            for a, b in (((0.4, y), (0.78, y - 0.02)), ((0.78, y - 0.02), (0.95, y + 0.26))):
                mask = c.cover(c.segment(side * a[0], a[1], side * b[0], b[1], 0.055, 0.03))
                c.paint(mask, shell * 0.8)
        c.paint(c.cover(c.segment(side * 0.5, 0.05, side * 0.76, -0.25, 0.1, 0.08)), shell * 0.85)
        claw, _, _ = c.blob(side * 0.7, -0.52, 0.24, 0.34, shell, side * 0.25)
        gap = c.segment(side * 0.64, -0.55, side * 0.56, -0.95, 0.02, 0.11)
        c.paint(c.cover(gap), shell * 0.12)
        c.grain(claw, 0.2, 1.5, "fine")
        c.paint(c.cover(c.segment(side * 0.16, 0.0, side * 0.19, -0.28, 0.035)), shell * 0.7)
        c.blob(side * 0.19, -0.3, 0.08, 0.08, grey(c.x, 0.05))
        c.gloss(c.cover(c.circle(side * 0.17, -0.33, 0.025)), 1.0)
    body, _u, _v = c.blob(0, 0.28, 0.62, 0.42, shell)
    c.grain(body, 0.25, 1.5, "fine")
    c.tint(body * step(1.2, 1.8, c.noise(c.x * 1.2, c.y * 1.2, "fine")), mix(shell, grey(c.x, 1.0), 0.6))
    c.shade(c.cover((c.y - 0.42 + 0.25 * c.x**2).abs() - 0.015) * body, 0.5)


@motif("sea")
def seahorse(c: Canvas) -> None:
    """A horse's head on a ringed body that ends in a curl."""
    skin = c.pick((0.9, 0.65, 0.2), (0.85, 0.4, 0.3), (0.6, 0.5, 0.65), (0.45, 0.55, 0.35))
    points = [
        (0.1, -0.55),
        (0.26, -0.25),
        (0.3, 0.05),
        (0.16, 0.32),
        (-0.02, 0.52),
        (-0.04, 0.74),
        (0.14, 0.86),
        (0.3, 0.76),
        (0.26, 0.62),
    ]
    widths = [0.17, 0.19, 0.22, 0.17, 0.12, 0.1, 0.08, 0.065, 0.05, 0.04]
    _fin(c, c.ellipse(0.55, 0.05, 0.2, 0.26), mix(skin, grey(c.x, 1.0), 0.5), 0.25, 0.05)
    for index, (a, b) in enumerate(itertools.pairwise(points)):
        mask = c.cover(c.segment(*a, *b, widths[index], widths[index + 1]))
        c.paint(mask, skin)
    rings = wave(c.y * 9 - c.x * 2)
    c.relief(rings, 0.03)
    c.shade(c.everywhere, 0.8 + 0.3 * rings)
    c.tint(c.cover(c.segment(0.12, -0.1, 0.1, 0.3, 0.07, 0.05), 4), mix(skin, grey(c.x, 1.0), 0.6))
    snout = c.cover(torch.minimum(c.circle(0.0, -0.66, 0.2), c.segment(-0.1, -0.62, -0.55, -0.52, 0.09, 0.07)))
    c.paint(snout, skin)
    c.shade(snout, 1.1 - 0.5 * step(-0.7, -0.45, c.y))
    for x, y in ((0.0, -0.88), (0.14, -0.8), (0.24, -0.64)):
        c.paint(c.cover(c.segment(x * 0.8, y + 0.08, x * 1.25, y - 0.07, 0.05, 0.01)), skin * 0.8)
    c.eye(-0.06, -0.68, 0.075, c.pick((0.95, 0.9, 0.6)), pupil=0.5)


@motif("sea", ANY_WAY)
def turtle(c: Canvas) -> None:
    """A domed shell of plates, four flippers, a beaked head."""
    skin, shell = (
        c.pick((0.45, 0.55, 0.3), (0.5, 0.5, 0.4), (0.35, 0.5, 0.45)),
        c.pick((0.4, 0.3, 0.15), (0.3, 0.4, 0.2), (0.55, 0.38, 0.18)),
    )
    for side in (-1, 1):
        for x, y, rx, ry, turn in ((0.68, -0.38, 0.36, 0.14, -0.7), (0.55, 0.55, 0.25, 0.12, 0.8)):
            mask, u, v = c.blob(side * x, y, rx, ry, skin, side * turn)
            c.tint(mask * step(0.45, 0.7, wave(u * 3) * wave(v * 2)), skin * 0.4)
    c.blob(0, -0.74, 0.19, 0.22, skin)
    for side in (-1, 1):
        c.blob(side * 0.11, -0.8, 0.05, 0.05, grey(c.x, 0.05))
    mask, _, _ = c.blob(0, 0.05, 0.6, 0.7, shell)
    across, along = c.x * 2.6, c.y * 2.6 - 0.13
    wall = torch.full_like(across, 9.0)
    first = wall
    for px, py in PLATES:
        far = ((across - px) ** 2 + (along - py) ** 2).sqrt()
        wall = torch.minimum(wall, torch.maximum(first, far))
        first = torch.minimum(first, far)
    edge = wall - first
    c.shade(mask, 0.55 + 0.6 * step(0.0, 0.25, edge) + 0.2 * wave(first * 3.5))
    c.tint(mask * step(0.1, 0.03, edge), c.pick((0.9, 0.8, 0.45), (0.15, 0.12, 0.06)))
    c.line(c.ellipse(0, 0.05, 0.58, 0.68), 0.03, shell * 1.5)


@motif("sea", PATTERN)
def coral(c: Canvas) -> None:
    """Winding ridges of a brain coral, valleys between."""
    skin = c.pick((0.85, 0.45, 0.4), (0.6, 0.7, 0.35), (0.85, 0.7, 0.35), (0.55, 0.4, 0.65), (0.3, 0.6, 0.6))
    height = c.noise(c.x * 0.3, c.y * 0.3, "soft")
    ridge = wave(height * 1.1 + 0.12 * c.noise(c.x * 0.5, c.y * 0.5))
    c.paint(c.everywhere, mix(skin * 0.4, skin, ridge))
    c.relief(ridge, 0.05)
    c.shade(c.everywhere, (0.85 + 0.3 * ridge) * (1 + 0.16 * c.noise(c.x * 1.5, c.y * 1.5, "fine")).clamp(0.4, 1.6))
    c.tint(step(0.06, 0.0, (ridge - 0.5).abs()) * 0.5, mix(skin, grey(c.x, 1.0), 0.7))
