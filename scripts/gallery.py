"""Make the gallery: docs/gallery.md and a picture of every preset, dreamed on the project's own clip.

Run from the repository: python scripts/gallery.py [NAME...]   (names: these presets' pictures only)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from docs_pages import gallery_page

from vidream import Dreamer, FrameReader, Preset, Stream
from vidream.looks.preset import preset_names
from vidream.media import write_picture
from vidream.networks import has_weights
from vidream.sound import SoundCurves, analyse

HERE = Path(__file__).parent.parent / "docs"
CLIP = HERE.parent / "samples" / "valley.mp4"
PICTURES = HERE / "gallery"
THUMBNAILS = HERE.parent / "vidream" / "web" / "thumbnails"
SIZE_PX = 480
# Of the page that `vidream web` serves: 16:10.
THUMBNAIL_PX = (200, 320)
# The dream is fully grown by then, and the clip shows houses, trees, water and sky.
FRAMES = 20
START_SECONDS = 1.0
# Presets that hear: here the track has drums, bass and bells.
MUSIC_SECONDS = 6.0


@lru_cache(maxsize=1)
def music() -> SoundCurves:
    """The project's own track, from MUSIC_SECONDS on."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "music.wav")
        subprocess.run(
            [sys.executable, str(HERE.parent / "samples" / "music.py"), str(path), "--bars", "4"], check=True
        )
        return analyse(path).moved(MUSIC_SECONDS)


def dreamed(preset: Preset) -> torch.Tensor:
    """The last of FRAMES dreamed frames of the clip."""
    stream = Stream(Dreamer(preset), rate=24, sound=music() if preset.sound_names else None)
    with FrameReader(CLIP, size=SIZE_PX, start_seconds=START_SECONDS, duration_seconds=FRAMES / 24) as frames:
        for frame in frames:
            picture = stream.next(frame)
    return picture


def thumbnail(picture: torch.Tensor) -> torch.Tensor:
    """The middle of a picture [1,3,H,W], 16:10, small."""
    width, kept = picture.shape[-1], picture.shape[-2] * THUMBNAIL_PX[1] // THUMBNAIL_PX[0]
    left = max(0, (width - kept) // 2)
    return F.interpolate(picture[..., left : left + kept].cpu(), THUMBNAIL_PX, mode="bilinear", antialias=True)


def main(wanted: list[str]) -> None:
    """Dream the pictures and write the page."""
    PICTURES.mkdir(exist_ok=True)
    for name in wanted or preset_names():
        preset = Preset.load(name)
        # Other networks would download their weights.
        if all(map(has_weights, preset.networks)):
            picture = dreamed(preset)
            write_picture(PICTURES / f"{name}.jpg", picture, quality=88)
            write_picture(THUMBNAILS / f"{name}.jpg", thumbnail(picture), quality=82)
            print(name, flush=True)
    (HERE / "gallery.md").write_text(gallery_page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
