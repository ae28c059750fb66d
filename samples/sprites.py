"""What stands or floats in the shots: a hot-air balloon, firs, water lilies. Premultiplied RGBA, linear."""

from __future__ import annotations

import cv2
import numpy as np
from paint import Array, Rng, fractal, mix, rgb, smoothstep
from terrain import SKYLIGHT


def paint_balloon(rng: Rng) -> Array:
    """A balloon of 24 gores, sewn in warm bands, lit from the left; 480 x 640 pixels."""
    y, x = np.mgrid[0:640, 0:480].astype(np.float32)
    down = (y - 10) / 480  # 0 the crown, 1 the mouth
    inside = np.clip(down, 0, 1)
    ball = np.sqrt(np.clip(1 - ((inside - 0.42) / 0.42) ** 2, 0, 1))
    cone = 0.965 - 0.84 * smoothstep(0.40, 1.12, inside)  # the skirt leaves the ball at its widest
    wide = 205 * np.where(inside < 0.46, ball, np.maximum(cone - 0.55 * np.clip(inside - 0.5, 0, 1) ** 1.2, 0.16))
    side = np.clip((x - 240) / np.maximum(wide, 1), -1, 1)
    turn = np.arcsin(side) * 24 / (2 * np.pi) * 2
    bulge = np.abs(np.sin(turn * np.pi / 2))
    gore = np.floor(turn / 2 + 40)
    up = np.cos(np.pi * np.clip(inside / 0.95, 0, 1))
    normal = np.stack([side * 0.9, up * 0.55, np.sqrt(np.clip(1 - side**2, 0, 1))])
    lamp = np.clip(0.80 * -normal[0] + 0.30 * normal[1] + 0.42 * normal[2], 0, None) + 0.10
    zigzag = np.abs(np.mod(turn / 2, 1) - 0.5) * 0.05
    cloth = balloon_cloth(down + zigzag, gore)
    weave = 1 + 0.05 * fractal(1024, rng, slope=0.9, lowest=20)[:640, :480]
    lit = cloth * (lamp[..., None] ** 1.4 * rgb(2.3, 1.55, 0.95) + SKYLIGHT * 0.6)
    lit *= ((0.62 + 0.38 * np.sqrt(bulge)) * weave)[..., None]
    alpha = smoothstep(0.6, -0.6, np.abs(x - 240) - wide) * (down > 0) * smoothstep(1.004, 0.998, down)
    sprite = np.dstack([lit * alpha[..., None], alpha]).astype(np.float32)
    return hang_basket(sprite)


def balloon_cloth(down: Array, gore: Array) -> Array:
    """Cream, ochre, brick and petrol bands; every other gore a shade darker."""
    bands = [
        (0.00, (0.24, 0.075, 0.050)),
        (0.12, (0.36, 0.20, 0.085)),
        (0.22, (0.46, 0.39, 0.29)),
        (0.36, (0.27, 0.080, 0.055)),
        (0.50, (0.46, 0.38, 0.28)),
        (0.55, (0.075, 0.115, 0.13)),
        (0.68, (0.46, 0.38, 0.28)),
        (0.72, (0.27, 0.078, 0.052)),
        (0.86, (0.18, 0.055, 0.042)),
    ]
    cloth = np.zeros((*down.shape, 3), np.float32)
    for start, colour in bands:
        cloth = mix(cloth, rgb(*colour), smoothstep(start - 0.004, start + 0.004, down))
    return cloth * (0.86 + 0.14 * np.mod(gore, 2))[..., None]


def hang_basket(sprite: Array) -> Array:
    """Ropes, a wicker basket and two people under the mouth of the balloon."""
    small = np.zeros((640 * 2, 480 * 2, 4), np.uint8)
    for side in (-1, -0.4, 0.4, 1):
        cv2.line(small, (int(480 + 72 * side), 985), (int(480 + 40 * side), 1165), (40, 34, 28, 255), 3, cv2.LINE_AA)
    for side in (-14, 12):
        cv2.ellipse(small, (480 + side, 1140), (9, 11), 0, 0, 360, (120, 84, 62, 255), -1, cv2.LINE_AA)
        cv2.rectangle(small, (480 + side - 12, 1150), (480 + side + 12, 1180), (52, 50, 62, 255), -1)
    for row in range(1165, 1236, 9):
        warm = 105 + (row * 7 % 40)
        cv2.rectangle(small, (436, row), (524, row + 8), (warm, warm * 2 // 3, warm // 3, 255), -1)
    small = cv2.resize(small, (480, 640), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    small[..., :3] = small[..., :3] ** 2.2 * np.linspace(2.2, 0.5, 480, dtype=np.float32)[None, :, None]
    small[..., :3] *= small[..., 3:]
    return small + sprite * (1 - small[..., 3:])


def paint_conifer(rng: Rng) -> Array:
    """A fir of some hundred drooping branches, each a fan of needles; lit from the left. 460 x 1000."""
    scale, height, width = 3, 1000, 460
    canvas = np.zeros((height * scale, width * scale, 4), np.float32)
    trunk = np.array(
        [[width * 1.5 - 2, 20], [width * 1.5 + 2, 20], [width * 1.5 + 22, 3000], [width * 1.5 - 22, 3000]], np.int32
    )
    cv2.fillPoly(canvas, [trunk], (0.030, 0.022, 0.016, 1.0))
    branches = []
    for level in np.linspace(0.012, 1.0, 150) ** 1.12:
        tier = 0.80 + 0.20 * np.sin(level * 95 + 6 * level**2)
        reach = (0.02 + 0.5 * level**0.9) * tier * rng.uniform(0.55, 1.12, 9) * width * scale * 0.92
        branches += [(level, turn, length) for turn, length in zip(rng.uniform(0, 2 * np.pi, 9), reach, strict=True)]
    for level, turn, length in sorted(branches, key=lambda branch: np.sin(branch[1]) + 0.25 * branch[0]):
        draw_branch(canvas, rng, width * 1.5, 20 + level * (height * scale - 60), turn, length)
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return small


def draw_branch(canvas: Array, rng: Rng, x: float, y: float, turn: float, length: float) -> None:
    """A drooping branch that points `turn` about the trunk (pi is left, into the sun), needle by needle."""
    along = np.linspace(0.08, 1, max(6, int(length / 9)))
    reach = length * np.cos(turn)
    bend = 0.24 * length * along**1.3 - 0.20 * length * along**3 + 0.16 * length * np.sin(turn) * along
    lit = np.clip(-np.cos(turn) * 0.8 + 0.25 * np.sin(turn) + 0.15, 0, 1) * rng.uniform(0.5, 1.1)
    sun = rgb(0.23, 0.150, 0.040) * lit
    shade = rgb(0.011, 0.018, 0.016) * rng.uniform(0.7, 1.4)
    for part, drop in zip(along, bend, strict=True):
        px, py = x + reach * part, y + drop
        for side in (-1, 1):
            needle = rng.uniform(14, 34) * (1.15 - 0.6 * part) * min(0.3 + length / 260, 1)
            dx = np.cos(turn) * needle * 0.75 + side * needle * 0.25
            dy = needle * (0.55 + 0.5 * side * 0.6) * rng.uniform(0.5, 1.1)
            colour = shade + sun * part**1.5 * rng.uniform(0.3, 1.25) * (1.15 if side < 0 else 0.7)
            cv2.line(canvas, (int(px), int(py)), (int(px + dx), int(py + dy)), (*map(float, colour), 1.0), 3)
