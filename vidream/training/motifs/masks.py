"""masks: faces of bone, porcelain, wood and gold."""

from __future__ import annotations

import math

from vidream.training.brush import grey, join, mix, step, wave
from vidream.training.canvas import Canvas
from vidream.training.motifs.faces import _bump, _face, _mouth, _nostrils, _turn_head
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


@motif("faces")
def skull(c: Canvas) -> None:
    """Deep round sockets, a nose hole, a row of teeth, on cracked bone."""
    bone = c.colour((0.09, 0.13), (0.12, 0.4), (0.7, 0.95))
    _turn_head(c, 0.8, 0.18)
    dome = c.ellipse(0, -0.26, c.uniform(0.66, 0.74), 0.66)
    cheek = c.ellipse(0, 0.12, 0.6, 0.26)
    jaw = c.box(0, 0.52, c.uniform(0.34, 0.42), 0.4, 0, 0.16)
    head = join(join(dome, cheek, 0.2), jaw, 0.2) + 0.01 * c.noise(c.x * 0.4, c.y * 0.4)
    mask = c.cover(head)
    c.paint(mask, bone)
    u, v = c.within(0, -0.05, 0.78, 1.0)
    c.round(mask, u, v, 0.25)
    heights = (
        _bump(c, 0.28, -0.3, 0.24, 0.07) + _bump(c, 0.44, 0.16, 0.16, 0.08) - 0.9 * _bump(c, 0.34, 0.42, 0.1, 0.16)
    )
    c.relief(heights + 0.05 * c.noise(c.x * 0.5, c.y * 0.5), 0.16, mask)
    c.shade(c.cover(c.ellipse(0.78, -0.12, 0.16, 0.25).minimum(c.ellipse(-0.78, -0.12, 0.16, 0.25)), 20), 0.6)
    apart, angry = c.uniform(0.27, 0.31), c.uniform(-0.3, 0.3)
    for side in (-1, 1):
        socket = c.ellipse(side * apart, -0.06, 0.21, c.uniform(0.19, 0.24), side * angry) + 0.01 * c.noise(
            c.x * 0.4, c.y * 0.4
        )
        c.hollow(socket, 0.08, 0.55)
        c.tint(c.cover(socket, 5), bone * 0.08)
        c.gloss(c.cover(c.ellipse(side * apart, 0.06, 0.14, 0.05), 20), 0.16)
    nose = c.polygon((0, 0.08), (0.12, 0.3), (0, 0.27)).minimum(c.polygon((0, 0.08), (0, 0.27), (-0.12, 0.3)))
    c.hollow(nose, 0.05, 0.5)
    c.tint(c.cover(nose - 0.015, 3), bone * 0.07)
    wide = c.uniform(0.3, 0.36)
    bend = c.y - 0.53 + 0.12 * c.x**2
    across = (c.x / wide * c.whole(4, 5) + 0.5) % 1.0 - 0.5
    rows = step(wide, wide - 0.03, c.x.abs()) * step(0.17, 0.15, bend.abs())
    c.shade(step(wide + 0.08, wide - 0.02, c.x.abs()) * step(0.24, 0.16, bend.abs()), 0.6)
    c.tint(rows * step(0.48, 0.4, across.abs()), mix(bone, grey(c.x, 1.0), 0.45))
    c.shade(rows, 1.1 - 1.6 * across**2)
    c.shade(rows * step(0.4, 0.48, across.abs()), 0.3)
    c.shade(step(wide + 0.03, wide, c.x.abs()) * step(0.025, 0.005, bend.abs()), 0.12)
    crack = c.noise(c.x * 0.3, c.y * 0.3).abs()
    c.shade(mask * step(0.06, 0.0, crack) * step(-0.15, -0.4, c.y), 0.55)
    c.grain(mask, 0.12, 0.6)


@motif("faces")
def mask(c: Canvas) -> None:
    """A Venetian mask: porcelain and gold, empty eyes, a braid about the rim, a fan of plumes."""
    white = c.pick((0.95, 0.93, 0.88), (0.9, 0.86, 0.78), (0.2, 0.2, 0.24), (0.8, 0.75, 0.8))
    gold = c.colour((0.1, 0.13), (0.55, 0.75), (0.7, 0.9))
    accent = c.pick((0.6, 0.08, 0.12), (0.1, 0.25, 0.5), (0.35, 0.12, 0.4), (0.05, 0.35, 0.3))
    radius, angle = c.polar(0, 0.1)
    fan = (angle + math.pi / 2) / math.tau * c.whole(13, 19)
    tip = c.uniform(0.9, 1.05) - 0.12 * ((fan % 1.0) - 0.5).abs()
    plume = c.cover(radius - tip) * step(0.15, -0.1, c.y)
    c.paint(plume, accent * (0.6 + 0.5 * wave(fan)[:, None]))
    c.shade(
        plume,
        1 + 0.4 * (wave(radius * 22 - ((fan % 1.0) - 0.5).abs() * 6) - 0.5) + 0.15 * c.noise(fan, radius * 0.2, "fine"),
    )
    c.tint(plume * step(0.07, 0.03, ((fan % 1.0) - 0.5).abs()), mix(accent, grey(c.x, 0.95), 0.6))
    half = c.uniform(0.54, 0.6)
    outline = join(c.ellipse(0, -0.05, half, 0.6), c.ellipse(0, 0.45, half * 0.68, 0.46), 0.2)
    c.hollow(outline, 0.14, 0.7)
    u, v = c.within(0, 0.1, half, 0.85)
    _face(c, white, outline, u, v, brow=0.7, nose=1.2, cheek=0.8, age=0.0)
    harlequin = c.chance(0.5) * (c.x > 0) * (((c.x + c.y) * 4).floor() + ((c.x - c.y) * 4).floor()) % 2
    c.tint(harlequin * c.cover(outline) * 0.85, accent * c.uniform(0.7, 1.3)[:, None])
    curls = c.noise(c.x.abs() * 0.45, c.y * 0.45)
    leaf = (
        step(0.12, 0.04, curls.abs())
        * step(0.5, 0.2, (c.y + 0.12).abs())
        * step(0.2, 0.3, c.x.abs() + (c.y + 0.1).abs())
    )
    c.tint(c.cover(outline + 0.05) * leaf, gold)
    s = (c.x.abs() - 0.25) / 0.18
    hole = (((s - 0.1) ** 2 + ((c.y + 0.1 + 0.1 * s) / 0.095) ** 2).sqrt() - 1) * 0.1
    c.tint(c.cover(hole - 0.045), gold)
    c.relief(step(0.05, 0.0, (hole - 0.025).abs()), 0.05)
    c.tint(c.cover(hole), grey(c.x, 0.03))
    _mouth(c, mix(accent, gold, c.chance(0.4)), 0.15, 0.06, 0.03)
    beads = wave((u * 0.8).atan2(v) / math.tau * 44)
    rim = step(0.045, 0.03, outline.abs())
    c.paint(rim, gold * (0.35 + 0.8 * beads)[:, None])
    c.blob(0, -0.5, 0.08, 0.11, accent)
    c.gloss(c.cover(c.circle(-0.03, -0.54, 0.02), 3), 0.9)
    c.gloss(c.cover(outline) * c.cover(c.ellipse(c.light[0] * 0.3, -0.38, 0.16, 0.08), 30), 0.4)


@motif("faces")
def idol(c: Canvas) -> None:
    """Carved wood: a long head, ringed eyes, a block of a nose, bared square teeth, cut zigzags."""
    wood = c.colour((0.05, 0.09), (0.45, 0.7), (0.35, 0.65))
    chalk = c.pick((0.9, 0.85, 0.72), (0.8, 0.55, 0.2), (0.65, 0.2, 0.12))
    half, waist = c.uniform(0.5, 0.62), c.uniform(-0.12, 0.15)
    outline = c.box(0, 0, half - waist * (c.y - 0.2), 0.92, 0, c.uniform(0.12, 0.35))
    for side in (-1, 1):
        c.blob(side * (half + 0.06), 0.0, 0.13, 0.3, wood * 0.75)
        c.shade(c.cover(c.ellipse(side * (half + 0.07), 0, 0.06, 0.18), 4), 0.35)
    mask = c.cover(outline)
    c.paint(mask, wood)
    u, v = c.within(0, 0, half + 0.12, 1.3)
    c.round(mask, u, v, 0.1)
    grain = c.noise(c.x * 1.6 + 0.1 * c.noise(c.x * 0.2, c.y * 0.2), c.y * 0.14, "fine")
    zigzag = ((c.x * c.whole(4, 6)) % 1.0 - 0.5).abs() * 0.2
    band = step(0.09, 0.07, (c.y + 0.72).abs())
    cut = wave((c.y + 0.72 + zigzag) * 14)
    s = c.x.abs()
    rings = ((s - 0.27) ** 2 + ((c.y + 0.2) * c.uniform(0.8, 1.4)) ** 2).sqrt()
    socket = step(0.27, 0.25, rings)
    brow = join(c.segment(-0.52, -0.42, 0, -0.34, 0.08), c.segment(0, -0.34, 0.52, -0.42, 0.08), 0.05)
    nose = join(c.segment(0, -0.34, 0, 0.2, 0.07, c.uniform(0.1, 0.2)), brow, 0.06)
    smile = c.uniform(-0.25, 0.2)
    mouth = c.box(0, 0.56, half * 0.72, c.uniform(0.14, 0.2), 0, 0.08) + smile * 0 + 0.0
    lips = step(0.07, 0.05, mouth) * step(-0.01, 0.01, mouth)
    scars = step(0.1, 0.2, s - 0.3) * step(0.16, 0.12, (c.y - 0.2).abs()) * wave(c.y * 14)
    height = (
        0.5 * band * cut + socket * (0.6 * wave(rings * 11) - 0.5) + step(0.03, -0.03, nose) + 0.6 * lips + 0.3 * scars
    )
    c.hollow(nose, 0.1, 0.6)
    c.tint(mask * band * step(0.4, 0.7, cut), chalk)
    c.tint(mask * socket * step(0.35, 0.65, wave(rings * 11)) * c.chance(0.7), chalk)
    c.tint(step(0.12, 0.1, rings), mix(chalk, grey(c.x, 0.95), 0.6))
    c.tint(step(0.075, 0.055, rings), grey(c.x, 0.03))
    teeth = c.cover(mouth)
    c.tint(teeth, grey(c.x, 0.04))
    across, row = (c.x * c.whole(5, 8)) % 1.0 - 0.5, (c.y - 0.56).abs()
    tooth = step(0.46, 0.38, across.abs()) * step(0.015, 0.03, row) * step(0.16, 0.13, row + 0.12 * across.abs())
    c.tint(teeth * tooth, mix(grey(c.x, 0.92), c.pick((0.85, 0.72, 0.5)), 0.6))
    c.relief(height + 0.05 * grain, 0.16, mask)
    c.shade(c.cover(nose), 1.15)
    c.shade(mask, (1 + 0.14 * grain).clamp(0.3, 1.6))
    c.shade(mask * step(0.05, 0.0, c.noise(c.x * 0.6, c.y * 0.08).abs()), 0.6)


@motif("faces")
def pharaoh(c: Canvas) -> None:
    """A striped headcloth that flares to the shoulders, a gold or stone face, kohl eyes, a cobra, a thin beard."""
    sandstone = c.chance(0.35)
    sand = c.pick((0.8, 0.65, 0.45), (0.7, 0.6, 0.48))
    face_colour = mix(c.colour((0.1, 0.125), (0.6, 0.75), (0.8, 0.95)), sand, sandstone)
    stripe = mix(c.pick((0.08, 0.16, 0.42), (0.05, 0.3, 0.4), (0.1, 0.1, 0.12)), sand * 0.6, sandstone)
    flare = c.uniform(0.28, 0.4)
    wide = 0.6 + flare * step(-0.4, 0.6, c.y)
    cloth = join(c.ellipse(0, -0.32, 0.66, 0.6), (c.x.abs() - wide).maximum((c.y - 0.1).abs() - 0.8) * 0.9, 0.12)
    cloth = cloth.maximum(0.25 * (c.x.abs() - 0.6) + c.y - 0.86)
    mask = c.cover(cloth)
    rays = (c.x.abs() * 1.2 + 0.55) ** 2 + (c.y * 0.55 + 0.3) ** 2
    lines = wave((c.y * 0.9 + 0.55 * c.x.abs() + 0.1 * rays) * c.uniform(6.5, 9.0))
    c.paint(mask, mix(face_colour, stripe, step(0.35, 0.65, lines)))
    c.relief(lines, 0.05, mask)
    c.shade(mask, 1.15 - 0.55 * step(0.3, 0.95, c.x.abs()) - 0.3 * step(0.68, 0.45, c.x.abs()) * step(-0.3, 0.3, c.y))
    _turn_head(c, 0.55, 0.1)
    outline = join(c.ellipse(0, -0.05, 0.47, 0.54), c.ellipse(0, 0.38, 0.34, 0.36), 0.2).maximum(
        -(c.y + 0.46 - 0.2 * c.x**2)
    )
    u, v = c.within(0, 0.05, 0.5, 0.78)
    _face(c, face_colour, outline, u, v, brow=0.5, nose=1.0, cheek=0.7, age=0.0)
    band = c.cover((c.y + 0.5 - 0.2 * c.x**2).abs() - 0.06) * c.cover(cloth + 0.06)
    c.paint(band, face_colour * 0.9)
    c.relief(-(((c.y + 0.5 - 0.2 * c.x**2) * 14) ** 2), 0.03, band)
    s = (c.x.abs() - 0.21) / 0.14
    opening = ((1 - s * s).clamp(min=-1) * -0.07 + (c.y + 0.1).abs()) * 0.9
    kohl = mix(grey(c.x, 0.04), sand * 0.35, sandstone)
    tail = c.box(0.42, -0.09, 0.1, 0.016, 0.05).minimum(c.box(-0.42, -0.09, 0.1, 0.016, -0.05))
    c.tint(c.cover(outline) * c.cover((opening - 0.025).minimum(tail)), kohl)
    c.tint(c.cover(opening), mix(grey(c.x, 0.93), sand * 1.1, sandstone))
    c.tint(c.cover(opening) * c.cover(((c.x.abs() - 0.21) ** 2 + (c.y + 0.1) ** 2).sqrt() - 0.062), kohl)
    brow = (c.y + 0.26 + 0.05 * (1 - s * s * 0.6)).abs()
    c.tint(step(0.032, 0.018, brow) * step(1.7, 1.5, s.abs()) * step(0.05, 0.08, c.x.abs()), kohl)
    _nostrils(c, face_colour)
    _mouth(c, face_colour * 0.75, 0.17, 0.06, 0.03)
    beard = c.cover(c.segment(0, 0.76, 0, 0.95, 0.07, 0.09)) * (1 - 0.5 * c.chance(0.3))
    c.paint(beard, mix(stripe, face_colour, step(0.3, 0.7, wave(c.y * 14))))
    for part in range(3):
        c.blob(0, -0.86 + 0.12 * part, 0.075 - 0.012 * part, 0.1, mix(face_colour, stripe, 0.3 * (part == 1)))
    c.grain(c.alpha, 0.06 + 0.12 * sandstone, 0.7)
