"""gallery: the small pictures that stand for the looks on the page.

    python -m vidream.web.gallery samples/valley.mp4

dreams a few frames of a clip with every look and writes `thumbnails/NAME.jpg`, 320 px wide.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from vidream.dreamer import Dreamer
from vidream.frames import FrameReader, write_picture
from vidream.preset import Preset
from vidream.stream import dream_frames
from vidream.web.engine import THUMBNAILS, Engine
from vidream.web.settings import Settings

__all__ = ["make_thumbnails", "write_thumbnail"]

WIDTH, HEIGHT = 320, 200
# The dream is as ripe by then as it stays.
FRAMES, START_SECONDS = 12, 2.0


def write_thumbnail(name: str, picture: Tensor, *, folder: Path = THUMBNAILS) -> None:
    """Keep `picture` [1,3,H,W] as the small picture of the look `name`: cut to 16:10, 320 px wide."""
    height, width = picture.shape[-2:]
    kept_height, kept_width = min(height, width * HEIGHT // WIDTH), min(width, height * WIDTH // HEIGHT)
    top, left = (height - kept_height) // 2, (width - kept_width) // 2
    cut = picture[..., top : top + kept_height, left : left + kept_width]
    small = F.interpolate(cut.float().cpu(), (HEIGHT, WIDTH), mode="bilinear", antialias=True)
    folder.mkdir(exist_ok=True)
    write_picture(folder / f"{name}.jpg", small, quality=82)


def make_thumbnails(clip: Path, *, folder: Path = THUMBNAILS) -> None:
    """Dream `clip` with every look that needs no download, and keep the last of a few frames. Raises VidreamError."""
    engine = Engine(Settings())
    for name in engine.looks:
        dreamer: Dreamer = engine.dreamer(Preset.load(name))
        with FrameReader(clip, size=480, start_seconds=START_SECONDS, duration_seconds=FRAMES / 25) as frames:
            *_, last = dream_frames(frames, dreamer)
        write_thumbnail(name, last, folder=folder)


if __name__ == "__main__":
    make_thumbnails(Path(sys.argv[1]))
