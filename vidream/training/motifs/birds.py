"""birds: beaks and feathers."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import ANY_WAY, Canvas
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


def _plumes(c: Canvas, mask: Tensor, size: float = 7.0, strength: float = 0.45, slant: float = 0.0) -> None:
    """Rows of overlapping feathers, tips down."""
    v = c.y * size + slant * c.x * size
    row = v.floor()
    u = c.x * size * 0.7 + 0.5 * (row % 2)
    du, dv = u - u.floor() - 0.5, v - row
    rim = ((du * 1.25) ** 2 + (dv * 0.8) ** 2).sqrt()
    c.shade(
        mask,
        (1.05 - strength * step(0.42, 0.68, rim)) * (0.9 + 0.1 * wave(du * 6)) + 0.25 * strength * step(0.25, 0.5, rim),
    )


def _beak_down(c: Canvas, y: float, half: float, length: float | Tensor, colour: Tensor) -> None:
    """A hooked beak from the front."""
    shape = torch.maximum(
        c.x.abs() - half * (1 - ((c.y - y) / length).clamp(0, 1) ** 1.5), torch.maximum(y - c.y, c.y - y - length)
    )
    c.hollow(shape, 0.06, 0.4)
    mask = c.cover(shape)
    c.paint(mask, colour)
    c.shade(mask, 1.2 - 0.6 * c.x.abs() / half - 0.3 * step(y, y + 0.4, c.y))
    for side in (-1, 1):
        c.tint(c.cover(c.ellipse(side * half * 0.4, y + 0.06, 0.025, 0.018)), colour * 0.2)


@motif("birds")
def owl(c: Canvas) -> None:
    """Two great discs of feathers with burning eyes, ear tufts, a barred breast."""
    coat = c.pelt() * 0.85 + 0.08
    pale = mix(coat, grey(c.x, 1.0), c.uniform(0.3, 0.7))
    for side in (-1, 1):
        tuft = c.cover(c.segment(side * 0.36, -0.55, side * 0.62, -0.98, 0.17, 0.02))
        c.paint(tuft, coat * 0.65)
        c.radial_fur(tuft, 0, 0, 0.4)
    body, _, _ = c.blob(0, 0.08, 0.84, 0.9, coat)
    _plumes(c, body, 6.0, 0.5)
    c.tint(body * step(0.45, 0.7, wave(c.y * 5 + 0.25 * wave(c.x * 6))) * step(0.35, 0.5, c.y), coat * 0.4)
    for side in (-1, 1):
        shape = c.ellipse(side * 0.36, -0.14, 0.42, 0.46)
        c.hollow(shape, 0.05, 0.4)
        disc = c.cover(shape)
        c.paint(disc, pale)
        radius, angle = c.polar(side * 0.34, -0.14)
        c.fur(disc, radius, angle / math.tau * 3, 0.4)
        c.shade(disc, 1.12 - 0.6 * step(0.25, 0.46, radius))
    iris, size, pupil = c.colour((0.06, 0.16), (0.85, 1.0), (0.8, 1.0)), c.uniform(0.18, 0.25), c.uniform(0.4, 0.65)
    for side in (-1, 1):
        c.eye(side * 0.34, -0.14, size, iris, pupil=pupil)
    _beak_down(c, -0.06, 0.1, 0.36, c.colour((0.08, 0.14), (0.2, 0.7), (0.25, 0.85)))


@motif("birds")
def parrot(c: Canvas) -> None:
    """A head in profile: a huge hooked beak, bare cheek, bright feathers."""
    coat = c.pick((0.8, 0.1, 0.08), (0.1, 0.55, 0.2), (0.1, 0.35, 0.8), (0.95, 0.75, 0.1))
    second = c.pick((0.95, 0.8, 0.15), (0.1, 0.4, 0.85), (0.15, 0.6, 0.3))
    body = torch.minimum(c.circle(0.15, -0.25, 0.55), c.segment(0.25, 0.0, 0.35, 0.95, 0.52, 0.6))
    mask = c.cover(body)
    c.paint(mask, mix(coat, second, step(0.25, 0.6, c.y + 0.1 * c.noise(c.x, c.y))))
    _plumes(c, mask, 6.0, 0.5)
    c.shade(mask, 0.75 + 0.45 * step(0.6, -0.6, c.y - c.x * c.light[0]))
    cheek = c.cover(c.ellipse(-0.18, -0.18, 0.3, 0.28))
    c.paint(cheek, grey(c.x, 0.93))
    c.tint(cheek * (wave(c.y * 9 + c.x * 2) > 0.85).float(), coat * 0.6)
    upper = torch.maximum(c.ellipse(-0.5, -0.12, 0.4, 0.5, 0.3), -c.circle(-0.62, 0.35, 0.38))
    lower = c.ellipse(-0.38, 0.28, 0.16, 0.2, 0.4)
    dark = c.pick((0.08, 0.08, 0.08), (0.9, 0.85, 0.7))
    c.blob(-0.38, 0.28, 0.16, 0.2, dark * 0.7, 0.4)
    c.hollow(torch.maximum(upper, lower), 0.05, 0.3)
    mask = c.cover(upper)
    c.paint(mask, dark)
    c.shade(mask, 0.7 + 0.6 * step(0.2, -0.5, c.y))
    c.gloss(c.cover(c.ellipse(-0.6, -0.28, 0.2, 0.06, -0.8), 5) * mask, 0.5)
    c.eye(-0.05, -0.3, c.uniform(0.1, 0.13), c.pick((0.95, 0.8, 0.3), (0.9, 0.9, 0.85), (0.7, 0.4, 0.2)), pupil=0.45)


@motif("birds")
def eagle(c: Canvas) -> None:
    """A white or golden head in profile, a yellow hook, a stern brow."""
    coat = c.pick((0.95, 0.93, 0.88), (0.6, 0.4, 0.2), (0.4, 0.28, 0.18))
    dark = c.pick((0.2, 0.13, 0.08), (0.3, 0.2, 0.12))
    body = torch.minimum(c.ellipse(0.1, -0.3, 0.55, 0.48), c.segment(0.25, -0.1, 0.4, 0.95, 0.45, 0.68))
    body = body + 0.03 * c.noise(c.x * 0.7, c.y * 0.7, "fine")
    mask = c.cover(body, 2)
    c.paint(mask, mix(coat, dark, step(0.3, 0.5, c.y + 0.12 * c.noise(c.x * 0.8, c.y * 0.3))))
    c.fur(mask, c.x * 0.7 + c.y * 0.7, c.x * 0.7 - c.y * 0.7, 0.3)
    _plumes(c, mask * step(0.3, 0.5, c.y), 5.0, 0.5)
    yellow = c.colour((0.1, 0.13), (0.8, 1.0), (0.85, 1.0))
    beak = torch.maximum(c.ellipse(-0.55, -0.2, 0.38, 0.36, 0.35), -c.circle(-0.6, 0.24, 0.3))
    c.hollow(beak, 0.06, 0.3)
    hook = c.cover(torch.maximum(beak, -0.92 - c.x))
    c.paint(hook, yellow)
    c.shade(hook, 0.65 + 0.6 * step(0.2, -0.45, c.y) - 0.45 * step(-0.7, -0.9, c.x))
    c.tint(
        c.cover((c.y + 0.08 - 0.12 * (c.x + 0.4)).abs() - 0.018) * step(-0.85, -0.75, c.x) * step(-0.1, -0.2, c.x),
        yellow * 0.3,
    )
    c.tint(c.cover(c.ellipse(-0.42, -0.28, 0.05, 0.025)), yellow * 0.15)
    c.eye(-0.1, -0.34, 0.11, yellow, pupil=0.45)
    brow = c.cover(c.segment(-0.3, -0.46, 0.1, -0.44, 0.06, 0.04))
    c.paint(brow, coat * 0.7)


@motif("birds")
def duck(c: Canvas) -> None:
    """A glossy head in profile, a flat bill, a ring around the neck."""
    head, bill = (
        c.pick((0.05, 0.4, 0.25), (0.9, 0.85, 0.75), (0.5, 0.35, 0.2), (0.15, 0.2, 0.4)),
        c.pick((0.95, 0.7, 0.1), (0.9, 0.45, 0.1), (0.5, 0.5, 0.4)),
    )
    neck = torch.minimum(c.ellipse(0.12, -0.35, 0.46, 0.42), c.segment(0.25, -0.2, 0.3, 0.95, 0.32, 0.55))
    mask = c.cover(neck)
    c.paint(mask, head)
    c.tint(mask * step(0.42, 0.46, c.y), c.pick((0.45, 0.25, 0.15), (0.8, 0.75, 0.68)))
    c.tint(mask * step(0.44, 0.42, c.y) * step(0.3, 0.32, c.y), grey(c.x, 0.95))
    c.round(mask, (c.x - 0.15) / 0.7, (c.y + 0.2) / 1.0, 0.5)
    _plumes(c, mask * step(0.4, 0.5, c.y), 6.0, 0.5)
    c.fur(mask * step(0.4, 0.3, c.y), c.y + c.x, c.x - c.y, 0.18)
    shape = torch.minimum(
        c.segment(-0.25, -0.28, -0.85, -0.16, 0.14, 0.1), c.segment(-0.25, -0.18, -0.75, -0.06, 0.1, 0.07)
    )
    c.hollow(shape, 0.05, 0.35)
    mask = c.cover(shape)
    c.paint(mask, bill)
    c.shade(mask, 1.1 - 1.1 * step(-0.4, 0.05, c.y) * 0.6)
    c.tint(c.cover((c.y + 0.13 - 0.14 * (c.x + 0.6)).abs() - 0.014) * mask, bill * 0.35)
    c.tint(c.cover(c.ellipse(-0.5, -0.3, 0.05, 0.022)), bill * 0.2)
    c.eye(0.0, -0.42, 0.09, c.pick((0.3, 0.15, 0.06), (0.8, 0.6, 0.2)), pupil=0.55)


@motif("birds")
def rooster(c: Canvas) -> None:
    """A red comb and wattles, a sharp beak, a mane of golden feathers."""
    red, mane = (
        c.colour((0.97, 1.01), (0.8, 1.0), (0.65, 0.9)),
        c.pick((0.85, 0.5, 0.12), (0.6, 0.2, 0.08), (0.9, 0.88, 0.8), (0.12, 0.16, 0.15)),
    )
    for index in range(5):
        x = -0.3 + index * 0.17
        c.blob(x, -0.72 + 0.05 * abs(index - 2), 0.13, 0.24, red, (index - 2) * 0.2)
    body = torch.minimum(c.circle(0.02, -0.28, 0.42), c.segment(0.1, -0.1, 0.25, 0.95, 0.38, 0.66))
    body = body + 0.03 * c.noise(c.x * 0.8, c.y * 0.3, "fine")
    mask = c.cover(body, 2)
    c.paint(mask, mane)
    c.fur(mask, c.y - 0.3 * c.x, c.x + 0.3 * c.y, 0.55)
    c.round(mask, (c.x - 0.15) / 0.8, c.y / 1.2, 0.1)
    face = c.cover(c.ellipse(-0.14, -0.28, 0.28, 0.26))
    c.paint(face, red)
    c.grain(face, 0.2, 1.5)
    for y, size in ((0.1, 0.14), (0.26, 0.12)):
        c.blob(-0.28, y, size * 0.8, size * 1.4, red * 0.95)
    beak = c.polygon((-0.9, -0.14), (-0.34, -0.34), (-0.34, -0.08))
    mask = c.cover(beak - 0.02)
    c.paint(mask, c.pick((0.9, 0.7, 0.25), (0.6, 0.5, 0.35)))
    c.tint(c.cover(c.segment(-0.85, -0.15, -0.34, -0.19, 0.012)), grey(c.x, 0.1))
    c.eye(-0.1, -0.34, 0.1, c.pick((0.95, 0.6, 0.1), (0.9, 0.4, 0.1)), pupil=0.45)


@motif("birds")
def cockatoo(c: Canvas) -> None:
    """White, with a fan of crest feathers, a grey hooked beak from the front, dark eyes."""
    white, crest = (
        c.pick((0.96, 0.95, 0.93), (0.95, 0.8, 0.78)),
        c.pick((0.98, 0.85, 0.3), (0.95, 0.55, 0.4), (0.97, 0.95, 0.9)),
    )
    for index in range(7):
        lean = (index - 3) * 0.22 * c.uniform(0.7, 1.2)
        shape = c.ellipse(lean.sin() * 0.6, -0.4 - lean.cos() * 0.28, 0.1, 0.36, lean)
        c.hollow(shape, 0.03, 0.3)
        mask = c.cover(shape)
        c.paint(mask, mix(crest, white, step(-0.9, -0.4, c.y)))
        c.shade(mask, 0.9 + 0.2 * wave((c.x - lean.sin() * 0.6) * 14))
    body = torch.minimum(c.ellipse(0, -0.05, 0.58, 0.56), c.ellipse(0, 0.7, 0.75, 0.55))
    mask = c.cover(body)
    c.paint(mask, white)
    c.round(mask, c.x / 0.85, (c.y - 0.1) / 1.1, 0.0)
    _plumes(c, mask, 7.0, 0.3)
    _beak_down(c, -0.02, 0.2, 0.44, c.pick((0.18, 0.18, 0.2), (0.5, 0.48, 0.46)))
    for side in (-1, 1):
        c.hollow(c.circle(side * 0.34, -0.1, 0.1), 0.07, 0.3)
        c.eye(side * 0.34, -0.1, 0.1, c.pick((0.12, 0.08, 0.06), (0.4, 0.2, 0.15)), pupil=0.6)


@motif("birds")
def songbird(c: Canvas) -> None:
    """A small bird from the side: round breast, folded wing, short beak, tail."""
    back, breast = (
        c.pick((0.2, 0.4, 0.7), (0.45, 0.35, 0.25), (0.3, 0.5, 0.25), (0.25, 0.25, 0.3)),
        c.pick((0.9, 0.45, 0.15), (0.95, 0.85, 0.4), (0.9, 0.88, 0.82), (0.75, 0.2, 0.15)),
    )
    tail = c.cover(c.segment(0.4, 0.25, 0.95, 0.62, 0.1, 0.13))
    c.paint(tail, back * 0.7)
    c.fur(tail, c.x + 0.6 * c.y, c.y - 0.6 * c.x, 0.3)
    for x in (-0.1, 0.12):
        c.paint(c.cover(c.segment(x, 0.5, x - 0.02, 0.95, 0.022)), c.pick((0.4, 0.25, 0.15), (0.2, 0.15, 0.15)))
    body = torch.minimum(c.ellipse(0.0, 0.2, 0.56, 0.42, 0.35), c.circle(-0.34, -0.3, 0.33))
    mask = c.cover(body)
    c.paint(mask, mix(breast, back, step(-0.05, 0.15, -(c.y - 0.05) + 0.45 * c.x)))
    c.round(mask, (c.x + 0.1) / 0.8, (c.y - 0.05) / 0.75, 0.1)
    _plumes(c, mask, 9.0, 0.3)
    wing = c.ellipse(0.18, 0.2, 0.46, 0.22, 0.5)
    c.hollow(wing, 0.06, 0.4)
    mask = c.cover(wing)
    c.paint(mask, back * 0.8)
    c.shade(mask, 0.6 + 0.6 * wave((c.y * 0.9 - c.x * 0.5) * 7))
    c.tint(mask * step(0.8, 0.95, wave((c.y * 0.9 - c.x * 0.5) * 3.5)), grey(c.x, 0.92))
    c.paint(
        c.cover(c.polygon((-0.92, -0.24), (-0.62, -0.36), (-0.62, -0.18))), c.pick((0.15, 0.13, 0.12), (0.9, 0.6, 0.2))
    )
    c.eye(-0.44, -0.36, 0.075, c.pick((0.15, 0.08, 0.05)), pupil=0.6)


@motif("birds")
def chick(c: Canvas) -> None:
    """A ball of yellow down with an open beak."""
    down = c.colour((0.11, 0.15), (0.5, 0.85), (0.85, 1.0))
    radius, angle = c.polar(0, 0.1)
    shape = torch.minimum(c.circle(0, -0.25, 0.52), c.ellipse(0, 0.4, 0.72, 0.55))
    mask = c.cover(shape + 0.05 * c.noise(angle / math.tau * 2, radius * 0.2, "fine"), 3)
    c.paint(mask, down)
    c.round(mask, c.x / 0.9, c.y / 1.1, 0.0)
    c.radial_fur(mask, 0, -0.1, 0.35)
    for side in (-1, 1):
        wing, u, v = c.blob(side * 0.58, 0.4, 0.16, 0.32, down * 0.85, side * -0.25)
        c.fur(wing, v * 0.4, u * 0.4, 0.3)
    gape = c.uniform(0.0, 0.14)
    orange = c.colour((0.06, 0.09), (0.8, 1.0), (0.85, 1.0))
    c.paint(c.cover(c.ellipse(0, -0.1, 0.15, 0.05 + gape)), c.pick((0.75, 0.2, 0.2)))
    c.paint(c.cover(c.polygon((-0.16, -0.12), (0, -0.3), (0.16, -0.12))), orange)
    c.paint(c.cover(c.ellipse(0, -0.06 + gape, 0.12, 0.045)), orange * 0.8)
    for side in (-1, 1):
        c.eye(side * 0.27, -0.32, c.uniform(0.09, 0.12), c.pick((0.08, 0.05, 0.04)), pupil=0.7)


@motif("birds")
def flamingo(c: Canvas) -> None:
    """A pink neck in an S, a bent black-tipped bill."""
    pink = c.colour((0.94, 1.0), (0.4, 0.7), (0.85, 1.0))
    body, _u, _v = c.blob(0.25, 0.42, 0.62, 0.42, pink)
    _plumes(c, body, 6.0, 0.45, 0.3)
    points = [(-0.1, 0.3), (-0.42, 0.05), (-0.3, -0.22), (0.05, -0.35), (0.18, -0.6), (-0.05, -0.78), (-0.25, -0.7)]
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        mask = c.cover(c.segment(ax, ay, bx, by, 0.115, 0.11))
        c.paint(mask, pink * 1.02)
    neck = torch.stack([c.segment(*a, *b, 0.0) for a, b in itertools.pairwise(points)]).amin(0)
    c.shade(c.cover(neck - 0.12), 1.15 - 0.5 * step(0.03, 0.12, neck))
    c.blob(-0.2, -0.7, 0.2, 0.17, pink)
    bill = torch.minimum(
        c.segment(-0.34, -0.66, -0.58, -0.5, 0.09, 0.07), c.segment(-0.58, -0.5, -0.6, -0.28, 0.07, 0.02)
    )
    mask = c.cover(bill)
    c.paint(mask, c.pick((0.95, 0.85, 0.75)))
    c.tint(mask * step(-0.52, -0.48, c.y), grey(c.x, 0.06))
    c.eye(-0.2, -0.74, 0.06, c.pick((0.95, 0.8, 0.2)), pupil=0.45)


@motif("birds", ANY_WAY)
def peacock(c: Canvas) -> None:
    """The eye of a tail feather: rings of bronze, turquoise and deep blue in loose green barbs."""
    radius, angle = c.polar(0, -0.1)
    barbs = c.noise(angle / math.tau * 3, radius * 0.25, "fine")
    shape = c.ellipse(0, 0.0, 0.62, 0.92) + 0.06 * barbs
    mask = c.cover(shape, 3)
    green = c.colour((0.25, 0.38), (0.5, 0.8), (0.35, 0.65))
    c.paint(c.cover(c.segment(0, 0.5, 0, 1.0, 0.02)), c.pick((0.85, 0.8, 0.6)))
    c.paint(mask, green)
    c.fur(mask, radius, angle / math.tau * 3, 0.55)
    for reach, colour in (
        (0.52, c.pick((0.6, 0.4, 0.12), (0.5, 0.45, 0.1))),
        (0.42, c.pick((0.35, 0.65, 0.2), (0.75, 0.55, 0.2))),
        (0.33, c.pick((0.05, 0.6, 0.65), (0.1, 0.5, 0.75))),
        (0.2, c.pick((0.06, 0.08, 0.4), (0.12, 0.05, 0.35))),
    ):
        ring = c.ellipse(0, -0.12, reach * 0.85, reach)
        dent = ring + 0.12 * step(0.12, 0.0, c.x.abs()) * step(-0.1, 0.2, c.y) * (reach < 0.3)
        c.hollow(dent, 0.03, 0.3)
        part = c.cover(dent)
        c.paint(part, colour)
        c.shade(part, 0.85 + 0.2 * barbs.clamp(-1.5, 1.5) + 0.3 * wave(angle / math.pi + 0.3))
