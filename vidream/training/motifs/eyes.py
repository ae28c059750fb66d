"""eyes: large and single, each in the skin it looks out of, and eyeballs."""

from __future__ import annotations

import math

from torch import Tensor

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import ANY_WAY, Canvas, Number
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


def _fibres(
    c: Canvas, mask: Tensor, distance: Tensor, angle: Tensor, outer: Tensor, inner: Tensor, pupil: Number
) -> None:
    """An iris, of 1 at `distance` 1: fibres, a ragged inner ring, a dark rim. pupil: its radius."""
    fine = c.noise(angle / math.tau * 2, distance * 0.12, "fine")
    ragged = pupil + 0.22 + 0.06 * c.noise(angle / math.tau * 2, distance * 0.1, "pink")
    c.paint(mask, mix(inner, outer, step(ragged - 0.12, ragged + 0.1, distance)))
    c.shade(mask, (1.1 + 0.34 * fine).clamp(0.3, 2.0))
    c.gloss(mask * step(0.09, 0.0, (distance - ragged).abs()), 0.2)
    c.shade(mask, 1.1 - 0.85 * step(0.78, 1.0, distance))


def _shine(c: Canvas, mask: Tensor, cx: Number, cy: Number, radius: Number) -> None:
    """What a wet ball mirrors: a window above, a glow through the iris below."""
    side = c.light[0].sign()
    window = c.cover(c.box(cx + side * radius * 0.34, cy - radius * 0.38, radius * 0.2, radius * 0.17, -0.2, 0.03), 2)
    c.gloss(
        mask * c.cover(c.ellipse(cx - side * radius * 0.3, cy + radius * 0.45, radius * 0.4, radius * 0.24), 30), 0.3
    )
    c.gloss(mask * window, 0.95)


def _lids(c: Canvas, half: Number, up: Number, down: Number, tilt: Number) -> Tensor:
    """The opening between two lids, in motif units, about negative inside."""
    s = (c.x / half).clamp(-1.2, 1.2)
    arch = (1 - s * s).clamp(min=-0.4)
    lean = c.y - tilt * c.x
    return (lean - down * arch).maximum(-lean - up * arch * (1 - 0.25 * s))


def _hairy_skin(c: Canvas, coat: Tensor, strength: float = 0.35) -> Tensor:
    """A patch of fur with a torn edge that streams away from the eye. Returns its mask."""
    radius, angle = c.polar(0, 0)
    torn = 0.06 * c.noise(angle / math.tau * 3, radius * 0.1, "fine")
    mask = c.cover(c.ellipse(0, 0, 0.97, 0.86) + torn)
    c.paint(mask, coat)
    c.shade(mask, 0.85 + 0.25 * c.noise(c.x * 0.12, c.y * 0.12, "soft").clamp(-1, 1))
    c.radial_fur(mask, 0, 0, strength)
    return mask


def _slit_ball(c: Canvas, opening: Tensor, iris: Tensor, inner: Tensor, wide: Number, tall: Number) -> None:
    """An animal's ball under its lids, all iris, with an upright (wide < tall) or a lying pupil."""
    mask = c.cover(opening)
    radius, angle = c.polar(0, 0)
    ball = c.uniform(0.5, 0.56)
    _fibres(c, mask, radius / ball, angle, iris, inner, 0.12)
    c.paint(mask * c.cover(c.ellipse(0, 0, wide, tall), 1.5), grey(c.x, 0.02))
    c.shade(mask * step(-0.2, 0.02, opening) * step(0.3, -0.4, c.y), 0.45)
    c.shade(mask, 1.0 - 0.3 * step(0.0, -0.4, c.y))
    _shine(c, mask, 0, 0, 0.42)


@motif("eyes")
def human_eye(c: Canvas) -> None:
    """An almond of white with a round iris, lashes, a crease in the lid, at times a brow."""
    skin = c.pick((0.93, 0.77, 0.66), (0.85, 0.64, 0.5), (0.7, 0.48, 0.34), (0.5, 0.32, 0.22), (0.35, 0.22, 0.15))
    skin = skin * c.uniform(0.85, 1.05)[:, None]
    half, up, tilt = c.uniform(0.7, 0.82), c.uniform(0.3, 0.44), c.uniform(-0.12, 0.04)
    mask = c.cover(c.ellipse(0, -0.08, 0.97, 0.86), 8)
    c.paint(mask, skin)
    s, lean = c.x / half, c.y - tilt * c.x
    arch = (1 - s * s).clamp(min=-0.4)
    crease = lean + (up + c.uniform(0.1, 0.18)) * arch.clamp(min=0) ** 0.7 + 0.02
    c.shade(mask * step(0.3, 0.0, crease.abs()) * step(0.1, -0.02, crease), 0.72)
    c.gloss(mask * step(0.12, 0.0, (crease - 0.11).abs()) * step(1.1, 0.5, s.abs()), 0.22)
    c.tint(mask * step(0.035, 0.0, crease.abs()) * step(1.05, 0.8, s.abs()), skin * 0.42)
    c.shade(mask * step(0.16, 0.0, (lean - 0.36 * arch - 0.16).abs()) * step(1.1, 0.4, s.abs()), 0.8)
    c.shade(mask * c.cover(c.ellipse(-0.95, -0.25, 0.35, 0.6), 50), 0.75)
    c.grain(mask, 0.06, 0.9, "fine")
    opening = _lids(c, half, up, c.uniform(0.2, 0.28), tilt)
    c.tint(c.cover(opening - 0.045, 2) * mask, mix(skin, c.pick((0.75, 0.4, 0.36)), 0.5))
    white = c.cover(opening)
    c.paint(white, c.pick((0.93, 0.9, 0.88), (0.88, 0.84, 0.8), (0.95, 0.94, 0.95)))
    c.tint(white * step(-0.75, -0.95, s), c.pick((0.8, 0.45, 0.42)))
    veins = step(0.12, 0.0, c.noise(c.x * 0.3, c.y * 0.9).abs()) * step(0.35, 0.9, s.abs())
    c.tint(white * veins * 0.35, c.pick((0.75, 0.25, 0.2)))
    c.shade(white, 1.05 - 0.5 * step(0.25, 1.1, s.abs()))
    gaze, radius = c.uniform(-0.14, 0.14), c.uniform(0.31, 0.36)
    from_centre, angle = c.polar(gaze, -0.05)
    iris = c.pick((0.25, 0.42, 0.62), (0.28, 0.45, 0.3), (0.34, 0.18, 0.08), (0.46, 0.3, 0.12), (0.4, 0.47, 0.5))
    disc = white * c.cover(from_centre - radius, 2)
    _fibres(c, disc, from_centre / radius, angle, iris, mix(iris, c.pick((0.65, 0.42, 0.15)), 0.6), 0.32)
    c.paint(disc * c.cover(from_centre - radius * c.uniform(0.3, 0.46), 1.5), grey(c.x, 0.02))
    c.shade(white * step(0.2, 0.0, lean + up * arch), 0.4)
    _shine(c, disc, gaze, -0.05, radius)
    _lashes(c, half, up, lean, s)
    brow = c.segment(-0.75, -0.66, 0.2, -0.82, 0.07, 0.085).minimum(c.segment(0.2, -0.82, 0.8, -0.6, 0.085, 0.02))
    brow = brow + 0.03 * c.noise(c.x * 1.5 + c.y, c.y * 0.3, "fine")
    c.tint(c.chance(0.6) * c.cover(brow, 6) * mask * 0.9, mix(grey(c.x, 0.06), skin, c.uniform(0.0, 0.3)))


def _lashes(c: Canvas, half: Number, up: Number, lean: Tensor, s: Tensor) -> None:
    """Dark lines of the lids, and lashes that fan out and curl up from the upper one."""
    dark, arch = grey(c.x, 0.04), (1 - s * s).clamp(min=0)
    height = -(lean + up * arch * (1 - 0.25 * s))
    for side, length, dense in ((1, c.uniform(0.2, 0.34), 15), (-1, c.uniform(0.06, 0.12), 11)):
        rise = (height if side > 0 else lean - 0.24 * arch) / length
        fan = s / (1 + 0.45 * rise.clamp(min=0) * length / 0.3) - 0.05 * rise.clamp(min=0) ** 2
        phase = fan * dense + 0.2 * c.noise(fan * 0.5, fan * 0 + 0.3)
        hair = step(0.3, 0.12, (phase % 1.0 - 0.5).abs() + 0.2 * rise.clamp(min=0))
        tip = step(1.0, 0.75, rise + 0.25 * wave(phase * 0.37)) * step(-0.12, 0.0, rise) * step(1.0, 0.9, fan.abs())
        c.tint(hair * tip * (0.9 if side > 0 else 0.55), dark)
    c.tint(step(0.04, 0.01, height.abs()) * step(1.03, 0.95, s.abs()), dark)


@motif("eyes")
def cat_eye(c: Canvas) -> None:
    """A great amber or green iris and a slit, black-rimmed, in striped fur."""
    coat = c.pelt()
    mask = _hairy_skin(c, coat)
    radius, angle = c.polar(0, 0.1)
    stripes = step(0.5, 0.8, wave(angle / math.tau * c.whole(7, 11) + 0.2 * c.noise(c.x * 0.2, c.y * 0.2)))
    c.shade(mask * c.chance(0.7) * stripes * step(0.5, 0.75, radius), 0.4)
    tilt = c.uniform(-0.3, -0.1)
    opening = _lids(c, c.uniform(0.68, 0.76), c.uniform(0.42, 0.54), c.uniform(0.38, 0.48), tilt)
    c.tint(step(0.28, 0.08, opening) * mask * 0.7, mix(coat, grey(c.x, 0.98), c.uniform(0.2, 0.9)))
    c.hollow(opening - 0.04, 0.1, 0.5)
    c.tint(c.cover(opening - 0.055, 2) * mask, grey(c.x, 0.04))
    iris = c.pick((0.8, 0.6, 0.12), (0.5, 0.65, 0.18), (0.3, 0.6, 0.5), (0.86, 0.42, 0.1), (0.4, 0.62, 0.8))
    inner = mix(iris, c.pick((0.95, 0.85, 0.35), (0.55, 0.75, 0.3)), 0.6)
    _slit_ball(c, opening, iris, inner, c.uniform(0.05, 0.2), 0.42)


@motif("eyes")
def reptile_eye(c: Canvas) -> None:
    """A fiery iris with a ragged slit inside a ring of bead scales, and pebbled skin."""
    skin = c.pick((0.35, 0.45, 0.2), (0.5, 0.45, 0.3), (0.26, 0.36, 0.36), (0.55, 0.34, 0.16), (0.3, 0.3, 0.28))
    mask = c.cover(c.ellipse(0, 0, 0.98, 0.88) + 0.03 * c.noise(c.x * 0.4, c.y * 0.4), 3)
    radius, angle = c.polar(0, 0)
    squash = (c.x**2 + (c.y * c.uniform(1.1, 1.35)) ** 2).sqrt()
    _, gap, number = c.cells(c.x * 7.5 + c.x * squash, c.y * 7.5 + c.y * squash)
    ring, beads = squash * 7, angle / math.tau * c.whole(18, 24) + 0.5 * (squash * 7).floor()
    bead = (((beads % 1.0) - 0.5) ** 2 + ((ring % 1.0) - 0.5) ** 2).sqrt()
    near = step(0.86, 0.84, squash)
    dome = mix((0.1 - gap).clamp(min=0)[:, None] * 5, (bead - 0.1).clamp(min=0)[:, None], near)[:, 0]
    c.paint(mask, skin * (0.7 + 0.6 * number)[:, None])
    c.tint(
        near * mask, mix(skin, c.pick((0.75, 0.7, 0.4), (0.2, 0.25, 0.15)), 0.45) * (0.85 + 0.3 * wave(beads)[:, None])
    )
    c.shade(mask, 1.1 - 1.5 * dome.clamp(0, 0.5))
    c.relief(-dome, 0.12)
    opening = squash - c.uniform(0.5, 0.56)
    c.hollow(opening - 0.03, 0.1, 0.65)
    c.tint(c.cover(opening - 0.04, 2), grey(c.x, 0.05))
    iris = c.pick((0.85, 0.5, 0.08), (0.8, 0.68, 0.15), (0.55, 0.65, 0.15), (0.75, 0.25, 0.08))
    slit = c.uniform(0.04, 0.09) + 0.015 * c.noise(c.y * 0.6, c.x * 0.0)
    _slit_ball(c, opening, iris * 0.8, mix(iris, c.pick((1.0, 0.9, 0.4)), 0.6), slit, 0.46)
    net = step(0.16, 0.0, c.noise(c.x * 0.5, c.y * 0.5).abs()) * step(0.12, 0.3, radius) * c.cover(opening + 0.05)
    c.shade(net * step(0.08, 0.12, c.x.abs()), 0.55)


@motif("eyes")
def bird_eye(c: Canvas) -> None:
    """A perfect round in a bare wrinkled ring, with small feathers laid outwards."""
    plume = c.pick(
        (0.5, 0.4, 0.28), (0.85, 0.82, 0.75), (0.15, 0.3, 0.5), (0.7, 0.15, 0.1), (0.2, 0.45, 0.2), (0.16, 0.16, 0.18)
    )
    radius, angle = c.polar(0, 0)
    around = angle / math.tau * c.whole(15, 20)
    across, along, number, shadow = c.rows(around, radius * 6.5)
    torn = 0.05 * (1 - across**2)
    mask = c.cover(radius - 0.86 - torn * 1.5)
    c.paint(mask, plume * (0.7 + 0.5 * number)[:, None])
    c.tint(mask * step(0.55, 0.95, along), mix(plume, c.pick((0.95, 0.9, 0.8), (0.08, 0.07, 0.06)), 0.6))
    c.fur(mask, radius, angle / math.tau * 3, 0.25)
    c.shade(shadow * mask, 0.4)
    ring = c.uniform(0.54, 0.64)
    bare = c.pick((0.85, 0.75, 0.3), (0.8, 0.45, 0.35), (0.75, 0.75, 0.78), (0.3, 0.45, 0.6), (0.25, 0.22, 0.2))
    c.hollow(radius - ring, 0.1, 0.55)
    c.paint(c.cover(radius - ring), bare)
    _, gap, _ = c.cells(angle / math.tau * 40, radius * 16)
    c.shade(c.cover(radius - ring), 0.55 + 0.6 * step(0.0, 0.25, gap))
    c.relief(wave(radius * 9), 0.04, c.cover(radius - ring))
    c.hollow(radius - 0.44, 0.05, 0.8)
    c.paint(c.cover(radius - 0.445), grey(c.x, 0.03))
    ball = c.cover(radius - 0.42)
    iris = c.pick((0.95, 0.6, 0.08), (0.9, 0.8, 0.2), (0.75, 0.15, 0.06), (0.35, 0.17, 0.07), (0.85, 0.88, 0.85))
    _fibres(c, ball, radius / 0.42, angle, iris, mix(iris, grey(c.x, 0.1), 0.25), 0.3)
    c.paint(c.cover(radius - c.uniform(0.17, 0.26)), grey(c.x, 0.01))
    c.shade(ball * step(0.1, -0.42, c.y), 0.6)
    _shine(c, ball, 0, 0, 0.4)


@motif("eyes")
def goat_eye(c: Canvas) -> None:
    """A lying bar of a pupil in a pale gold iris; hairy lids with blond lashes."""
    coat = c.pick((0.85, 0.8, 0.7), (0.5, 0.36, 0.24), (0.25, 0.22, 0.2), (0.7, 0.55, 0.4), (0.6, 0.58, 0.56))
    mask = _hairy_skin(c, coat, 0.3)
    opening = _lids(c, c.uniform(0.72, 0.8), c.uniform(0.46, 0.58), c.uniform(0.42, 0.5), c.uniform(-0.1, 0.1))
    for fold in (0.1, 0.21):
        c.shade(mask * step(0.05, 0.0, (opening - fold).abs()) * step(0.2, -0.1, c.y), 0.5)
    c.hollow(opening - 0.05, 0.12, 0.5)
    c.tint(c.cover(opening - 0.07, 2) * mask, c.pick((0.6, 0.42, 0.38), (0.2, 0.15, 0.14)))
    iris = c.pick((0.82, 0.62, 0.25), (0.72, 0.5, 0.2), (0.62, 0.68, 0.66), (0.78, 0.72, 0.45))
    _slit_ball(c, opening, iris, mix(iris, grey(c.x, 0.25), 0.35), 0.0001, 0.0001)
    bar = c.box(0, 0, c.uniform(0.3, 0.38), c.uniform(0.085, 0.14), 0, 0.07) + 0.008 * c.noise(c.x * 0.9, c.y * 0.2)
    c.shade(c.cover(bar - 0.03, 8) * c.cover(opening), 0.55)
    c.paint(c.cover(bar, 1.5) * c.cover(opening), grey(c.x, 0.03))
    _shine(c, c.cover(opening), 0, -0.04, 0.4)
    rise = (opening - 0.04) / 0.3
    hair = step(0.2, 0.05, ((c.x / (1 + 0.4 * rise) * 10 + 0.4 * rise) % 1.0 - 0.5).abs() + 0.18 * rise)
    hair = hair * step(-0.05, 0.1, rise) * step(1.0, 0.6, rise) * step(0.7, 0.5, c.x.abs()) * step(-0.2, -0.3, c.y)
    c.tint(hair * 0.75, mix(coat, grey(c.x, 0.95), 0.5))


@motif("eyes", ANY_WAY)
def iris(c: Canvas) -> None:
    """An iris alone and huge: fibres like silk, a frilled inner ring, a dark rim."""
    radius, angle = c.polar(0, 0)
    mask = c.cover(radius - 0.94)
    outer = c.pick((0.3, 0.5, 0.7), (0.3, 0.5, 0.32), (0.42, 0.24, 0.1), (0.55, 0.4, 0.18), (0.5, 0.57, 0.6))
    inner = c.pick((0.85, 0.6, 0.22), (0.7, 0.42, 0.15), (0.75, 0.75, 0.55))
    pupil = c.uniform(0.2, 0.36)
    bent = angle / math.tau + 0.02 * c.noise(angle / math.tau * 2, radius * 0.4, "soft")
    frill = pupil + 0.17 + 0.035 * wave(bent * c.whole(15, 26)) + 0.03 * c.noise(bent * 2, radius * 0.1)
    threads = c.noise(bent * 3, radius * 0.08, "fine") + 0.7 * c.noise(bent * 6, radius * 0.12, "fine")
    c.paint(mask, mix(inner, outer, step(frill - 0.05, frill + 0.2, radius)))
    c.shade(mask, (0.95 + 0.3 * threads).clamp(0.25, 2.0))
    c.gloss(mask * step(0.6, 2.2, threads), 0.5)
    _, gap, _ = c.cells(bent * c.whole(14, 20), radius * 3.2)
    c.shade(mask * step(0.1, 0.3, gap) * step(0.0, 0.1, radius - frill) * step(0.85, 0.7, radius), 0.55)
    c.relief(step(0.0, 0.05, (radius - frill).abs()) + 0.2 * threads, 0.05, mask)
    c.shade(mask, 1.1 - 0.95 * step(0.74, 0.95, radius + 0.02 * c.noise(bent * 2, radius * 0.1)))
    c.paint(c.cover(radius - pupil - 0.006 * c.noise(bent * 2, radius * 0.1), 2), grey(c.x, 0.015))
    turn = c.uniform(-2.6, -0.5)
    cx, cy = turn.cos() * 0.4, turn.sin() * 0.4
    c.gloss(mask * c.cover(c.box(cx, cy, 0.13, 0.1, turn, 0.03), 3), 0.9)
    c.gloss(mask * c.cover(c.ellipse(-cx, -cy, 0.4, 0.18, turn + math.pi / 2), 40), 0.22)


def _ball(
    c: Canvas, mask: Tensor, u: Tensor, v: Tensor, gaze_u: Tensor, gaze_v: Tensor, colour: Tensor, size: Number
) -> None:
    """An eyeball in its own (u, v), 1 at its edge, that looks towards (gaze_u, gaze_v): veins, iris, wet light."""
    front = (1 - u * u - v * v).clamp(min=0).sqrt()
    gaze_front = (1 - gaze_u**2 - gaze_v**2).clamp(min=0.05).sqrt()
    away = (u * gaze_u + v * gaze_v + front * gaze_front).clamp(-1, 1).acos()
    angle = ((v - gaze_v) / (0.5 + 0.5 * gaze_front)).atan2(u - gaze_u)
    c.paint(mask, c.pick((0.93, 0.89, 0.84), (0.9, 0.84, 0.72), (0.94, 0.93, 0.93)))
    c.tint(mask * 0.5 * step(0.7, 1.7, away), c.pick((0.85, 0.5, 0.42)))
    crooked = angle / math.tau * 1.2 + 0.02 * c.noise(u * 0.3, v * 0.3)
    veins = step(0.16, 0.0, c.noise(crooked, away * 0.16).abs()) + step(0.1, 0.0, c.noise(u * 0.5, v * 0.5).abs())
    c.tint(mask * (veins * step(0.6, 1.25, away)).clamp(0, 0.85), c.pick((0.7, 0.12, 0.1)))
    disc = mask * step(size + 0.03, size - 0.03, away)
    _fibres(c, disc, away / size, angle, colour, mix(colour, c.pick((0.7, 0.5, 0.2)), 0.5), 0.35)
    c.paint(mask * step(0.44, 0.38, away / size), grey(c.x, 0.02))
    c.round(mask, u, v, 0.6)
    lx, ly, _ = c.light
    c.gloss(mask * step(0.2, 0.13, ((u - 0.42 * lx) ** 2 + (v - 0.45 * ly) ** 2).sqrt()), 0.9)


@motif("eyes", ANY_WAY)
def eyeball(c: Canvas) -> None:
    """One whole ball, wet and veined, that looks aside."""
    u, v = c.within(0, 0, 0.9, 0.9)
    colour = c.pick((0.25, 0.45, 0.65), (0.3, 0.5, 0.3), (0.4, 0.22, 0.1), (0.6, 0.45, 0.15), (0.45, 0.5, 0.52))
    _ball(
        c,
        c.cover(c.circle(0, 0, 0.9)),
        u,
        v,
        c.uniform(-0.5, 0.5),
        c.uniform(-0.45, 0.45),
        colour,
        c.uniform(0.5, 0.62),
    )


@motif("eyes", ANY_WAY)
def many_eyes(c: Canvas) -> None:
    """A heap of eyeballs that look every way."""
    height, second, u, v, number = (c.everywhere * one for one in (-1, -1, 0, 0, 0))
    for index in range(11):
        turn, out = c.uniform(-0.25, 0.25) + index * math.tau / (4 if index < 4 else 7), 0.28 if index < 4 else 0.64
        cx, cy, radius = turn.cos() * out, turn.sin() * out, c.uniform(0.24, 0.38)
        own_u, own_v = c.within(cx, cy, radius, radius)
        square = own_u**2 + own_v**2
        rise = ((1 - square).clamp(min=0).sqrt() * radius + 0.3 * (1 - out) + c.uniform(0, 0.06)) * (square < 1) - (
            square >= 1
        ).float()
        ahead = rise > height
        second = rise.minimum(height).maximum(second)
        height = rise.maximum(height)
        u, v, number = (
            ahead * new + ~ahead * old for new, old in ((own_u, u), (own_v, v), (c.uniform() + 0 * u, number))
        )
    mask = step(-0.5, 0.0, height)
    colour = mix(
        c.pick((0.3, 0.5, 0.68), (0.35, 0.55, 0.3)),
        c.pick((0.42, 0.24, 0.1), (0.6, 0.42, 0.12)),
        step(0.45, 0.5, number),
    )
    _ball(c, mask, u, v, (number * 37).sin() * 0.5, (number * 61).sin() * 0.5, colour, 0.6)
    c.shade(mask * step(0.07, 0.0, height - second), 0.45)
    c.shade(mask * step(0.8, 1.0, u * u + v * v), 0.5)
