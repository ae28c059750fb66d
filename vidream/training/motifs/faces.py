"""faces: of people, and of stone, wood, bone and gold."""

from __future__ import annotations

import torch
from torch import Tensor

from vidream.training.brush import grey, join, mix, step
from vidream.training.canvas import Canvas, Number
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


def _bump(c: Canvas, cx: Number, cy: Number, rx: Number, ry: Number) -> Tensor:
    """A soft hill of height 1, and its twin at -cx."""
    return torch.exp(-(((c.x.abs() - cx) / rx) ** 2) - ((c.y - cy) / ry) ** 2)


def _turn_head(c: Canvas, half: Number, most: float = 0.2) -> None:
    """Three-quarter view: what is painted from here on slides round a head `half` wide."""
    c.x = c.x - c.uniform(-most, most) * (1 - (c.x / half) ** 2).clamp(min=0)


def _modelled(c: Canvas, *, brow: Number = 0.5, nose: Number = 1.0, cheek: Number = 0.5, age: Number = 0.3) -> Tensor:
    """The heights of a face whose eyes lie at y -0.1 and mouth at y 0.42."""
    return (
        nose * (0.5 * _bump(c, 0, 0.06, 0.075, 0.22) + 0.7 * _bump(c, 0, 0.2, 0.09, 0.08))
        + nose * 0.3 * _bump(c, 0.09, 0.22, 0.05, 0.05)
        + brow * (0.5 * _bump(c, 0.26, -0.27, 0.22, 0.07) - 0.6 * _bump(c, 0.24, -0.1, 0.15, 0.11))
        + cheek * 0.5 * _bump(c, 0.32, 0.16, 0.16, 0.14)
        + 0.3 * _bump(c, 0, 0.4, 0.15, 0.05)
        + 0.3 * _bump(c, 0, 0.49, 0.12, 0.04)
        - 0.35 * _bump(c, 0, 0.44, 0.16, 0.018)
        + 0.4 * _bump(c, 0, 0.68, 0.14, 0.1)
        - 0.2 * _bump(c, 0, 0.56, 0.14, 0.04)
        - age * 0.4 * _bump(c, 0.2, 0.32, 0.03, 0.12)
    )


def _gazing_eyes(c: Canvas, iris: Tensor, *, apart: Number, wide: Number, tall: Number, lash: Number) -> None:
    """A pair of human eyes at y -0.1: almond, iris, lid line. lash: thickness of the line."""
    s = (c.x.abs() - apart) / wide
    arch = (1 - s * s).clamp(min=-0.5)
    upper, lower = c.y + 0.1 + tall * arch, c.y + 0.1 - 0.75 * tall * arch
    opening = (-upper).maximum(lower)
    c.shade(c.cover(opening - 0.02, 6), 0.72)
    mask = c.cover(opening)
    c.paint(mask, grey(c.x, 0.92))
    c.shade(mask, 1.0 - 0.35 * s.abs())
    gaze = c.x.abs() - apart + c.uniform(-0.03, 0.03) * c.x.sign()
    ball = (gaze**2 + (c.y + 0.115) ** 2).sqrt() - tall * 0.95
    c.tint(mask * c.cover(ball), iris)
    c.shade(mask * step(0.025, 0.0, ball.abs()), 0.4)
    c.tint(mask * c.cover(ball + tall * 0.52), grey(c.x, 0.02))
    c.shade(mask * step(tall * 0.8, 0.0, upper), 0.55)
    near = step(1.12, 0.95, s.abs())
    c.tint(near * c.cover(upper.abs() - lash, 1.5), grey(c.x, 0.05))
    c.tint(near * 0.5 * c.cover((upper + 0.055).abs() - 0.006, 3), grey(c.x, 0.1))
    c.tint(mask * c.cover((((gaze - 0.03 * c.x.sign()) ** 2 + (c.y + 0.15) ** 2).sqrt()) - 0.026), grey(c.x, 0.98))


def _brows(c: Canvas, colour: Tensor, thick: Number, arch: Number, strength: float = 0.85) -> None:
    s = c.x.abs()
    line = (c.y + 0.27 + arch * step(0.08, 0.3, s) - 0.6 * arch * step(0.3, 0.48, s)).abs()
    ragged = 0.02 * c.noise(c.x * 1.5 + c.y, c.y * 0.4, "fine")
    c.tint(strength * step(thick, thick * 0.4, line + ragged) * step(0.07, 0.12, s) * step(0.46, 0.36, s), colour)


def _mouth(c: Canvas, lips: Tensor, wide: Number, full: Number, smile: Number) -> None:
    """Lips about y 0.43, and the dark line between them."""
    s = c.x.abs() / wide
    line = c.y - 0.435 + smile * s * s
    bow = full * (1 - s * s).clamp(min=0) * (1 - 0.35 * step(0.25, 0.0, s))
    c.tint(step(1.0, 0.85, s) * c.cover((-line - bow * 0.9).maximum(line - bow * 1.2), 3), lips)
    c.tint(step(1.05, 0.9, s) * step(0.018, 0.004, line.abs()), lips * 0.25)
    c.gloss(step(0.7, 0.2, s) * step(0.03, 0.0, (line - bow * 0.6).abs()), 0.18)


def _nostrils(c: Canvas, skin: Tensor) -> None:
    c.tint(0.8 * c.cover(((c.x.abs() - 0.05) ** 2 + ((c.y - 0.255) * 1.5) ** 2).sqrt() - 0.025, 2), skin * 0.25)


def _complexion(c: Canvas) -> Tensor:
    tone = c.pick((0.95, 0.8, 0.7), (0.88, 0.68, 0.55), (0.75, 0.54, 0.4), (0.55, 0.36, 0.25), (0.38, 0.24, 0.17))
    return tone * c.uniform(0.9, 1.05)[:, None]


def _hair(c: Canvas) -> Tensor:
    return c.pick(
        (0.1, 0.07, 0.06), (0.26, 0.15, 0.09), (0.5, 0.3, 0.14), (0.8, 0.62, 0.34), (0.55, 0.22, 0.1), (0.6, 0.58, 0.56)
    )


def _strands(c: Canvas, mask: Tensor, colour: Tensor, along: Tensor, across: Tensor) -> None:
    """Combed hair with a band of gloss."""
    c.paint(mask, colour)
    c.fur(mask, along, across, 0.4)
    c.gloss(mask * step(0.12, 0.0, (along - 0.25).abs()), 0.22)


def _face(c: Canvas, skin: Tensor, outline: Tensor, u: Tensor, v: Tensor, **heights: Number) -> Tensor:
    """Skin under `outline`, lit as a ball and modelled. Returns its mask."""
    c.hollow(outline, 0.1, 0.5)
    mask = c.cover(outline)
    c.paint(mask, skin)
    c.round(mask, u * 0.85, v * 0.85, 0.0)
    c.tint(mask * 0.25 * _bump(c, 0.33, 0.2, 0.15, 0.12), c.pick((0.85, 0.35, 0.3)))
    c.relief(_modelled(c, **heights), 0.2, mask)
    c.grain(mask, 0.05, 1.2, "fine")
    return mask


@motif("faces")
def woman(c: Canvas) -> None:
    """Long hair to both sides, an oval face, dark-lined eyes, full red lips."""
    skin, hair, half = _complexion(c), _hair(c), c.uniform(0.46, 0.53)
    length, bend = c.uniform(0.5, 0.95), 0.05 * (c.y * c.uniform(4, 9) + c.uniform(0, 6)).sin()
    locks = join(c.ellipse(0, -0.22, 0.76, 0.74), c.box(0, 0.35, c.uniform(0.66, 0.8), length, 0, 0.2), 0.2)
    locks = locks + bend + 0.03 * c.noise(c.x * 1.3, c.y * 0.2, "fine")
    mask = c.cover(locks)
    _strands(c, mask, hair, c.y, c.x + bend)
    c.shade(mask, 1.1 - 0.6 * step(0.7, 0.1, c.x.abs()) * step(-0.3, 0.5, c.y))
    c.paint(c.cover(c.box(0, 0.85, 0.2, 0.3)) * (1 - step(0.98, 1.0, c.y)), skin * 0.7)
    _turn_head(c, half + 0.1)
    face = join(c.ellipse(0, -0.06, half, 0.68), c.ellipse(0, 0.45, half * 0.62, 0.4), 0.2)
    u, v = c.within(0, 0, half, 0.82)
    _face(c, skin, face, u, v, brow=0.35, nose=0.7, age=0.1)
    iris = c.pick((0.3, 0.18, 0.1), (0.3, 0.45, 0.6), (0.32, 0.45, 0.3))
    _gazing_eyes(c, iris, apart=0.23, wide=0.135, tall=c.uniform(0.065, 0.085), lash=0.019)
    _brows(c, hair * 0.6, 0.03, 0.06)
    _nostrils(c, skin)
    red = mix(skin, c.pick((0.75, 0.1, 0.14), (0.75, 0.35, 0.35), (0.6, 0.15, 0.2)), c.uniform(0.5, 0.9))
    _mouth(c, red, c.uniform(0.15, 0.2), 0.06, c.uniform(0.0, 0.05))
    part = c.uniform(-0.3, 0.3)
    sweep = ((c.x - part).abs() * 1.1) ** 1.6 - 0.56
    fringe = c.cover(face - 0.06) * step(0.03, -0.03, c.y - sweep + 0.02 * c.noise(c.x * 1.3, c.y * 0.2, "fine"))
    c.shade(c.cover(face) * step(0.14, 0.0, c.y - sweep), 0.65)
    _strands(c, fringe, hair, c.y + 0.9, ((c.x - part).abs() + 0.1) / (c.y + 1.4))


@motif("faces")
def man(c: Canvas) -> None:
    """Short hair, ears, a broad jaw and heavy brows; bare, stubbled, bearded or with a moustache."""
    skin, hair, half = _complexion(c), _hair(c), c.uniform(0.52, 0.6)
    _turn_head(c, half + 0.15)
    for side in (-1, 1):
        c.blob(side * (half + 0.02), 0.02, 0.1, 0.18, skin * 0.85)
        c.shade(c.cover(c.ellipse(side * (half + 0.03), 0.02, 0.04, 0.1), 5), 0.55)
    jaw = c.box(0, 0.45, half * c.uniform(0.68, 0.82), 0.42, 0, 0.28)
    skull = join(c.ellipse(0, -0.22, half, 0.68), jaw, 0.25)
    rough = 0.025 * c.noise(c.x * 1.5, c.y * 0.8, "fine")
    crown = c.cover(c.ellipse(0, -0.3, half + 0.06, 0.66) + rough) * step(0.1, -0.1, c.y)
    bald = c.chance(0.2)
    _strands(c, crown * (1 - bald), hair, c.y + 1, c.x * 1.4)
    u, v = c.within(0, -0.05, half, 0.92)
    mask = _face(c, skin, skull, u, v, brow=c.uniform(0.6, 1.0), nose=c.uniform(0.9, 1.4), age=c.uniform(0.2, 1.0))
    line = c.y + 0.5 + c.uniform(-0.06, 0.06) - 0.5 * c.x**2 * c.sign() - 0.35 * step(half - 0.14, half, c.x.abs())
    _strands(c, mask * (1 - bald) * step(0.03, -0.03, line + rough), hair, c.y + 1, c.x * 1.2 + 0.2 * c.y)
    iris = c.pick((0.3, 0.18, 0.1), (0.35, 0.48, 0.6), (0.35, 0.42, 0.3))
    _gazing_eyes(c, iris, apart=0.24, wide=0.12, tall=c.uniform(0.05, 0.065), lash=0.011)
    _brows(c, hair * 0.55, c.uniform(0.05, 0.08), 0.02)
    _nostrils(c, skin)
    _mouth(c, mix(skin, c.pick((0.6, 0.25, 0.22)), 0.5), 0.18, 0.035, c.uniform(-0.02, 0.04))
    full, moustache = c.chance(0.45), c.chance(0.5)
    below = step(0.2, 0.4, c.y + 0.9 * (c.x.abs() - 0.25) + rough * 2)
    beard = c.cover(join(skull, c.ellipse(0, 0.7, half * 0.7, c.uniform(0.2, 0.36)), 0.2) + rough) * below
    beard = beard * (1 - step(0.03, -0.02, c.ellipse(0, 0.46, 0.17, 0.07)))
    c.tint(mask * below * 0.3, hair * 0.5)
    whisker = full * beard
    lip = (full + moustache).clamp(0, 1) * c.cover(
        ((c.x.abs() - 0.1) ** 2 * 0.7 + (c.y - 0.345 - 0.3 * c.x**2) ** 2 * 4).sqrt() - 0.11, 4
    )
    c.shade(c.cover(c.ellipse(0, 0.44, 0.3, 0.2), 30) * full, 0.8)
    _strands(c, whisker.maximum(lip), hair * 0.9, c.y, c.x / (0.6 + c.y.clamp(min=0)))
    c.shade(whisker * step(0.5, 1.0, c.y), 0.75)


@motif("faces")
def child(c: Canvas) -> None:
    """A round head with very large eyes, a button nose, rosy cheeks and short tousled hair."""
    skin, hair, half = mix(_complexion(c), grey(c.x, 1.0), 0.15), _hair(c), c.uniform(0.64, 0.72)
    tousled = 0.06 * c.noise(c.x * 1.2, c.y * 0.3, "fine")
    length = c.uniform(-0.1, 0.5)
    bob = join(c.ellipse(0, -0.15, half + 0.14, 0.78), c.box(0, length, half + 0.1, 0.3, 0, 0.15), 0.2) + tousled
    bob = c.cover(bob) * step(length + 0.3, length + 0.2, c.y + tousled)
    _strands(c, bob, hair, c.y + 0.8, c.x)
    c.shade(bob * step(-0.2, 0.4, c.y), 0.6)
    _turn_head(c, half + 0.1, 0.15)
    face = join(c.ellipse(0, 0.02, half, 0.7), c.ellipse(0, 0.35, half * 0.85, 0.45), 0.2)
    u, v = c.within(0, 0.05, half, 0.8)
    mask = _face(c, skin, face, u, v, brow=0.15, nose=0.25, cheek=0.9, age=0.0)
    c.tint(mask * 0.45 * _bump(c, 0.42, 0.26, 0.16, 0.13), c.pick((0.92, 0.42, 0.38)))
    iris = c.pick((0.28, 0.16, 0.08), (0.3, 0.48, 0.68), (0.3, 0.42, 0.28))
    _gazing_eyes(c, iris, apart=0.29, wide=0.16, tall=c.uniform(0.115, 0.14), lash=0.015)
    _brows(c, hair * 0.8, 0.03, 0.05, 0.5)
    c.gloss(c.cover(c.ellipse(0, 0.18, 0.05, 0.04), 8), 0.35)
    _nostrils(c, skin)
    _mouth(c, mix(skin, c.pick((0.85, 0.35, 0.35)), 0.6), c.uniform(0.11, 0.17), 0.04, c.uniform(0.02, 0.07))
    sweep = -0.36 + 0.25 * (c.x * c.uniform(-1, 1)) - 0.2 * c.x**2 + tousled * 1.4
    fringe = c.cover(face - 0.05) * step(0.03, -0.03, c.y - sweep)
    c.shade(mask * step(0.15, 0.0, c.y - sweep), 0.7)
    _strands(c, fringe, hair, c.y + 0.8, (c.x + 0.2 * c.y) * 0.9)


@motif("faces")
def buddha(c: Canvas) -> None:
    """Calm stone or bronze: lowered lids, long ears, hair of little shells, a topknot."""
    stone = c.pick((0.66, 0.6, 0.52), (0.5, 0.5, 0.48), (0.78, 0.58, 0.25), (0.42, 0.46, 0.38), (0.72, 0.55, 0.42))
    half = c.uniform(0.52, 0.58)
    for side in (-1, 1):
        c.blob(side * (half + 0.04), 0.14, 0.11, 0.36, stone * 0.85)
        c.shade(c.cover(c.ellipse(side * (half + 0.05), 0.16, 0.04, 0.22), 4), 0.45)
    hair = c.ellipse(0, -0.26, half + 0.08, 0.56).minimum(c.circle(0, c.uniform(-0.82, -0.74), 0.24))
    mask = c.cover(hair)
    core, gap, _ = c.cells(c.x * 8, c.y * 8)
    c.paint(mask, mix(stone * 0.75, c.pick((0.2, 0.22, 0.3), (0.4, 0.3, 0.2)), 0.4))
    u, v = c.within(0, -0.35, 0.75, 0.8)
    c.round(mask, u, v, 0.1)
    c.relief((0.5 - core).clamp(min=0) * 1.6, 0.12, mask)
    c.shade(mask, 0.35 + 0.75 * step(0.0, 0.16, gap))
    face = join(c.ellipse(0, 0.05, half, 0.64), c.ellipse(0, 0.42, half * 0.8, 0.44), 0.2)
    face = face.maximum(-(c.y + 0.42 - 0.35 * c.x**2))
    u, v = c.within(0, 0.12, half, 0.85)
    head = _face(c, stone, face, u, v, brow=0.5, nose=0.9, cheek=0.6, age=0.1)
    lid = _bump(c, 0.24, -0.1, 0.16, 0.09)
    c.relief(lid, 0.16, head)
    s = (c.x.abs() - 0.24) / 0.17
    seam = (c.y + 0.06 - 0.07 * (1 - s * s)).abs()
    c.shade(step(1.05, 0.9, s.abs()) * step(0.028, 0.006, seam), 0.2)
    c.shade(step(1.2, 0.9, s.abs()) * step(0.02, 0.0, (c.y + 0.19 + 0.05 * (1 - s * s)).abs()), 0.55)
    brow = (c.y + 0.24 + 0.1 * (1 - ((c.x.abs() - 0.25) / 0.22) ** 2)).abs()
    c.shade(step(0.03, 0.0, brow) * step(0.48, 0.42, c.x.abs()), 0.45)
    _nostrils(c, stone)
    _mouth(c, stone * 0.8, 0.2, 0.055, c.uniform(0.05, 0.1))
    c.blob(0, -0.33, 0.045, 0.045, mix(stone, c.pick((0.7, 0.2, 0.12), (0.9, 0.75, 0.35)), 0.5))
    c.grain(c.alpha, 0.16, 0.6)
    c.shade(c.alpha * step(0.4, 1.6, c.noise(c.x * 0.3, c.y * 0.3)), 0.6)
