"""beasts: hunters' heads with fur, seen from the front."""

from __future__ import annotations

import math

import torch

from vidream.training.brush import grey, mix, step, wave
from vidream.training.canvas import Canvas
from vidream.training.features import ears_up, eyes, snout, whiskers
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


@motif("beasts")
def dog(c: Canvas) -> None:
    """Hanging ears, a broad light muzzle, sometimes a blaze and a tongue."""
    coat = c.pelt()
    light, ear = mix(coat, grey(c.x, 0.97), c.uniform(0.2, 0.9)), mix(coat, grey(c.x, 0.08), c.uniform(0.1, 0.7))
    half = c.uniform(0.56, 0.68)
    hang = c.uniform(-0.1, 0.15)

    def ears() -> None:
        for side in (-1, 1):
            mask, u, v = c.blob(side * (half + 0.06), hang, 0.25, 0.52, ear, side * c.uniform(-0.35, 0.0))
            c.fur(mask, v * 0.5, u * 0.5, 0.25)

    ears()
    head, _, _ = c.blob(0, -0.12, half, 0.72, coat)
    c.radial_fur(head, 0, 0.15, 0.35)
    c.paint(c.chance(0.5) * c.cover(c.segment(0, -0.8, 0, 0.2, 0.16, 0.08), 4) * head, light)
    front = c.chance(0.5)
    for side in (-1, 1):
        mask = c.cover(c.ellipse(side * (half + 0.02), hang, 0.22, 0.46, side * -0.2)) * front
        c.paint(mask, ear)
        c.shade(mask, 0.7 + 0.5 * step(0.4, -0.6, c.y))
    muzzle, _, _ = c.blob(0, 0.36, c.uniform(0.34, 0.44), c.uniform(0.34, 0.42), light)
    c.radial_fur(muzzle, 0, 0.15, 0.2)
    c.paint(c.chance(0.4) * c.cover(c.ellipse(0, 0.76, 0.13, 0.2)), c.pick((0.85, 0.35, 0.4)))
    smile = (c.y - 0.55 - 0.08 * (c.x * 9).cos()).abs() - 0.02
    c.tint(c.cover(smile) * step(0.34, 0.26, c.x.abs()), coat * 0.15)
    c.tint(c.cover(c.segment(0, 0.25, 0, 0.58, 0.016)), coat * 0.15)
    _nose, _, _ = c.blob(0, 0.18, 0.17, 0.125, grey(c.x, 0.09))
    c.gloss(c.cover(c.ellipse(-0.05, 0.12, 0.05, 0.03), 3), 0.7)
    iris, radius, apart = c.colour((0.04, 0.1), (0.5, 0.9), (0.2, 0.6)), c.uniform(0.11, 0.15), c.uniform(0.25, 0.31)
    for side in (-1, 1):
        c.hollow(c.circle(side * apart, -0.2, radius), 0.14, 0.45)
        c.eye(side * apart, -0.2, radius, iris, pupil=0.6)


@motif("beasts")
def lion(c: Canvas) -> None:
    """A mane of flames around a sandy face."""
    coat = c.colour((0.07, 0.12), (0.4, 0.75), (0.6, 0.95))
    mane = c.colour((0.02, 0.09), (0.5, 0.9), (0.25, 0.65))
    radius, angle = c.polar(0, 0)
    tufts = (angle * c.whole(9, 15)).sin() * 0.05 + 0.07 * c.noise(angle / math.tau * 2, radius * 0.1, "fine")
    mask = c.cover(radius - 0.9 - tufts)
    c.paint(mask, mix(mane, coat, step(0.95, 0.4, radius)))
    c.radial_fur(mask, 0, 0, 0.5)
    c.hollow(c.ellipse(0, 0.02, 0.52, 0.6), 0.1, 0.5)
    face, _, _ = c.blob(0, 0.02, 0.5, 0.58, coat)
    c.radial_fur(face, 0, 0.2, 0.25)
    for side in (-1, 1):
        c.blob(side * 0.42, -0.48, 0.16, 0.15, coat * 0.85)
        c.shade(c.cover(c.circle(side * 0.42, -0.47, 0.08), 4), 0.5)
    c.blob(0, 0.34, 0.3, 0.25, mix(coat, grey(c.x, 1.0), 0.6))
    c.tint(c.cover(c.polygon((-0.14, 0.12), (0.14, 0.12), (0, 0.28))), grey(c.x, 0.12))
    c.tint(c.cover(c.segment(0, 0.27, 0, 0.4, 0.018)), grey(c.x, 0.1))
    c.tint(c.cover((c.y - 0.44 + 0.5 * c.x.abs()).abs() - 0.018) * step(0.22, 0.16, c.x.abs()), grey(c.x, 0.1))
    iris = c.colour((0.09, 0.14), (0.6, 0.95), (0.6, 0.95))
    for side in (-1, 1):
        c.hollow(c.circle(side * 0.23, -0.12, 0.1), 0.12, 0.5)
        c.eye(side * 0.23, -0.12, c.uniform(0.09, 0.12), iris, pupil=0.45)


@motif("beasts")
def cat(c: Canvas) -> None:
    """Pointed ears, big slit eyes, stripes on the brow, whiskers."""
    coat = c.pelt()
    light, dark = mix(coat, grey(c.x, 1.0), c.uniform(0.4, 0.9)), coat * c.uniform(0.25, 0.7)[:, None]
    ears_up(c, 0.5, -0.95, 0.26, coat, c.pick((0.85, 0.6, 0.55), (0.6, 0.4, 0.38)))
    head, _, _ = c.blob(0, 0.05, c.uniform(0.72, 0.82), 0.7, coat)
    stripes = (wave(c.x * 4.5) > 0.72).float() * step(-0.2, -0.35, c.y) + (
        wave(c.y * 4 + c.x.abs() * 1.5) > 0.78
    ).float() * step(0.48, 0.56, c.x.abs())
    c.tint(head * stripes * c.chance(0.7), dark)
    c.radial_fur(head, 0, 0.25, 0.38)
    for side in (-1, 1):
        pad, _, _ = c.blob(side * 0.16, 0.42, 0.22, 0.18, light)
        c.radial_fur(pad, 0, 0.2, 0.2)
    c.blob(0, 0.6, 0.16, 0.11, light)
    snout(c, 0.26, 0.1, c.pick((0.8, 0.45, 0.45), (0.15, 0.1, 0.1)), coat * 0.15)
    eyes(
        c, 0.31, -0.02, c.uniform(0.17, 0.21), c.colour((0.1, 0.55), (0.5, 0.9), (0.6, 0.95)), 0.4, c.uniform(0.2, 1.0)
    )
    whiskers(c, 0.4, grey(c.x, 0.95))


@motif("beasts")
def fox(c: Canvas) -> None:
    """A narrow muzzle, white cheeks that end in points, large dark-edged ears."""
    coat, white = c.colour((0.03, 0.07), (0.7, 0.9), (0.6, 0.9)), grey(c.x, 0.95)
    ears_up(c, 0.48, -0.98, 0.24, coat * 0.9, grey(c.x, 0.12))
    wide = 0.85 - 0.62 * step(-0.35, 0.75, c.y)
    shape = torch.maximum(c.x.abs() - wide * (1 - 0.3 * step(-0.3, -0.8, c.y)), (c.y.abs() - 0.78)) * 0.8
    shape = shape + 0.04 * c.noise(c.x * 0.8, c.y * 0.8, "fine")
    mask = c.cover(shape, 2)
    c.paint(mask, coat)
    c.tint(mask * c.cover(0.2 - c.x.abs() + 0.35 * step(0.1, -0.4, c.y) - 0.16 * step(0.3, 0.8, c.y), 6), white)
    c.round(mask, c.x / 1.1, c.y / 1.1, 0.0)
    c.radial_fur(mask, 0, 0.5, 0.35)
    c.blob(0, 0.7, 0.12, 0.09, grey(c.x, 0.06))
    c.gloss(c.cover(c.ellipse(-0.03, 0.66, 0.035, 0.02), 2), 0.8)
    eyes(c, 0.3, -0.08, c.uniform(0.1, 0.13), c.colour((0.08, 0.13), (0.7, 1.0), (0.6, 0.95)), 0.4, 0.5)


@motif("beasts")
def wolf(c: Canvas) -> None:
    """A grey mask around pale eyes, a ruff of long hair, a long muzzle."""
    coat, pale = c.colour((0.05, 0.62), (0.02, 0.15), (0.25, 0.6)), grey(c.x, 0.92)
    ears_up(c, 0.42, -0.98, 0.2, coat * 0.7, coat * 0.4)
    radius, angle = c.polar(0, 0.05)
    ruff = radius - 0.78 - 0.12 * c.noise(angle / math.tau * 2, radius * 0.1, "fine") - 0.1 * (c.x.abs() - 0.2)
    mask = c.cover(ruff, 2)
    c.paint(mask, mix(coat, pale, step(0.0, 0.75, c.y)))
    c.radial_fur(mask, 0, 0.1, 0.5)
    face, _, _ = c.blob(0, -0.05, 0.58, 0.62, coat)
    c.tint(face * c.cover(c.ellipse(0, 0.3, 0.48, 0.42), 8), pale)
    c.tint(face * c.cover(c.ellipse(0, -0.32, 0.13, 0.36), 8), coat * 0.45)
    c.radial_fur(face, 0, 0.25, 0.4)
    muzzle, _, _ = c.blob(0, 0.36, 0.25, 0.34, pale * 0.95)
    c.radial_fur(muzzle, 0, 0.0, 0.2)
    snout(c, 0.38, 0.13, grey(c.x, 0.07), grey(c.x, 0.08))
    eyes(c, 0.26, -0.1, c.uniform(0.09, 0.12), c.pick((0.95, 0.75, 0.2), (0.6, 0.8, 0.95), (0.7, 0.8, 0.35)), 0.35)


@motif("beasts")
def bear(c: Canvas) -> None:
    """Round ears, a heavy round head, a pale muzzle with a big nose, small eyes."""
    coat = c.colour((0.04, 0.1), (0.2, 0.7), (0.18, 0.75))
    for side in (-1, 1):
        mask, _, _ = c.blob(side * 0.58, -0.62, 0.25, 0.25, coat * 0.9)
        c.radial_fur(mask, 0, 0, 0.35)
        c.shade(c.cover(c.circle(side * 0.57, -0.58, 0.13), 5), 0.45)
    head, _, _ = c.blob(0, 0, c.uniform(0.78, 0.86), 0.78, coat)
    c.radial_fur(head, 0, 0.25, 0.45)
    muzzle, _, _ = c.blob(0, 0.34, 0.38, 0.32, mix(coat, c.pick((0.85, 0.75, 0.6)), c.uniform(0.3, 0.8)))
    c.radial_fur(muzzle, 0, 0.2, 0.2)
    snout(c, 0.2, 0.17, grey(c.x, 0.07), coat * 0.15)
    eyes(c, c.uniform(0.28, 0.34), -0.14, c.uniform(0.075, 0.1), c.colour((0.04, 0.09), (0.5, 0.8), (0.15, 0.4)), 0.6)


@motif("beasts")
def panda(c: Canvas) -> None:
    """White head, black ears, black patches that slant around the eyes."""
    white, black = grey(c.x, c.uniform(0.88, 0.98)), grey(c.x, 0.07)
    for side in (-1, 1):
        mask, _, _ = c.blob(side * 0.62, -0.6, 0.26, 0.25, black)
        c.radial_fur(mask, 0, 0, 0.5)
    head, _, _ = c.blob(0, 0.02, 0.85, 0.76, white)
    c.radial_fur(head, 0, 0.25, 0.25)
    for side in (-1, 1):
        patch = c.cover(c.ellipse(side * 0.36, -0.02, 0.19, 0.27, side * 0.55), 4)
        c.tint(patch, black)
        c.eye(side * 0.33, -0.06, c.uniform(0.08, 0.1), c.pick((0.35, 0.2, 0.1)), pupil=0.6)
    _muzzle, _, _ = c.blob(0, 0.38, 0.26, 0.2, white)
    snout(c, 0.3, 0.12, black, black)


@motif("beasts")
def tiger(c: Canvas) -> None:
    """Orange with black stripes that follow the face, white brows and jowls, amber eyes."""
    coat, white, black = c.colour((0.06, 0.09), (0.7, 0.9), (0.75, 0.95)), grey(c.x, 0.95), grey(c.x, 0.05)
    for side in (-1, 1):
        c.blob(side * 0.62, -0.6, 0.2, 0.2, black)
        c.paint(c.cover(c.circle(side * 0.61, -0.58, 0.1), 3), white)
    head, _, _ = c.blob(0, 0.02, 0.82, 0.78, coat)
    for side in (-1, 1):
        c.tint(head * c.cover(c.ellipse(side * 0.3, -0.24, 0.2, 0.16), 6), white)
        c.tint(head * c.cover(c.ellipse(side * 0.55, 0.4, 0.32, 0.34), 8), white)
    c.tint(head * c.cover(c.ellipse(0, 0.58, 0.35, 0.25), 5), white)
    radius, angle = c.polar(0, 0.15)
    bars = wave(angle * 8 / math.pi + 0.25 * c.noise(c.x * 0.5, c.y * 0.5)) * step(0.42, 0.62, radius)
    brow = wave(c.y * 4.5 - c.x.abs() * 2.5) * step(-0.3, -0.4, c.y) * step(0.38, 0.2, c.x.abs())
    c.tint(head * step(0.55, 0.7, torch.maximum(bars, brow)), black)
    c.radial_fur(head, 0, 0.25, 0.3)
    for side in (-1, 1):
        c.blob(side * 0.15, 0.42, 0.2, 0.16, white)
    snout(c, 0.24, 0.15, c.pick((0.8, 0.45, 0.42), (0.5, 0.25, 0.25)), black)
    eyes(c, 0.3, -0.08, c.uniform(0.11, 0.14), c.colour((0.1, 0.2), (0.6, 0.9), (0.7, 0.95)), 0.35)
    whiskers(c, 0.42, white)
