"""machines: wheels, clocks, engines and lenses."""

from __future__ import annotations

import math

import torch

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import ANY_WAY, Canvas
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


@motif("machines", ANY_WAY)
def gear(c: Canvas) -> None:
    """Teeth around a spoked disc of metal, an axle hole in it."""
    metal = c.metal()
    radius, angle = c.polar()
    teeth = c.whole(9, 16)
    rim = radius - 0.78 - 0.14 * step(0.35, 0.65, wave(angle * teeth / math.tau))
    holes = torch.maximum((radius - 0.45).abs() - 0.13, 0.3 - wave(angle * c.whole(4, 6) / math.tau))
    body = torch.maximum(torch.maximum(rim, -holes * 0.5), 0.1 - radius)
    mask = c.cover(body)
    c.paint(mask, metal)
    c.relief(step(0.02, -0.05, body) + 0.6 * step(0.7, 0.64, radius) * step(0.58, 0.62, radius), 0.06)
    c.shade(mask, 0.8 + 0.25 * wave(angle / math.pi + 0.2) + 0.1 * c.noise(angle / math.tau, radius * 2.5, "fine"))
    c.line(radius - 0.18, 0.03, metal * 0.4)
    c.tint(c.cover(c.noise(c.x * 0.4, c.y * 0.4) * -0.2 + 0.25) * c.chance(0.4) * mask, c.pick((0.4, 0.18, 0.07)))


@motif("machines")
def clock(c: Canvas) -> None:
    """A pale dial in a metal case, twelve strokes and two hands."""
    radius, angle = c.polar()
    case = c.metal()
    c.paint(c.cover(radius - 0.93), case)
    c.shade(c.everywhere, 0.6 + 0.7 * wave((radius - 0.86) * 6))
    c.round(c.cover(radius - 0.93), c.x / 1.1, c.y / 1.1)
    face = c.cover(radius - 0.77)
    c.paint(face, c.pick((0.95, 0.93, 0.86), (0.9, 0.84, 0.68), (0.12, 0.12, 0.15)))
    c.shade(face, 1 - 0.35 * step(0.55, 0.78, radius))
    ink = c.pick((0.06, 0.05, 0.05), (0.45, 0.08, 0.05))
    stroke = (wave(angle * 12 / math.tau) > 0.88) & (radius > 0.56) & (radius < 0.7)
    c.tint(stroke.float(), ink)
    c.tint(((wave(angle * 60 / math.tau) > 0.8) & (radius > 0.7) & (radius < 0.74)).float(), ink)
    for length, width in ((0.36, 0.05), (0.58, 0.03)):
        turn = c.uniform(0, math.tau)
        c.shade(c.cover(c.segment(0.03, 0.04, turn.cos() * length + 0.03, turn.sin() * length + 0.04, width), 4), 0.7)
        c.tint(c.cover(c.segment(0, 0, turn.cos() * length, turn.sin() * length, width, width * 0.4)), ink)
    c.blob(0, 0, 0.07, 0.07, case)


@motif("machines", ANY_WAY)
def wheel(c: Canvas) -> None:
    """A tyre with tread, a bright rim, spokes to a hub."""
    radius, angle = c.polar()
    c.paint(c.cover(radius - 0.94), grey(c.x, c.uniform(0.07, 0.18)))
    c.shade(c.everywhere, 0.7 + 0.7 * wave((radius - 0.8) * 3.4))
    c.shade(step(0.84, 0.88, radius), 0.6 + 0.8 * wave(angle * 40 / math.tau + radius * 3))
    c.paint(c.cover(radius - 0.62), grey(c.x, 0.05))
    metal = c.metal() * 1.1
    count = c.whole(5, 18)
    spoke = c.cover(((angle / math.tau * count % 1.0) - 0.5).abs() * math.tau / count * radius - 0.035 - 0.06 / count)
    c.tint(spoke * step(0.62, 0.6, radius), metal)
    rim = c.cover((radius - 0.58).abs() - 0.055)
    c.tint(rim, metal)
    c.shade(rim, 0.5 + 0.9 * wave(angle / math.pi + 0.3 * c.light[0]))
    c.blob(0, 0, 0.17, 0.17, metal)
    c.shade(c.cover(radius - 0.07), 0.4)


@motif("machines")
def car(c: Canvas) -> None:
    """A car's front: two lamps, a grille, a windscreen that mirrors the sky."""
    paint = c.pick(
        (0.7, 0.08, 0.06), (0.1, 0.25, 0.5), (0.85, 0.8, 0.68), (0.12, 0.3, 0.2), (0.9, 0.65, 0.12), (0.15, 0.15, 0.17)
    )
    for side in (-1, 1):
        c.paint(c.cover(c.box(side * 0.62, 0.62, 0.16, 0.26, 0, 0.06)), grey(c.x, 0.07))
    roof = c.cover(c.polygon((-0.42, -0.72), (0.42, -0.72), (0.66, -0.05), (-0.66, -0.05)) - 0.08)
    c.paint(roof, paint * 0.9)
    glass = c.cover(c.polygon((-0.36, -0.62), (0.36, -0.62), (0.55, -0.12), (-0.55, -0.12)))
    c.tint(glass, mix(c.pick((0.25, 0.35, 0.45)), c.pick((0.75, 0.85, 0.92)), step(0.1, -0.7, c.y + 0.3 * c.x)))
    body = c.cover(c.box(0, 0.22, 0.86, 0.4, 0, 0.2))
    c.paint(body, paint)
    c.shade(body, 1.25 - 0.8 * step(-0.15, 0.65, c.y))
    c.gloss(c.cover(c.box(0, -0.08, 0.6, 0.03, 0, 0.03), 3) * body, 0.5)
    grille = c.cover(c.box(0, 0.25, 0.34, c.uniform(0.1, 0.2), 0, 0.06))
    c.tint(grille, grey(c.x, 0.08))
    c.gloss(grille * (wave(c.x * 11) > 0.75).float(), 0.6)
    c.tint(c.cover(c.box(0, 0.52, 0.88, 0.07, 0, 0.06)), c.pick((0.8, 0.82, 0.85), (0.1, 0.1, 0.1)))
    for side in (-1, 1):
        c.blob(side * 0.6, 0.18, 0.2, 0.2, grey(c.x, 0.75))
        c.paint(c.cover(c.circle(side * 0.6, 0.18, 0.15)), c.pick((0.98, 0.96, 0.85), (0.95, 0.85, 0.5)))
        c.shade(c.cover(c.circle(side * 0.6, 0.18, 0.15)), 0.75 + 0.35 * wave(c.x * 14))


@motif("machines")
def locomotive(c: Canvas) -> None:
    """A steam engine from the front: a round smokebox, a lamp, a chimney, buffers."""
    iron, brass = grey(c.x, c.uniform(0.08, 0.2)), c.pick((0.8, 0.62, 0.25), (0.75, 0.3, 0.15))
    c.paint(c.cover(c.box(0, -0.78, 0.16, 0.22)), iron)
    c.paint(c.cover(c.box(0, -0.93, 0.23, 0.05, 0, 0.03)), brass)
    c.paint(c.cover(c.box(0, 0.62, 0.85, 0.17, 0, 0.03)), c.pick((0.6, 0.06, 0.05), (0.1, 0.1, 0.12)))
    c.shade(c.everywhere, 0.75 + 0.4 * step(0.8, 0.5, c.y))
    _boiler, _u, _v = c.blob(0, -0.08, 0.66, 0.62, iron * 1.3)
    radius, angle = c.polar(0, -0.08)
    c.line(radius - 0.6, 0.035, brass)
    c.gloss(c.cover((radius - 0.6).abs() + 0.02 - 0.045 * wave(angle * 24 / math.tau)), 0.6)
    _door, _, _ = c.blob(0, -0.08, 0.44, 0.42, iron * 2.0)
    c.tint(c.cover(c.segment(-0.4, -0.08, 0.4, -0.08, 0.03)), brass)
    c.blob(0, -0.08, 0.09, 0.09, brass)
    c.blob(0, -0.56, 0.15, 0.15, brass)
    c.paint(c.cover(c.circle(0, -0.56, 0.11)), c.pick((1.0, 0.95, 0.7), (0.95, 0.98, 1.0)))
    for side in (-1, 1):
        c.blob(side * 0.6, 0.62, 0.17, 0.17, grey(c.x, 0.4))
        c.blob(side * 0.6, 0.6, 0.11, 0.11, grey(c.x, 0.62))
    c.paint(c.cover(c.polygon((-0.35, 0.75), (0.35, 0.75), (0.55, 0.97), (-0.55, 0.97))), iron)
    c.shade(step(0.75, 0.78, c.y), 0.5 + wave(c.x * 8))


@motif("machines", ANY_WAY)
def lens(c: Canvas) -> None:
    """A camera lens: ribbed barrel, rings, coated glass with two reflections."""
    radius, angle = c.polar()
    c.paint(c.cover(radius - 0.94), grey(c.x, c.uniform(0.1, 0.2)))
    c.shade(step(0.78, 0.82, radius), 0.5 + 1.3 * wave(angle * c.whole(36, 60) / math.tau))
    for ring, light in ((0.77, 0.75), (0.66, 0.3), (0.57, 0.55)):
        c.line(radius - ring, 0.018, grey(c.x, light))
        c.shade(step(ring, ring - 0.1, radius), 0.7)
    letters = (c.noise(angle * 1.2, radius * 0.4, "fine") > 0.9).float() * step(0.03, 0.02, (radius - 0.71).abs())
    c.gloss(letters, 0.8)
    glass = c.cover(radius - 0.54)
    coat = c.pick((0.25, 0.1, 0.5), (0.05, 0.35, 0.35), (0.45, 0.12, 0.1), (0.1, 0.2, 0.5))
    c.paint(glass, mix(grey(c.x, 0.02), coat, step(0.05, 0.55, radius)))
    c.tint(c.cover(radius - 0.17), grey(c.x, 0.01))
    side = c.light[0].sign()
    c.gloss(c.cover(c.ellipse(side * 0.2, -0.24, 0.16, 0.1, side * 0.6), 5) * glass, 0.85)
    c.gloss(c.cover(c.ellipse(-side * 0.2, 0.26, 0.09, 0.06, side * 0.6), 5) * glass, 0.4)
    c.line(radius - 0.34, 0.012, coat * 1.6)


@motif("machines")
def robot(c: Canvas) -> None:
    """A tin head: a box with lamp eyes, a grille for a mouth, bolts and an aerial."""
    tin = mix(c.metal(), c.colour((0.3, 0.6), (0.2, 0.5)), c.chance(0.4))
    c.paint(c.cover(c.segment(0, -0.7, 0, -0.92, 0.03)), tin * 0.6)
    c.blob(0, -0.9, 0.08, 0.08, c.pick((0.9, 0.15, 0.1), (0.95, 0.8, 0.2)))
    for side in (-1, 1):
        c.blob(side * 0.78, 0.0, 0.14, 0.2, tin * 0.7)
    shape = c.box(0, 0.05, 0.7, 0.74, 0, c.uniform(0.1, 0.35))
    head = c.cover(shape)
    c.paint(head, tin)
    c.relief(step(0.0, -0.12, shape), 0.12, head)
    c.grain(head, 0.12, 1.2, "fine")
    lamp = c.colour((0.0, 0.6), (0.6, 1.0), (0.8, 1.0))
    size = c.uniform(0.17, 0.23)
    for side in (-1, 1):
        c.hollow(c.circle(side * 0.3, -0.15, size + 0.05), 0.06, 0.5)
        c.blob(side * 0.3, -0.15, size + 0.05, size + 0.05, tin * 0.5)
        radius, _ = c.polar(side * 0.3, -0.15)
        c.paint(c.cover(radius - size), mix(grey(c.x, 1.0), lamp, step(0.0, size * 0.8, radius)))
        c.line(radius - size * 0.45, 0.014, lamp * 0.4)
    mouth = c.cover(c.box(0, 0.45, 0.4, 0.15, 0, 0.05))
    c.tint(mouth, grey(c.x, 0.06))
    c.tint(mouth * (wave(c.x * 9) > 0.5).float(), tin * 1.2)
    for x, y in ((-0.55, -0.5), (0.55, -0.5), (-0.55, 0.62), (0.55, 0.62)):
        c.blob(x, y, 0.06, 0.06, tin * 0.8)


@motif("machines", ANY_WAY)
def propeller(c: Canvas) -> None:
    """Blades twisted around a polished cone."""
    radius, angle = c.polar()
    count = c.whole(3, 5)
    turn = angle / math.tau * count + 0.25 * radius
    across = (turn % 1.0 - 0.5) * math.tau / count * radius
    blade = torch.maximum(across.abs() - 0.05 - 0.32 * radius * (1 - radius), radius - 0.94)
    mask = c.cover(blade)
    wood = c.chance(0.5)
    c.paint(mask, mix(c.metal(), c.pick((0.5, 0.28, 0.12), (0.65, 0.42, 0.2)), wood))
    c.shade(mask, 0.85 + across * 2.6)
    c.fur(mask, radius, across * 2, wood * 0.25)
    c.tint(mask * step(0.8, 0.82, radius), c.pick((0.9, 0.75, 0.1), (0.8, 0.1, 0.08)))
    _cone, _, _ = c.blob(0, 0, 0.24, 0.24, c.metal())
    c.line(radius - 0.2, 0.015, grey(c.x, 0.15))


@motif("machines")
def gauge(c: Canvas) -> None:
    """A round instrument: black dial, white marks on an arc, a red zone, one needle, four screws."""
    radius, angle = c.polar()
    c.paint(c.cover(c.box(0, 0, 0.92, 0.92, 0, c.uniform(0.2, 0.9))), c.metal() * 0.8)
    c.grain(c.everywhere, 0.12, 1.0, "fine")
    for x, y in ((-0.74, -0.74), (0.74, -0.74), (-0.74, 0.74), (0.74, 0.74)):
        mask, u, _ = c.blob(x, y, 0.08, 0.08, grey(c.x, 0.6))
        c.shade(mask * step(0.25, 0.1, u.abs()), 0.3)
    c.line(radius - 0.78, 0.05, c.metal() * 1.1)
    c.paint(c.cover(radius - 0.75), c.pick((0.05, 0.05, 0.06), (0.06, 0.1, 0.09), (0.92, 0.9, 0.82)))
    ink = torch.where(c.colours.mean((1, 2, 3), keepdim=True) > 0.55, 0.08, 0.95).expand(-1, 3, 1, 1)
    arc = step(2.35, 2.3, (angle + math.pi / 2 + math.pi) % math.tau - math.pi).abs() * 1.0
    low = ((angle - math.pi / 2 + math.pi) % math.tau - math.pi).abs() > 0.7
    marks = low & (wave(angle * 30 / math.tau) > 0.8) & (radius > 0.58) & (radius < 0.68)
    c.tint(
        (marks | (low & (wave(angle * 10 / math.tau) > 0.93) & (radius > 0.5) & (radius < 0.68))).float()
        * arc.clamp(0.99, 1),
        ink,
    )
    c.tint((low & (angle > -0.7) & (angle < 0.9) & ((radius - 0.7).abs() < 0.025)).float(), c.pick((0.9, 0.12, 0.08)))
    turn = c.uniform(-3.6, 0.4)
    c.tint(
        c.cover(c.segment(turn.cos() * -0.15, turn.sin() * -0.15, turn.cos() * 0.56, turn.sin() * 0.56, 0.035, 0.012)),
        c.pick((0.95, 0.35, 0.1), (0.9, 0.1, 0.1)),
    )
    c.blob(0, 0, 0.09, 0.09, grey(c.x, 0.3))
    c.gloss(c.cover(c.ellipse(-0.2, -0.35, 0.45, 0.2, -0.5), 8) * step(0.75, 0.73, radius), 0.18)
