"""Measure the zoom: seams of loops, the same zoom at two rates, and what a long zoom does to the picture.

Run from the repository: python scripts/zooms.py PHOTO FOLDER [FRAMES]   (sheets of what was made go into FOLDER)
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream import Dreamer, Motion, Preset
from vidream.engine.gradient import gaussian_blur
from vidream.media import contact_sheet, read_picture, write_picture
from vidream.motion.resampling import resample
from vidream.zoom import endless_zoom, zoom_loop
from vidream.zoom.endless import clouds

WIDTH, HEIGHT = 320, 180
SECONDS, RATE = 8.0, 25
AROUND = 100


def seam(photo: Tensor, dreamer: Dreamer, folder: Path) -> None:
    """Differences of neighbouring frames of loops, motion taken out: at the seam, and the median."""
    nothing = clouds(WIDTH, HEIGHT)
    for name, motion, picture in (
        ("zoom", Motion(), nothing),
        ("rotation", Motion(rotate=20), nothing),
        ("outwards", Motion(scale=0.8), nothing),
        ("photo", Motion(), photo),
    ):
        frames = list(
            zoom_loop(picture, dreamer, motion, seconds=SECONDS, rate=RATE, begin_at_picture=picture is photo)
        )
        looped, steps = motion.looped(len(frames) / RATE), []
        for number, frame in enumerate(frames):
            pull = looped.pull(number / RATE, (number + 1) / RATE, WIDTH, HEIGHT)
            seen = resample(torch.ones_like(frame), pull, mode="bilinear", outside="zeros") > 0.99
            step = (resample(frame, pull) - frames[(number + 1) % len(frames)]).abs()
            steps.append(float(step[seen].mean()))
        median = float(torch.tensor(steps[:-1]).median())
        print(
            f"{name}: seam {steps[-1]:.4f}, median {median:.4f}, ratio {steps[-1] / median:.3f}, most {max(steps):.4f}"
        )
        tiles = [frames[len(frames) * k // 8] for k in range(8)] + [frames[-1], frames[0]]
        write_picture(folder / f"loop-{name}.png", contact_sheet(tiles, 5))


def rates(photo: Tensor, dreamer: Dreamer, folder: Path) -> None:
    """Where the same zoom has arrived after 5 s, at 24 and at 60 frames a second."""
    last = []
    for rate in (24, 60):
        for number, frame in enumerate(endless_zoom(photo, dreamer, Motion(rotate=10), rate=rate)):
            if number == 5 * rate:
                last.append(frame)
                break
    rough = [gaussian_blur(frame, 6.0).flatten() for frame in last]
    likeness = float(torch.corrcoef(torch.stack(rough))[0, 1])
    print(f"24 and 60 frames a second after 5 s: correlation of what is larger than 12 px {likeness:.3f}")
    write_picture(folder / "rates.png", contact_sheet(last, 2))


def fineness(frame: Tensor) -> float:
    """Share of the energy that is finer than about 4 px."""
    plain = frame - frame.mean(dim=(-2, -1), keepdim=True)
    return float((plain - gaussian_blur(plain, 1.0)).square().mean() / plain.square().mean())


def long_zoom(photo: Tensor, dreamer: Dreamer, folder: Path, count: int) -> None:
    """Brightness, contrast and fineness on the way; each the mean of AROUND frames, half of them before.

    Within a second the picture is much the same, and its fineness that of scales, or of skies.
    """
    tiles, labels, first = [], [], None
    looked_at = [number for number in (100, 200, 500, 1000, 1500, 2000) if number <= count]
    window: list[tuple[float, float, float]] = []
    for number, frame in enumerate(endless_zoom(photo, dreamer)):
        window = [*window[1 - AROUND :], (float(frame.mean()), float(frame.std()), fineness(frame))]
        if number in looked_at:
            tiles.append(frame)
            labels.append(str(number))
        if number - AROUND // 2 in looked_at:
            now = torch.tensor(window).mean(0)
            first = now if first is None else first
            values = [round(float(v), 3) for v in now / first]
            print(number - AROUND // 2, "brightness, contrast, fineness:", values, flush=True)
        if number == looked_at[-1] + AROUND // 2:
            break
    write_picture(folder / "long.png", contact_sheet(tiles, 3, labels=labels))


def main(photo: Path, folder: Path, count: int) -> None:
    """All of it."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = F.interpolate(read_picture(photo), (HEIGHT, WIDTH), mode="bilinear", antialias=True)
    dreamer = Dreamer(Preset.load("creatures"))
    seam(picture, dreamer, folder)
    rates(picture, dreamer, folder)
    long_zoom(picture, dreamer, folder, count)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 2000)
