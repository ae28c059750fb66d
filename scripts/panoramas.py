"""Make the sheets of docs/panoramas.md from material painted here, and print the figures of the log.

Run from the repository: python scripts/panoramas.py [--figures]
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidream import Dreamer, Preset, Stream
from vidream.media import write_picture
from vidream.media.sheets import contact_sheet
from vidream.motion.wrap import Wrap
from vidream.zoom.endless import clouds

SHEETS = Path(__file__).parent.parent / "docs" / "sheets"
HEIGHT, WIDTH = 320, 640
VIEW_PX = 256
# Latitude and longitude of the middle of each view, degrees: up, between, behind (where the sides meet), down.
VIEWS = {"above": (90, 0), "halfway up": (45, 0), "behind": (0, 180), "below": (-90, 0)}
RINGS = ((5, 15), (15, 25), (25, 35), (35, 50))
LATITUDES = ((0, 15), (15, 30), (30, 45), (45, 60), (60, 75), (75, 90))


def sphere_noise(cells: int, generator: torch.Generator) -> Tensor:
    """Noise that is alike everywhere on the sphere, [1,3,H,W]."""
    latitude = (0.5 - (torch.arange(HEIGHT) + 0.5) / HEIGHT) * math.pi
    longitude = ((torch.arange(WIDTH) + 0.5) / WIDTH - 0.5) * 2 * math.pi
    up, round_ = torch.meshgrid(latitude, longitude, indexing="ij")
    places = torch.stack([up.cos() * round_.sin(), up.sin(), up.cos() * round_.cos()], -1)
    volume = torch.rand(1, 3, *[cells + 2] * 3, generator=generator) - 0.5
    return F.grid_sample(volume, places[None, None], align_corners=True)[:, :, 0]


def panorama(seed: int = 10) -> Tensor:
    """Sky over rough ground, [1,3,H,W]."""
    generator = torch.Generator().manual_seed(seed)
    noise = sum(
        share * sphere_noise(n, generator) for n, share in ((4, 1), (8, 0.7), (16, 0.5), (32, 0.35), (64, 0.25))
    )
    assert isinstance(noise, Tensor)
    height = ((0.5 - (torch.arange(HEIGHT) + 0.5) / HEIGHT) * math.pi).sin().view(1, 1, -1, 1)
    sky = torch.tensor([0.45, 0.6, 0.8]).view(1, 3, 1, 1) + 0.15 * height
    ground = torch.tensor([0.45, 0.42, 0.3]).view(1, 3, 1, 1)
    share = torch.sigmoid((height + 0.15 * noise[:, :1]) * 12)
    return (share * sky + (1 - share) * ground + 0.28 * noise).clamp(0, 1)


def seen(picture: Tensor, latitude: float, longitude: float) -> Tensor:
    """What a viewer sees of a panorama in a window of 90 degrees, [1,3,h,w]."""
    across = ((torch.arange(VIEW_PX) + 0.5) / VIEW_PX * 2 - 1).double()
    x, y = torch.meshgrid(across, -across, indexing="xy")
    z = torch.ones_like(x)
    up, turn = math.radians(latitude), math.radians(longitude)
    y, z = y * math.cos(up) + z * math.sin(up), z * math.cos(up) - y * math.sin(up)
    x, z = x * math.cos(turn) + z * math.sin(turn), z * math.cos(turn) - x * math.sin(turn)
    rows = (0.5 - torch.atan2(y, torch.hypot(x, z)) / math.pi) * HEIGHT - 0.5
    columns = ((torch.atan2(x, z) / (2 * math.pi) + 0.5) * WIDTH - 0.5) % WIDTH
    held = np.pad(picture[0].permute(1, 2, 0).numpy(), ((0, 0), (2, 2), (0, 0)), mode="wrap")
    held = np.pad(held, ((2, 2), (0, 0), (0, 0)), mode="edge")
    places = [(each + 2).float().numpy() for each in (columns, rows)]
    return torch.from_numpy(cv2.remap(held, *places, cv2.INTER_LINEAR)).permute(2, 0, 1)[None]


def pinch(change: Tensor) -> list[float]:
    """In each of RINGS about the poles: how much faster a change varies round the pole than towards it."""
    side, reach = 360, math.radians(55)
    across = ((torch.arange(side) + 0.5) / side * 2 - 1) * reach
    x, y = torch.meshgrid(across, across, indexing="xy")
    radius, turn = torch.hypot(x, y), torch.atan2(x, y)
    places = [((turn / (2 * math.pi) * WIDTH) % WIDTH + 2).numpy(), (radius / math.pi * HEIGHT + 1.5).numpy()]
    found = np.zeros(len(RINGS))
    for half in (change, change.flip(-2)):
        plane = cv2.remap(np.pad(half[0].mean(0).numpy(), 2, mode="wrap"), *places, cv2.INTER_CUBIC)
        down, right = np.gradient(cv2.GaussianBlur(plane, (0, 0), 0.8))
        cosine, sine = (x / radius).numpy(), (y / radius).numpy()
        towards, about = (right * cosine + down * sine) ** 2, (down * cosine - right * sine) ** 2
        for number, (low, high) in enumerate(RINGS):
            inside = ((radius > math.radians(low)) & (radius < math.radians(high))).numpy()
            found[number] += math.log(about[inside].mean() / towards[inside].mean()) / 2
    return np.exp(found).tolist()


def strengths(change: Tensor) -> list[float]:
    """Mean change in each of LATITUDES."""
    latitude = (90 - (torch.arange(HEIGHT) + 0.5) * 180 / HEIGHT).abs()
    rows = change.abs().mean((0, 1, 3))
    return [float(rows[(latitude >= low) & (latitude < high)].mean()) for low, high in LATITUDES]


def print_figures() -> None:
    """Roundness and strength of three panoramas, and the processor's time for a carried frame."""
    for wrap in ("none", "horizontal"):
        dreamer = Dreamer(Preset.load("creatures")).wrapped(wrap)
        changes = [dreamer(panorama(seed)) - panorama(seed) for seed in (10, 11, 12)]
        rings = np.exp(np.log([pinch(each) for each in changes]).mean(0)).round(2)
        print(wrap, "pinch", rings, "strength", np.mean([strengths(each) for each in changes], 0).round(3), flush=True)
        times = []
        for _ in range(4):
            begun = time.process_time()
            for turn in (0, 1):
                dreamer(panorama(), steps=1, turn=turn)
            times.append((time.process_time() - begun) / 2)
        print(wrap, f"{min(times):.3f} s of processor a carried frame", flush=True)


def main() -> None:
    """Dream the pictures and write the sheets."""
    picture, pictures, labels = panorama(), [], []
    for wrap, words in (("none", "as a flat frame"), ("horizontal", "round")):
        dream = Dreamer(Preset.load("creatures")).wrapped(wrap)(picture)
        pictures += [seen(dream, *place) for place in VIEWS.values()]
        labels += [f"{name}, {words}" for name in VIEWS]
    write_picture(SHEETS / "poles.jpg", contact_sheet(pictures, len(VIEWS), labels=labels), quality=85)
    tile, repeated = clouds(208, 144, seed=3, wrap=Wrap.BOTH), []
    for wrap in ("none", "both"):
        stream = Stream(Dreamer(Preset.load("creatures")).wrapped(wrap))
        for number in range(12):
            dream = stream.next(tile.roll((3 * number, 5 * number), (-2, -1)))
        repeated.append(dream.repeat(1, 1, 3, 3))
    labels = ["a tile that moves, as a flat frame: 3x3", "the same with wrap both: 3x3"]
    write_picture(SHEETS / "tile.jpg", contact_sheet(repeated, 2, labels=labels), quality=85)


if __name__ == "__main__":
    print_figures() if "--figures" in sys.argv else main()
