"""The second shot: a glide over a lily pond, low and close, in the same evening light."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from flora import LILY_ANCHOR, LILY_PX, PAD_PX, SKYLIGHT, SUNLIGHT, paint_blade, paint_lily, paint_pad
from paint import Array, Rng, blur, fractal, lay, mix, placed, rgb, sample, smoothstep

WIDTH, HEIGHT = 1280, 720  # twice the clip: supersampled
FOCAL_PX = 1180.0
HORIZON_PX = 70.0
EYE_M = 0.58  # above the water
BANK_M = 9.0
FOCUS_M = 2.1


class Pad(NamedTuple):
    """A pad on the water: metres right and away, radius, turn, and which texture."""

    x: float
    y: float
    radius: float
    turn: float
    which: int


# (metres right, metres away, width in metres, which)
LILIES = (
    (0.36, 2.15, 0.44, 0),
    (-0.66, 2.75, 0.38, 1),
    (1.30, 3.5, 0.38, 2),
    (-0.12, 4.3, 0.36, 0),
    (-1.85, 4.1, 0.36, 2),
    (2.2, 5.2, 0.36, 1),
    (0.85, 6.3, 0.36, 2),
    (-0.64, 1.72, 0.26, 3),
)
BLADES = (
    (-0.62, 1.02, 0.50, 0.1, 0),
    (-0.74, 1.16, 0.60, -0.16, 1),
    (0.66, 1.0, 0.42, -0.12, 1),
    (-0.50, 0.92, 0.36, 0.35, 1),
)


class Pond:
    """The shot: paints once what stays, then any moment of it."""

    def __init__(self, rng: Rng) -> None:
        self.bank = paint_bank(rng)
        self.ripples = np.dstack([fractal(512, rng, slope=1.5, lowest=6), fractal(512, rng, slope=1.5, lowest=6)])
        self.depths = fractal(1024, rng, slope=1.4, lowest=4)
        self.pads = [paint_pad(rng) for _ in range(9)]
        pinks = (rgb(0.62, 0.13, 0.24), rgb(0.66, 0.52, 0.24), rgb(0.60, 0.20, 0.30))
        self.lilies = [paint_lily(rng, blush) for blush in pinks]
        self.lilies.append(paint_lily(rng, pinks[0], open_share=0.35))
        self.blades = [paint_blade(rng), paint_blade(rng)[:, ::-1].copy()]
        self.leaves = strew(rng, len(self.pads))

    def frame(self, share: float) -> Array:
        """The picture at `share` 0..1 of the shot: linear light, [HEIGHT, WIDTH, 3]."""
        eye_x, eye_y = -0.10 + 0.20 * share, 0.40 * share
        picture = self.water(eye_x, eye_y, share)
        things = [(pad.y, pad) for pad in self.leaves] + [(lily[1] - 0.05, lily) for lily in LILIES]
        for _, thing in sorted(things, key=lambda pair: -pair[0]):
            if isinstance(thing, Pad):
                self.put_pad(picture, thing, eye_x, eye_y, share)
            else:
                self.put_lily(picture, thing, eye_x, eye_y)
        for x, y, tall, turn, which in BLADES:
            depth, blade = y - 0.6 * eye_y, self.blades[which]
            column, row = WIDTH / 2 + FOCAL_PX * (x - eye_x) / depth, HORIZON_PX + FOCAL_PX * EYE_M / depth
            sway = turn + 0.02 * np.sin(4 * share + x * 9)
            lay(picture, blade, placed(tall * FOCAL_PX / depth / 1200, column, row, (120, 1199), sway), sigma_px=6)
        return picture

    def water(self, eye_x: float, eye_y: float, share: float) -> Array:
        """Bank, and the pond that mirrors it: ripples bend what is seen, and the depth shows where it is dark."""
        scale = BANK_M / (BANK_M - eye_y)
        shore = HORIZON_PX + FOCAL_PX * EYE_M / (BANK_M - eye_y)
        tall, wide = self.bank.shape[:2]
        column, row = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
        depth = FOCAL_PX * EYE_M / np.maximum(row - HORIZON_PX, 20)
        x, y = eye_x + (column - WIDTH / 2) / FOCAL_PX * depth, eye_y + depth
        waves = sample(self.ripples, x * 70 + 16 * share, y * 46 + 9 * share)
        waves += 0.5 * sample(self.ripples, x * 190 - 30 * share, y * 120 + 22 * share)
        wet = smoothstep(-2, 2, row - shore)
        swing = wet * np.clip(2.2 / depth, 0.25, 1.3)
        across = (column - WIDTH / 2 + 12 * waves[..., 0] * swing) / scale
        up = np.abs(row - shore + 26 * waves[..., 1] * swing) / scale
        away = eye_x * FOCAL_PX / BANK_M
        seen = cv2.remap(
            self.bank, across + wide / 2 + away, tall - 1 - up, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        fresnel = 0.10 + 0.90 * (1 - np.clip(EYE_M / depth, 0, 1)) ** 3
        murk = 1 + 0.30 * sample(self.depths, (x + 0.2 * depth) * 170, (y + 0.3 * depth) * 170)
        body = rgb(0.022, 0.034, 0.018) * murk[..., None] * (1 + 0.25 * waves[..., :1])
        return mix(seen, seen * fresnel[..., None] * 0.85 + body, wet)

    def put_pad(self, picture: Array, pad: Pad, eye_x: float, eye_y: float, share: float) -> None:
        depth = pad.y - eye_y
        if depth - pad.radius < 0.55:
            return
        drift = 0.004 * np.sin(3.5 * share + 9 * pad.x)
        size = 2 * pad.radius / PAD_PX
        cosine, sine = size * np.cos(pad.turn), size * np.sin(pad.turn)
        half = PAD_PX / 2
        onto = np.array(
            [
                [cosine, -sine, pad.x - eye_x + drift - half * (cosine - sine)],
                [-sine, -cosine, depth + half * (sine + cosine)],
                [0, 0, 1],
            ]
        )
        look = np.array([[FOCAL_PX, WIDTH / 2, 0], [0, HORIZON_PX, FOCAL_PX * EYE_M], [0, 1, 0]])
        sigma = defocus(depth)
        texture = self.pads[pad.which]
        if depth < 5:
            shade = np.dstack([0 * texture[..., :3], 0.5 * texture[..., 3]])
            below = look.copy()
            below[1, 2] += FOCAL_PX * 0.012
            below[0, 2] += FOCAL_PX * 0.015
            lay(picture, shade, below @ onto, sigma_px=sigma + 5 / depth)
        lay(picture, texture, look @ onto, sigma_px=sigma)

    def put_lily(self, picture: Array, lily: tuple[float, float, float, int], eye_x: float, eye_y: float) -> None:
        x, y, wide, which = lily
        depth = y - eye_y
        scale = wide * FOCAL_PX / depth / LILY_PX
        column, row = WIDTH / 2 + FOCAL_PX * (x - eye_x) / depth, HORIZON_PX + FOCAL_PX * EYE_M / depth
        sprite, upright = self.lilies[which], placed(scale, column, row, LILY_ANCHOR)
        flip = np.array([[1, 0, 0], [0, -0.8, 1.8 * row + 0.16 * wide * FOCAL_PX / depth], [0, 0, 1]])
        lay(picture, 0.3 * sprite, flip @ upright, sigma_px=defocus(depth) + 2)
        lay(picture, sprite, upright, sigma_px=defocus(depth))


def defocus(depth: float) -> float:
    """Blur of a thin lens focused at FOCUS_M, in pixels of the large picture."""
    return 5.5 * max(abs(1 - FOCUS_M / depth) - 0.10, 0)


def strew(rng: Rng, kinds: int) -> list[Pad]:
    """Pads in rafts with open water between; none overlaps another by much."""
    raft, pads = fractal(256, rng, slope=1.7, lowest=4), []
    for _ in range(9000):
        y = 0.9 + 7.8 * rng.random() ** 1.3
        x, radius = rng.uniform(-0.62, 0.62) * (y + 0.4), rng.uniform(0.07, 0.24)
        lonely = raft[int(y * 20) % 256, int(x * 20 + 128) % 256] < -0.15
        near_lily = any(np.hypot(x - lily[0], y - lily[1]) < 0.10 for lily in LILIES)
        if lonely or near_lily or any(np.hypot(x - p.x, y - p.y) < 0.86 * (radius + p.radius) for p in pads):
            continue
        pads.append(Pad(x, y, radius, rng.uniform(0, 2 * np.pi), int(rng.integers(kinds))))
    return pads


def paint_bank(rng: Rng) -> Array:
    """Foliage on the far bank, far out of focus: clumps, trunks, discs of light; above it the evening sky."""
    width, height = WIDTH + 300, 700
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    clump = fractal(2048, rng, slope=1.5, lowest=9)[:height, :width]
    fine = fractal(2048, rng, slope=1.0, lowest=30)[:height, :width]
    up = 1 - y / height
    sky = mix(rgb(1.35, 0.98, 0.66), rgb(0.55, 0.68, 0.88), smoothstep(0.35, 1.0, up))
    sky = sky * (1 + 0.18 * fractal(2048, rng, slope=1.8, lowest=4)[:height, :width])[..., None]
    leaf = mix(rgb(0.018, 0.034, 0.014), rgb(0.17, 0.19, 0.035), smoothstep(-1.0, 1.8, clump + 0.5 * fine))
    leaf = mix(leaf, rgb(0.42, 0.25, 0.05), smoothstep(0.9, 2.2, clump + 0.3 * fine - 0.5 * x / width))
    leaf = leaf * (0.55 + 0.75 * smoothstep(1.0, 0.0, x / width))[..., None] * SUNLIGHT * 0.5 + leaf * SKYLIGHT
    crown = smoothstep(0.16, -0.16, up - 0.52 - 0.13 * clump - 0.05 * fine - 0.16 * np.cos(x / 260 + 0.8))
    picture = mix(sky, leaf, crown)
    for _ in range(260):
        spot = (int(rng.integers(width)), int(height * (1 - 0.75 * rng.random() ** 1.5)))
        disc = np.zeros((height, width), np.uint8)
        cv2.circle(disc, spot, int(rng.integers(5, 15)), 255, -1, cv2.LINE_AA)
        y0, y1 = max(spot[1] - 20, 0), spot[1] + 20
        share = disc[y0:y1].astype(np.float32)[..., None] / 255 * rng.uniform(0.10, 0.5)
        picture[y0:y1] += share * rgb(0.95, 0.72, 0.30) * rng.uniform(0.4, 1.1)
    return blur(picture.astype(np.float32), 3.2)
