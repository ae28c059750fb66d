"""The first shot: a drone slides along a mountain lake at golden hour; a balloon and near firs pass by."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from paint import Array, Rng, blur, fractal, lay, mix, placed, rgb, sample, smoothstep
from sprites import paint_balloon, paint_conifer
from terrain import CELL_M, SIZE, TILE_M, Land, make_land

WIDTH, HEIGHT = 1280, 720  # twice the clip: supersampled
FOCAL_PX = 1180.0
HORIZON_PX = 300.0
DEPTHS = 90 * (120 ** np.linspace(0, 1, 1500)).astype(np.float32)  # metres
HAZE_PER_M = rgb(1 / 21000, 1 / 16000, 1 / 11500)


@dataclass(frozen=True)
class Camera:
    """Where the eye is: metres to the right, away, and above the lake; `yaw` shifts the view, in pixels."""

    x: float
    y: float
    z: float
    yaw_px: float

    def across(self) -> Array:
        """Metres to the right for a metre away, for each column."""
        return (np.arange(WIDTH, dtype=np.float32) + 0.5 - WIDTH / 2 + self.yaw_px) / FOCAL_PX


def camera_at(share: float) -> Camera:
    """The flight, `share` 0..1 of the shot: to the right and forward, turning a little left."""
    return Camera(-265 + 130 * share, 360 + 45 * share, 175 - 6 * share, 30 - 75 * share)


def cells(camera: Camera, depth: Array, across: Array) -> tuple[Array, Array]:
    return (camera.x + depth * across) / CELL_M + SIZE / 2, (camera.y + depth) / CELL_M


def first_hit(slopes: Array, asked: Array) -> Array:
    """Fractional index of the first depth that rises to the `asked` slope, [columns, asked]; NaN in the sky."""
    seen = np.maximum.accumulate(slopes, axis=1)
    hits = np.stack([np.searchsorted(column, asked) for column in seen])
    last = slopes.shape[1] - 1
    far, near = np.clip(hits, 1, last), np.clip(hits, 1, last) - 1
    high, low = np.take_along_axis(seen, far, 1), np.take_along_axis(seen, near, 1)
    share = np.clip((asked - low) / np.maximum(high - low, 1e-9), 0, 1)
    return np.where(hits > last, np.nan, near + share).astype(np.float32)


def mirror_hits(height: Array, slopes: Array, depth: Array, asked: Array) -> Array:
    """`first_hit` seen from below the water, for each column and asked slope. A ray meets only land behind the
    stretch of water that it leaves, so each stretch is traced on its own. `depth` is where each row meets water."""
    water = height < 0
    stretch = np.cumsum(np.diff(water, axis=1, prepend=False) & water, axis=1)
    index = np.searchsorted(DEPTHS, depth).clip(0, DEPTHS.size - 4)
    # Past the shore too, or the ripples would pull bare sky over the water's edge.
    shore = cv2.dilate(water.astype(np.uint8), np.ones((1, 121), np.uint8))
    number = np.where(shore[:, index] > 0, np.maximum(stretch[:, index + 3], 1), 0)
    hits = np.full(number.shape, np.nan, np.float32)
    for one in np.unique(number)[1:]:
        columns = np.flatnonzero((number == one).any(1))
        beyond = np.where((stretch[columns] >= one) & ~water[columns], slopes[columns], -1)
        found = first_hit(beyond, asked)
        hits[columns] = np.where(number[columns] == one, found, hits[columns])
    return hits


def glow(across: Array) -> Array:
    """Colour of the haze: warm towards the sun (left), blue away from it."""
    towards = 1 / (1 + np.exp((across - 0.05) * 4.5))
    return mix(rgb(0.33, 0.36, 0.46), rgb(1.22, 0.70, 0.34), towards.astype(np.float32)[:, None])


def shade(land: Land, camera: Camera, depth: Array, across: Array) -> Array:
    """Light from the ground at `depth` along `across` (one value for each column), through haze and mist."""
    u, v = cells(camera, depth, across)
    ground = sample(land.ground, u, v, wrap=False)
    far = smoothstep(1200, 4500, depth)
    colour = mix(sample(land.colour, u, v, wrap=False), sample(land.colour_far, u, v, wrap=False), far)
    x, y = u * CELL_M / TILE_M, v * CELL_M / TILE_M
    fine = 1 - smoothstep(900, 3800, depth)
    rock = 1 + (sample(land.rock, x * 0.9, y * 0.9) - 1) * (0.35 + 0.65 * fine)
    leaves = mix(np.ones(3, np.float32), sample(land.canopy_light, x, y), fine)
    colour = colour * mix(rock[..., None], leaves, ground[..., 1])
    height = np.maximum(ground[..., 0], 0)
    fall = (camera.z - height) / depth
    thick = (np.exp(-height / 45) - np.exp(-camera.z / 45)) * 45 / np.where(np.abs(fall) < 1e-4, 1e-4, fall)
    patches = np.clip(0.55 + 0.5 * sample(land.mist, u * 0.9, v * 0.9), 0, 2)
    mist = 1 - np.exp(-np.clip(thick, 0, None) * patches / 1100 * smoothstep(500, 2500, depth))
    haze = 1 - np.exp(-depth[..., None] * HAZE_PER_M)
    air = glow(across)
    return mix(mix(colour, air * rgb(1.0, 0.98, 1.0), mist), air, haze)


class Valley:
    """The shot: paints once what stays, then any moment of it."""

    def __init__(self, rng: Rng) -> None:
        self.land = make_land(rng)
        self.sky = paint_sky(rng)
        self.ripples = fractal(512, rng, slope=1.1, lowest=10)
        self.balloon = paint_balloon(rng)
        self.firs = [paint_conifer(rng) for _ in range(3)]

    def frame(self, share: float) -> Array:
        """The picture at `share` 0..1 of the shot: linear light, [HEIGHT, WIDTH, 3]."""
        camera = camera_at(share)
        picture = self.view(camera, share)
        self.put_balloon(picture, share)
        self.put_firs(picture, camera)
        return picture

    def view(self, camera: Camera, share: float) -> Array:
        """Land, lake and sky."""
        across = camera.across()[:, None]
        u, v = cells(camera, DEPTHS[None], across)
        ground = sample(self.land.ground, u, v, wrap=False)
        canopy = sample(self.land.canopy, u * CELL_M / TILE_M, v * CELL_M / TILE_M)
        canopy = mix(canopy, np.full_like(canopy, 6.0), smoothstep(1500, 4200, DEPTHS)[None])
        height = ground[..., 0] + canopy * ground[..., 1]
        rows = np.arange(HEIGHT, dtype=np.float32)[::-1] + 0.5
        asked = (HORIZON_PX - rows) / FOCAL_PX
        hit = first_hit((np.maximum(height, 0) - camera.z) / DEPTHS, asked)
        depth = np.interp(hit, np.arange(DEPTHS.size), DEPTHS).astype(np.float32)
        sky = self.sky_seen(camera, asked, share)
        land = shade(self.land, camera, np.nan_to_num(depth, nan=DEPTHS[-1]), across)
        picture = np.where(np.isnan(hit)[..., None], sky, land)
        wet = 1 - smoothstep(
            -0.4, 0.4, sample(self.land.ground, *cells(camera, np.nan_to_num(depth), across), wrap=False)[..., 0]
        )
        wet[np.isnan(hit)] = 0
        picture = mix(picture, self.lake(camera, across, depth, asked, height, share), wet)
        return np.ascontiguousarray(picture.transpose(1, 0, 2)[::-1])

    def lake(self, camera: Camera, across: Array, depth: Array, asked: Array, height: Array, share: float) -> Array:
        """What the water mirrors: the land traced from below the surface, then the sky, drawn out by ripples."""
        mirrored = -asked[::-1]
        meets = camera.z / np.maximum(mirrored, 1e-3)  # metres, for each row
        hit = mirror_hits(height, (np.maximum(height, 0) + camera.z) / DEPTHS, meets, mirrored)
        deep = np.nan_to_num(np.interp(hit, np.arange(DEPTHS.size), DEPTHS), nan=DEPTHS[-1]).astype(np.float32)
        image = np.where(
            np.isnan(hit)[..., None], self.sky_seen(camera, mirrored, share), shade(self.land, camera, deep, across)
        )[:, ::-1]
        safe = np.nan_to_num(depth, nan=DEPTHS[-1])
        u, v = cells(camera, safe, across)
        calm = sample(self.ripples, u * 3.1 + 9 * share, v * 1.3) * np.clip(900 / safe, 0.25, 1.6)
        row, column = np.meshgrid(np.arange(HEIGHT, dtype=np.float32), np.arange(WIDTH, dtype=np.float32))
        image = cv2.remap(image, row + 5 * calm, column + 1.2 * calm, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        steep = np.clip(camera.z / safe, 0, 1)
        fresnel = (0.04 + 0.96 * (1 - steep) ** 4.5)[..., None]
        return image * fresnel * 0.92 + rgb(0.014, 0.028, 0.032) * (1.1 + 0.1 * calm[..., None])

    def sky_seen(self, camera: Camera, slopes: Array, share: float) -> Array:
        """The painted sky for all columns and the asked slopes; its clouds drift."""
        y = (self.sky.shape[0] - 1 - np.clip(slopes, 0, None) * FOCAL_PX)[None].repeat(WIDTH, 0)
        x = np.arange(WIDTH, dtype=np.float32)[:, None] + 160 + camera.yaw_px + 6 * share
        return sample(self.sky, x + 0 * y, y, wrap=False)

    def put_balloon(self, picture: Array, share: float) -> None:
        x, y = 560 + 190 * share, 262 - 42 * share
        lay(picture, self.balloon, placed(0.27, x, y, (240, 300), 0.02 * np.sin(5 * share)))

    def put_firs(self, picture: Array, camera: Camera) -> None:
        """Near firs, far ones first: (metres right, metres away, metres above the lake, scale, which)."""
        for x, y, top, size, which in FIRS:
            depth = y - camera.y
            right = (x - camera.x) / depth * FOCAL_PX + WIDTH / 2 - camera.yaw_px
            down = HORIZON_PX + (camera.z - top) / depth * FOCAL_PX
            fir = self.firs[which]
            scale = size * FOCAL_PX / depth / fir.shape[0]
            lay(
                picture,
                fir,
                placed(scale, right, down, (fir.shape[1] / 2, 0)),
                sigma_px=70 / depth,
                smear_px=0.4 * 1.5 * FOCAL_PX / depth,
            )


FIRS = (
    (-300.0, 515.0, 128.0, 60.0, 0),
    (-285.0, 505.0, 139.0, 60.0, 1),
    (-262.0, 500.0, 147.0, 62.0, 2),
    (-120.0, 500.0, 150.0, 62.0, 1),
    (-104.0, 496.0, 137.0, 60.0, 2),
    (-197.0, 478.0, 187.0, 74.0, 0),
    (-184.0, 470.0, 157.0, 60.0, 1),
)


def paint_sky(rng: Rng) -> Array:
    """Evening sky over a wider view: a cloud deck in perspective, lit from the left, and a warm horizon."""
    width, height = WIDTH + 320, int(HORIZON_PX) + 420
    x, y = np.meshgrid(np.arange(width, dtype=np.float32) - width / 2, np.arange(height, dtype=np.float32))
    across, slope = x / FOCAL_PX, (height - 1 - y) / FOCAL_PX
    zenith, low = rgb(0.17, 0.30, 0.56), glow(across[0][:, None])[None, :, :].reshape(1, width, 3)
    sky = mix(zenith * np.ones((height, width, 3), np.float32), low * rgb(1.0, 1.0, 1.02), np.exp(-slope * 6.5))
    tile = 1024
    cover = fractal(tile, rng, slope=1.75, lowest=5) + 0.35 * fractal(tile, rng, slope=1.2, lowest=24)
    density = np.clip(cover * 0.8 + 0.05, 0, 2.2)
    shadow = sum(np.roll(blur(density, 1 + n), (n * 2, n * 5), (0, 1)) for n in range(1, 7)) / 6
    away = 1 / (slope + 0.075)
    u, v = 95 * away * across * 1.0 + 330, 95 * away + 40
    veil, dark = sample(density, u, v), sample(shadow, u, v)
    light = np.exp(-1.25 * dark)[..., None]
    towards = (1 / (1 + np.exp((across + 0.1) * 4)))[..., None]
    cloud = rgb(1.95, 1.12, 0.62) * light * (0.75 + 0.5 * towards) + rgb(0.33, 0.36, 0.46) * (0.5 + 0.5 * light)
    opacity = (1 - np.exp(-1.7 * veil)) * smoothstep(0.0, 0.12, slope)
    return mix(sky, cloud, opacity * 0.92).astype(np.float32)
