"""cosmos: the sky and what shines in it."""

from __future__ import annotations

import math

import torch

from vidream.training.brush import grey, hsv, mix, step, wave
from vidream.training.canvas import ANY_WAY, PATTERN, UPRIGHT, Canvas
from vidream.training.motifs.motif_registry import motif

__all__: list[str] = []


def _stars(c: Canvas, share: float = 1.0) -> None:
    """Points of light on what is there."""
    spark = c.noise(c.x * 1.3, c.y * 1.3, "fine")
    c.gloss(step(2.6, 3.2, spark) * share, 1.0)


@motif("cosmos", ANY_WAY)
def galaxy(c: Canvas) -> None:
    """Two arms of stars winding around a glowing heart."""
    radius, angle = c.polar()
    tilt = c.uniform(0.45, 1.0)
    y = c.y / tilt
    radius, angle = (c.x**2 + y**2).sqrt() + 1e-6, torch.atan2(y, c.x)
    c.paint(step(1.0, 0.75, radius), grey(c.x, 0.02))
    arms = wave((angle * 2 + radius.log() * c.uniform(4.5, 7.0)) / math.tau)
    cloud = arms**1.5 * step(1.0, 0.25, radius) * (0.75 + 0.35 * c.noise(c.x * 0.6, c.y * 0.6)).clamp(0, 1.6)
    c.tint(
        cloud.clamp(0, 1),
        mix(
            c.pick((0.35, 0.45, 0.95), (0.6, 0.35, 0.85), (0.3, 0.6, 0.85)),
            c.pick((0.95, 0.5, 0.6), (0.9, 0.75, 0.6)),
            step(0.8, 0.2, radius),
        ),
    )
    c.gloss(step(0.35, 0.0, radius) ** 1.5, 1.0)
    c.tint(step(0.5, 0.1, radius) * 0.4, c.pick((1.0, 0.85, 0.55)))
    c.shade(wave((angle * 2 + radius.log() * 6 + 1.6) / math.tau) * step(0.9, 0.3, radius), 0.55)
    _stars(c)


@motif("cosmos", ANY_WAY)
def planet(c: Canvas) -> None:
    """A banded globe within a ring."""
    one, two = (
        c.pick((0.85, 0.65, 0.4), (0.7, 0.4, 0.25), (0.35, 0.55, 0.75), (0.6, 0.5, 0.65)),
        c.pick((0.95, 0.9, 0.78), (0.9, 0.75, 0.55), (0.75, 0.85, 0.9)),
    )
    tilt = c.uniform(0.18, 0.32)
    radius = (c.x**2 + (c.y / tilt) ** 2).sqrt()
    ring = step(0.62, 0.66, radius) * step(0.97, 0.93, radius)
    shown = mix(two, one, wave(radius * 9)) * 0.9
    c.paint(ring * (0.35 + 0.65 * wave(radius * 7 + 0.3)), shown)
    globe = c.cover(c.circle(0, 0, 0.55))
    c.paint(globe, mix(one, two, wave(c.y * c.uniform(4, 7) + 0.15 * c.noise(c.x * 0.3, c.y * 0.9))))
    c.round(globe, c.x / 0.56, c.y / 0.56, 0.1)
    front = ring * (c.y > 0).float()
    c.shade(globe * step(0.02, 0.0, (c.y - 0.09).abs() - 0.05), 0.6)
    c.paint(front * (0.45 + 0.55 * wave(radius * 7 + 0.3)), shown)


@motif("cosmos", ANY_WAY)
def moon(c: Canvas) -> None:
    """A grey ball of craters, dark seas, half in shadow."""
    c.paint(c.cover(c.circle(0, 0, 0.92)), c.colour((0.08, 0.14), (0.02, 0.2), (0.7, 0.95)))
    disc = c.cover(c.circle(0, 0, 0.92))
    c.shade(disc, 1 - 0.3 * step(-0.2, 0.5, c.noise(c.x * 0.25, c.y * 0.25, "soft")))
    for _ in range(12):
        turn, reach, size = c.uniform(0, math.tau), c.uniform(0, 1).sqrt() * 0.78, c.uniform(0.05, 0.2)
        dx, dy = c.x - turn.cos() * reach, c.y - turn.sin() * reach
        far = (dx * dx + dy * dy).sqrt() / size
        lit = (dx * c.light[0] + dy * c.light[1]) / size
        c.shade(disc * step(1.05, 0.85, far), 0.92 - 0.55 * lit)
        c.shade(disc * step(0.25, 0.0, (far - 1.08).abs()), 1.15 + 0.4 * lit)
    c.grain(disc, 0.15, 1.0)
    c.round(disc, c.x / 0.93, c.y / 0.93, 0.0)


@motif("cosmos", ANY_WAY)
def sun(c: Canvas) -> None:
    """A boiling disc, flames around its edge."""
    radius, angle = c.polar()
    flame = c.noise(angle / math.tau * 2, radius * 0.35, "pink")
    reach = 0.55 + 0.35 * (0.5 + 0.3 * flame + 0.3 * wave(angle * c.whole(7, 12) / math.tau)).clamp(0, 1.2)
    halo = step(0.0, 0.25, reach - radius)
    c.paint(halo, mix(c.pick((0.85, 0.12, 0.02), (0.95, 0.35, 0.05)), c.pick((1.0, 0.8, 0.2)), step(0.9, 0.55, radius)))
    disc = c.cover(radius - 0.56)
    c.paint(disc, mix(c.pick((1.0, 0.75, 0.15), (1.0, 0.55, 0.1)), c.pick((1.0, 0.97, 0.75)), step(0.56, 0.1, radius)))
    c.shade(disc, (1 + 0.22 * c.noise(c.x * 0.8, c.y * 0.8)).clamp(0.5, 1.3))
    c.tint(disc * step(0.8, 1.5, c.noise(c.x * 0.7, c.y * 0.7)), c.pick((0.75, 0.2, 0.02)))


@motif("cosmos", UPRIGHT)
def lightning(c: Canvas) -> None:
    """A white bolt that forks down a violet sky."""
    c.paint(
        step(1.05, 0.75, torch.maximum(c.x.abs(), c.y.abs())),
        mix(
            c.pick((0.12, 0.08, 0.28), (0.06, 0.1, 0.25), (0.2, 0.1, 0.25)),
            c.pick((0.35, 0.3, 0.55)),
            step(0.2, 1.6, c.noise(c.x * 0.3, c.y * 0.3) * 0.5 + 0.5),
        ),
    )
    wander = 0.16 * c.noise(c.x * 0.0 + 0.3, c.y * 0.45, "pink") + 0.08 * c.noise(c.x * 0.0 + 0.7, c.y * 1.2, "pink")
    bolts = [(c.x - wander).abs()]
    for start, lean in ((-0.35, 0.55), (0.1, -0.6), (0.3, 0.45)):
        branch = (c.x - wander - lean * (c.y - start) - 0.1 * c.noise(c.x * 0.0, c.y * 0.9, "pink")).abs()
        bolts.append(branch + 4.0 * (start - c.y).clamp(min=0) + 0.02 + 0.05 * (c.y - start).clamp(min=0))
    near = torch.stack(bolts).amin(0)
    c.tint((0.9 * torch.exp(-near * 9)).clamp(0, 1), c.pick((0.65, 0.55, 1.0), (0.5, 0.7, 1.0)))
    c.gloss(torch.exp(-((near / 0.035) ** 2)), 1.0)


@motif("cosmos", PATTERN)
def nebula(c: Canvas) -> None:
    """Glowing clouds of gas with dark lanes and stars."""
    one, two = c.noise(c.x * 0.2, c.y * 0.2, "pink"), c.noise(c.x * 0.2, c.y * 0.2, "pink")
    hue = c.uniform()
    c.paint(c.everywhere, grey(c.x, 0.03))
    c.paint(step(-0.3, 2.0, one), hsv((hue + 0.0 * one) % 1.0, 0.75 + 0 * one, 0.9 + 0 * one))
    c.paint(step(0.0, 2.2, two), hsv((hue + c.uniform(0.12, 0.35) + 0 * one) % 1.0, 0.6 + 0 * one, 1.0 + 0 * one))
    c.gloss(step(1.2, 2.8, one + two), 0.8)
    c.shade(step(0.3, 1.4, c.noise(c.x * 0.25, c.y * 0.25, "pink")), 0.25)
    _stars(c)


@motif("cosmos", UPRIGHT)
def cloud(c: Canvas) -> None:
    """Heaped white billows, flat and grey beneath, on blue."""
    sky = mix(
        c.pick((0.2, 0.4, 0.75), (0.45, 0.65, 0.9), (0.85, 0.55, 0.4)),
        c.pick((0.75, 0.85, 0.95), (0.95, 0.8, 0.65)),
        step(-1.0, 1.0, c.y),
    )
    c.paint(step(1.0, 0.8, torch.maximum(c.x.abs(), c.y.abs())), sky)
    tint = c.pick((1.0, 0.99, 0.97), (1.0, 0.9, 0.8))
    for y, spread in ((-0.4, 0.3), (-0.15, 0.5), (0.1, 0.62), (0.28, 0.7)):
        for index in range(3):
            px, py, size = (
                (index - 1) * spread + c.uniform(-0.15, 0.15),
                y + c.uniform(-0.08, 0.08),
                c.uniform(0.22, 0.36),
            )
            shape = c.circle(px, py, size) + 0.035 * c.noise(c.x * 0.5, c.y * 0.5)
            mask = c.cover(torch.maximum(shape, c.y - 0.52 - 0.03 * c.noise(c.x * 0.5, c.y * 0.1)), 5)
            c.paint(mask, tint)
            c.shade(mask, 1.0 - 0.42 * step(-0.6, 1.0, (c.y - py - c.light[0] * (c.x - px) * 0.5) / size))
    c.shade(step(0.3, 0.52, c.y) * step(0.6, 0.52, c.y) * step(0.85, 0.7, c.x.abs()), 0.85)
