"""What grows in the pond: lily pads seen from above, water lilies, iris leaves. Premultiplied RGBA, linear."""

from __future__ import annotations

import cv2
import numpy as np
from paint import Array, Rng, blur, fractal, mix, relief, rgb, smoothstep

SUN = rgb(-0.72, 0.28, 0.63)  # x right, y away, z up
SUNLIGHT = rgb(2.6, 1.95, 1.2)
SKYLIGHT = rgb(0.36, 0.42, 0.50)
PAD_PX = 384
LILY_PX = 640  # the width of a lily's sprite
LILY_ANCHOR = (LILY_PX / 2, LILY_PX * 0.60)


def paint_pad(rng: Rng) -> Array:
    """A lily pad: a notched disc with forking veins, a turned-up rim, wax, blots and gnawed holes."""
    y, x = np.mgrid[0:PAD_PX, 0:PAD_PX].astype(np.float32) / (PAD_PX / 2) - 1
    angle, wave = np.arctan2(y, x), fractal(512, rng, slope=1.7, lowest=3)[:PAD_PX, :PAD_PX]
    grain = fractal(512, rng, slope=0.9, lowest=16)[:PAD_PX, :PAD_PX]
    radius = np.hypot(x, y) / (0.93 + 0.018 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.012 * wave)
    spokes = np.abs(np.sin(angle * 11 + 0.12 * wave)) * radius
    forks = np.abs(np.sin(angle * 22 + 0.3 * wave)) * radius
    veins = np.exp(-((spokes / 0.055) ** 2)) + 0.6 * np.exp(-((forks / 0.05) ** 2)) * smoothstep(0.45, 0.7, radius)
    veins *= smoothstep(1.0, 0.8, radius)
    height = 3 * wave + 9 * smoothstep(0.86, 1.0, radius) - 4.5 * blur(veins, 2.0) + 0.22 * grain
    light = relief(height * 0.8, SUN * rgb(1, -1, 1))
    fresh, old = rgb(0.075, 0.135, 0.030), rgb(0.24, 0.20, 0.045)
    green = mix(fresh * rng.uniform(0.7, 1.25), rgb(0.05, 0.115, 0.062), float(rng.uniform(0, 0.8)))
    colour = mix(
        np.ones((PAD_PX, PAD_PX, 3), np.float32) * green,
        old,
        smoothstep(0.6, 3.4, wave + 0.25 * grain + float(rng.uniform(-0.4, 0.8))),
    )
    colour = mix(colour, rgb(0.20, 0.065, 0.035), smoothstep(0.88, 1.0, radius + 0.02 * grain) * 0.75)
    colour = mix(colour, rgb(0.20, 0.24, 0.09), np.clip(veins, 0, 1) * 0.7)
    colour = mix(colour, rgb(0.075, 0.042, 0.02), smoothstep(2.0, 2.6, grain + 0.5 * wave) * 0.8)
    wax = np.clip(light - 0.60, 0, 1)[..., None] ** 1.5 * rgb(0.55, 0.50, 0.42)
    lit = colour * (light[..., None] * SUNLIGHT + SKYLIGHT) + wax * 0.55 + 0.045 * SKYLIGHT
    gap = np.abs(np.mod(angle - rng.uniform(-3, 3) + np.pi, 2 * np.pi) - np.pi) - (0.045 + 0.10 * radius)
    alpha = smoothstep(1.0, 0.985, radius) * smoothstep(0, 0.02, gap * radius)
    alpha *= 1 - smoothstep(2.45, 2.5, np.roll(grain, 90, 0) - 0.3 * wave)
    return np.dstack([lit * alpha[..., None], alpha]).astype(np.float32)


def petal(turn: float, lean: tuple[float, float], length: float, width: float) -> Array:
    """Points of one petal, [along, aside, (x, y, z)]: it leans `lean` from upright at its foot and its tip."""
    u = np.linspace(0, 1, 420, dtype=np.float32)
    tilt = np.radians(lean[0] + (lean[1] - lean[0]) * u)
    out = 0.06 + np.cumsum(np.sin(tilt)) * length / u.size
    up = np.cumsum(np.cos(tilt)) * length / u.size
    v = np.linspace(-1, 1, 170, dtype=np.float32)
    aside = v[None] * (width * np.clip(np.sin(np.pi * u**0.72), 0, 1) ** 0.68 + 0.012)[:, None]
    cup = 1.5 * aside**2 / (width + 0.02)
    out = out[:, None] - cup * np.cos(tilt)[:, None]
    up = up[:, None] + cup * np.sin(tilt)[:, None]
    x = out * np.cos(turn) - aside * np.sin(turn)
    y = out * np.sin(turn) + aside * np.cos(turn)
    return np.stack([x, y, up + 0 * aside], -1)


def petal_light(points: Array, blush: Array, rng: Rng) -> Array:
    """Colour of a petal's points: white that turns to `blush` at the foot and the rim; light shines through."""
    along = np.linspace(0, 1, points.shape[0], dtype=np.float32)[:, None]
    aside = np.linspace(-1, 1, points.shape[1], dtype=np.float32)[None]
    normal = np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
    facing = normal @ SUN
    veins = 0.05 * np.sin(aside * 34 + 3 * along + rng.uniform(0, 6)) * np.sin(np.pi * along)
    colour = mix(blush, rgb(0.86, 0.80, 0.77), smoothstep(-0.15, 0.75, along - 0.25 * np.abs(aside) + veins))
    colour = colour * rng.uniform(0.9, 1.04)
    lamp = np.clip(facing, 0, 1)[..., None] * 0.62 + np.clip(-facing, 0, 1)[..., None] * rgb(0.30, 0.22, 0.17)
    shelter = (0.30 + 0.70 * smoothstep(0.05, 0.75, along + 0.1 * points[..., 2]))[..., None]
    return colour * (lamp * SUNLIGHT + SKYLIGHT * 0.9) * shelter * 0.9


def paint_lily(rng: Rng, blush: Array, *, open_share: float = 1.0) -> Array:
    """A water lily of four whorls of petals round its stamens, seen from 22 degrees above the water."""
    points, light = [], []
    for whorl, (count, foot, tip, length) in enumerate(
        ((9, 70, 86, 1.0), (9, 54, 66, 0.97), (8, 36, 44, 0.88), (7, 20, 22, 0.74))
    ):
        for number in range(count):
            turn = 2 * np.pi * (number + 0.5 * whorl + rng.uniform(-0.13, 0.13)) / count
            lean = (foot * open_share + rng.uniform(-5, 5), tip * open_share + rng.uniform(-7, 7))
            one = petal(turn, lean, length * rng.uniform(0.93, 1.06), 0.265 - 0.022 * whorl)
            points.append(one.reshape(-1, 3))
            light.append(petal_light(one, blush, rng).reshape(-1, 3))
    for _ in range(110):
        one = petal(
            rng.uniform(0, 2 * np.pi), (rng.uniform(2, 40), rng.uniform(-25, 10)), rng.uniform(0.24, 0.36), 0.012
        )
        one = one[::2, ::12]
        points.append(one.reshape(-1, 3))
        glow = np.linspace(0.35, 1, one.shape[0])[:, None, None] * np.ones((1, one.shape[1], 1))
        light.append((rgb(1.5, 0.80, 0.13) * glow * rng.uniform(0.55, 1.0)).reshape(-1, 3))
    return splat(np.concatenate(points), np.concatenate(light))


def splat(points: Array, light: Array) -> Array:
    """Points painted from far to near on a canvas of twice the size, then made smaller: a lily's sprite."""
    side, lift = 2 * LILY_PX, np.radians(22)
    x, y, z = points.T
    depth = y * np.cos(lift) - z * np.sin(lift)
    order = np.argsort(-depth)
    unit = side / 2.5
    column = (side / 2 + x * unit).astype(int)[order].clip(0, side - 1)
    row = (side * 0.60 - (z * np.cos(lift) + y * np.sin(lift)) * unit).astype(int)[order].clip(0, side - 1)
    canvas = np.zeros((side, side, 4), np.float32)
    canvas[row, column, :3] = light[order]
    canvas[row, column, 3] = 1
    return cv2.resize(canvas, (LILY_PX, LILY_PX), interpolation=cv2.INTER_AREA)


def paint_blade(rng: Rng) -> Array:
    """A long iris leaf that bends over, ribbed, the sun shining through it; 420 x 1200."""
    y, x = np.mgrid[0:1200, 0:420].astype(np.float32)
    up = 1 - y / 1200
    middle = 120 + 230 * up**2.3 + 12 * np.sin(up * 4 + rng.uniform(0, 6))
    wide = 34 * (1 - up**3) * (0.7 + 0.3 * up) + 0.5
    side = (x - middle) / wide
    ribs = 1 + 0.12 * np.sin(side * 16) + 0.06 * fractal(2048, rng, slope=1, lowest=20)[:1200, :420]
    light = (0.30 + 0.62 * smoothstep(0.2, -0.9, side) + 0.25 * up)[..., None] * ribs[..., None]
    colour = mix(rgb(0.10, 0.19, 0.035), rgb(0.30, 0.27, 0.06), smoothstep(0.55, 1, up)) * light * SUNLIGHT * 0.6
    alpha = smoothstep(1.04, 0.96, np.abs(side)) * smoothstep(0, 0.01, up)
    return np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
