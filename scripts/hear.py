"""Make the pictures and the film of docs/hearing.md: every preset that hears, on the project's own clip and music.

Run from the repository: python scripts/hear.py [NAME...]   (names: these presets' sheets only)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import torch.nn.functional as F

from vidream import Dreamer, FrameReader, Preset, dream
from vidream.looks.preset import preset_names
from vidream.media import contact_sheet, write_picture
from vidream.rendering.film_sound import FilmSound

HERE = Path(__file__).parent.parent
CLIP = HERE / "samples" / "valley.mp4"
SHEETS, FILM = HERE / "docs" / "sheets", HERE / "docs" / "hear.mp4"
# The preset of the film that is kept.
SHOWN = "pulse"
SIZE_PX, CELL_PX = 320, 240
# On a beat, and between: the track has a chord alone, then drums from 2 s and bass from 4 s on.
TIMES = (0.5, 1.5, 2.04, 2.46, 3.04, 3.46, 4.54, 5.54)


def make(name: str, folder: Path, music: Path) -> None:
    """The film of a preset, its sheet, and what its figures say."""
    made = dream(
        CLIP, folder / f"{name}.mp4", preset=name, listen=music, size=SIZE_PX, make_dreamer=Dreamer,
        report=folder / f"{name}.json",
    )  # fmt: skip
    with FrameReader(made.path) as reader:
        wanted = [round(time * reader.rate) for time in TIMES]
        pictures = [picture.clone() for number, picture in enumerate(reader) if number in wanted]
        sound = FilmSound(Preset.load(name).expressions, listen=music).curves
    assert sound is not None
    labels = [
        f"{time:.2f} s: loud {sound.value('loud', time):.1f}, beat {sound.value('beat', time):.1f}" for time in TIMES
    ]
    small = [F.interpolate(each, scale_factor=CELL_PX / SIZE_PX, mode="area") for each in pictures]
    write_picture(SHEETS / f"hear-{name}.jpg", contact_sheet(small, 4, labels=labels), quality=85)
    print(
        f"{name}: strength {made.strength:.3f}, warp error {made.warp_error:.5f}; {'; '.join(made.warnings)}",
        flush=True,
    )
    if name == SHOWN:
        FILM.write_bytes(made.path.read_bytes())


def main(wanted: list[str]) -> None:
    """Make what is wanted, or all."""
    hearing = [name for name in preset_names() if Preset.load(name).sound_names]
    with tempfile.TemporaryDirectory() as name:
        music = Path(name, "music.wav")
        subprocess.run([sys.executable, str(HERE / "samples" / "music.py"), str(music), "--bars", "4"], check=True)
        for each in wanted or hearing:
            make(each, Path(name), music)


if __name__ == "__main__":
    main(sys.argv[1:])
