"""The land of the first shot: an eroded, wooded and lit height map."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from paint import Array, Rng, blur, fractal, mix, octave, relief, rgb, sample, smoothstep

SIZE = 2048
CELL_M = 5.0
TILE_M = 1.0  # the forest tile, 1024 of them a side
SUN = rgb(-0.90, 0.30, 0.34) / np.linalg.norm(rgb(-0.90, 0.30, 0.34))  # x right, y away, z up
SUNLIGHT = rgb(4.3, 2.45, 1.05)
SKYLIGHT = rgb(0.23, 0.29, 0.42)


@dataclass(frozen=True)
class Land:
    """Maps of SIZE cells: `ground` is (height in metres, share of forest), `colour` is lit."""

    ground: Array
    colour: Array
    colour_far: Array
    canopy: Array  # metres
    canopy_light: Array
    rock: Array
    mist: Array


def massifs(size: int, rng: Rng) -> Array:
    """Rough uplift before the rain: 1/f noise with folded crests, bent by a coarser field. About 0..1."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    bend = size * 0.03
    east, south = fractal(size, rng, slope=2.2, lowest=3), fractal(size, rng, slope=2.2, lowest=3)
    crest = 1 - np.minimum(np.abs(octave(size, 3.5, rng)) * 0.8, 1)
    crest = sample(crest, x + bend * east, y + bend * south)
    return np.clip(0.25 + 0.42 * crest + 0.17 * fractal(size, rng, slope=1.75, lowest=4), 0, None)


def rain(height: Array, rng: Rng, *, strength: float, steps: int = 56) -> Array:
    """One round of the stream power law: as many drops as cells run downhill together; where many pass
    and it is steep, the ground is carried off. `height` is in cells."""
    size = height.shape[0]
    place = rng.random((2, size // 2, size // 2), dtype=np.float32) * (size - 4) + 1
    way = np.zeros_like(place)
    passed = np.zeros(size * size, np.float32)
    down, across = np.gradient(blur(height, 0.8))
    for _ in range(steps):
        slope = np.stack([sample(across, *place, wrap=False), sample(down, *place, wrap=False)])
        way = 0.3 * way - slope
        place = np.clip(place + way / (np.hypot(*way) + 1e-4), 1, size - 3)
        cell = (place + 0.5).astype(np.int64)
        passed += np.bincount((cell[1] * size + cell[0]).ravel(), minlength=size * size)
    stream = np.sqrt(blur(passed.reshape(size, size), 0.6))
    carved = height - strength * np.minimum(stream, 16) * np.minimum(np.hypot(down, across), 1.2)
    return np.maximum(carved, cv2.erode(height, np.ones((3, 3), np.uint8)))  # no pits: water would fill them


def crumble(height: Array, *, steepest: float, rounds: int = 2) -> Array:
    """Rock falls until no slope is steeper than `steepest`: the straight flanks of high mountains."""
    for _ in range(rounds):
        down, across = np.gradient(height)
        steep = np.hypot(down, across) + 1e-6
        fall = np.maximum(1 - steepest / steep, 0)
        height = height + 0.35 * (np.gradient(down * fall, axis=0) + np.gradient(across * fall, axis=1))
    return height


def weather(height: Array, rng: Rng) -> Array:
    """Rain and rock fall from coarse to fine, so that big valleys lead to small gullies. `height` in metres."""
    full = height.shape[0]
    for size, rounds in ((full // 4, 26), (full // 2, 20), (full, 12)):
        cell_m = SIZE * CELL_M / size
        before = cv2.resize(height, (size, size), interpolation=cv2.INTER_AREA)
        after = before / cell_m
        for _ in range(rounds):
            after = crumble(rain(after, rng, strength=0.06), steepest=1.0 + 0.7 * size / full)
        height = height + cv2.resize(after * cell_m - before, (full, full), interpolation=cv2.INTER_CUBIC)
    return height


def heights(rng: Rng) -> Array:
    """A lake valley running away from the eye, spurs on both sides, a massif at its end. In metres."""
    half = SIZE // 2
    y, x = np.mgrid[0:half, 0:half].astype(np.float32) * (2 * CELL_M / 1000)  # km
    x -= half * CELL_M / 1000
    bend = 0.42 * np.sin(y * 1.15 + 0.4) + 0.1 * np.sin(y * 3.1) + 0.06 * y - 0.15
    aside = np.abs(x - bend + 0.13 * fractal(half, rng, slope=1.8, lowest=4))
    walls = smoothstep(0.12, 2.4, aside)
    massif = np.exp(-(((y - 7.4) / 1.5) ** 2) - ((x - 0.7) / 2.8) ** 2)
    crest = massifs(half, rng)
    height = walls * (60 + 1150 * crest) + massif * (100 + 1600 * crest)
    height = weather(height + 20 * fractal(half, rng, slope=1.5, lowest=6) * (0.3 + walls), rng) - 30
    height = cv2.resize(height, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    rough = smoothstep(0.15, 0.9, np.hypot(*np.gradient(blur(height, 2))) / CELL_M)
    return height + 9.0 * rough * fractal(SIZE, rng, slope=1.25, lowest=24)


def sunshine(height: Array) -> Array:
    """Share of the sun that reaches each cell past the ridges on its way, with a soft edge."""
    small = cv2.resize(height, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[0 : small.shape[0], 0 : small.shape[1]].astype(np.float32)
    flat = np.hypot(SUN[0], SUN[1])
    rise = SUN[2] / flat * CELL_M * 2
    over = np.full_like(small, -1e3)
    for step in 1.5 * 1.045 ** np.arange(110):
        there = sample(small, x + SUN[0] / flat * step, y + SUN[1] / flat * step, wrap=False)
        over = np.maximum(over, (there - small - rise * step) / (1 + 0.06 * step))
    return cv2.resize(1 - smoothstep(-6, 6, over), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)


def trees(size: int, rng: Rng, *, count: int) -> tuple[Array, Array]:
    """A tile of conifer tops: (height in metres, a number of its own for each tree, 0..1)."""
    canopy, tint = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    reach = 6
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    for _ in range(count):
        cx, cy = rng.random(2) * size
        tall, wide = rng.uniform(7, 17), rng.uniform(2.2, 4.4)
        distance = np.hypot(x - cx % 1, y - cy % 1) / wide
        top = tall * np.clip(1 - distance, 0, 1) ** 0.8
        rows = (np.arange(-reach, reach + 1) + int(cy))[:, None] % size
        columns = (np.arange(-reach, reach + 1) + int(cx))[None] % size
        higher = top > canopy[rows, columns]
        canopy[rows, columns] = np.where(higher, top, canopy[rows, columns])
        tint[rows, columns] = np.where(higher, rng.random(), tint[rows, columns])
    return canopy, tint


def pigments(height: Array, rng: Rng) -> tuple[Array, Array]:
    """Unlit colour of the ground, and the share of forest on it."""
    slope = np.hypot(*np.gradient(blur(height, 1.5))) / CELL_M
    patch, fine = fractal(SIZE, rng, slope=1.3, lowest=12), fractal(SIZE, rng, slope=0.8, lowest=30)
    grass = mix(rgb(0.115, 0.105, 0.035), rgb(0.23, 0.155, 0.055), smoothstep(-1, 1.3, patch + 0.5 * fine))
    strata = np.sin(height / 17 + 2.5 * fractal(SIZE, rng, slope=1.6, lowest=5)) * 0.5 + 0.5
    rock = mix(rgb(0.085, 0.070, 0.060), rgb(0.235, 0.195, 0.160), smoothstep(-1.6, 1.6, fine + strata - 0.5))
    bare = smoothstep(0.85, 1.2, slope + 0.13 * patch + 0.06 * fine + (height - 600) / 1400)
    colour = mix(grass, rock, bare)
    snow = smoothstep(-80, 160, height - 800 - 110 * patch - 60 * fine) * (
        1 - smoothstep(1.4, 1.9, slope + 0.14 * fine)
    )
    colour = mix(colour, rgb(0.80, 0.82, 0.86), snow)
    forest = (1 - smoothstep(1.0, 1.3, slope + 0.1 * fine - 0.55 * smoothstep(520, 220, height))) * (
        1 - smoothstep(480, 680, height + 90 * patch + 40 * fine)
    )
    forest *= smoothstep(6, 26, height + 8 * fine) * smoothstep(-1.1, -0.5, patch + 0.35 * fine)
    sand = rgb(0.15, 0.12, 0.085) * np.ones_like(colour)
    return mix(sand, colour, smoothstep(0.2, 2.5, height + fine)), forest


def make_land(rng: Rng) -> Land:
    """Raise, erode, plant and light the land."""
    height = heights(rng)
    colour, forest = pigments(height, rng)
    canopy, tint = trees(1024, rng, count=26_000)
    tile = relief(canopy / TILE_M, SUN) * 0.9 + 0.25 * smoothstep(0, 14, canopy) ** 2
    leaf = mix(rgb(0.030, 0.042, 0.018), rgb(0.20, 0.120, 0.022), smoothstep(0.72, 0.98, tint))
    leaf = leaf * (0.75 + 0.5 * np.mod(tint * 7.3, 1))[..., None] * 1.5
    light = relief(height / CELL_M, SUN) * sunshine(height)
    open_sky = 0.55 + 0.45 * smoothstep(-70, 50, height - blur(height, 24))
    lamp = light[..., None] * SUNLIGHT + open_sky[..., None] * SKYLIGHT
    mean_leaf = (leaf * (tile[..., None] + 0.22)).mean((0, 1)) * 1.15
    wooded = mix(colour, mean_leaf * np.ones_like(colour), forest)
    canopy_light = leaf * (tile[..., None] + 0.22) / mean_leaf
    rough = 1 + 0.22 * np.clip(fractal(1024, rng, slope=0.9, lowest=6), -2.5, 2.5)
    lit = (wooded * lamp).astype(np.float32)
    ground = np.dstack([height, forest]).astype(np.float32)
    return Land(
        ground,
        lit,
        blur(lit, 0.9),
        canopy,
        canopy_light.astype(np.float32),
        rough.astype(np.float32),
        fractal(1024, rng, slope=1.5, lowest=3),
    )
