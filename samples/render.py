"""Paint the sample clip: `python samples/render.py [OUT]`, valley.mp4 beside this file if OUT is not given.

Two shots and a hard cut: a flight along a mountain lake, then a glide over a lily pond. All of it is drawn and
played from a seed with numpy, OpenCV and the ffmpeg of imageio-ffmpeg. It takes under two minutes on two cores.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from paint import Array, develop
from pond import Pond
from sound import RATE, compose
from valley import Valley

FPS = 24
FRAMES = 144
CUT_FRAME = 86  # the first frame of the second shot
SEED = 7


def pictures(seed: int) -> Iterator[NDArray[np.uint8]]:
    """All frames in order, 8-bit RGB, 640 x 360."""
    for number, shot in enumerate((Valley, Pond)):
        count = (CUT_FRAME, FRAMES - CUT_FRAME)[number]
        scene = shot(np.random.default_rng([seed, number]))
        for frame in range(count):
            yield develop(scene.frame(frame / (count - 1)))


def write_wave(path: Path, sound: Array) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound.T * 32767).astype("<i2").tobytes())


def encoder(out: Path, sound: Path) -> list[str]:
    """The ffmpeg command: raw frames on its standard input; H.264 and AAC, tagged as BT.709."""
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "640x360", "-r", str(FPS), "-i", "-", "-i", str(sound)]
    tags = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    colour = ["-vf", f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{tags}"]
    video = ["-c:v", "libx264", "-preset", "veryslow", "-crf", "22.4", "-g", "250"]
    audio = ["-c:a", "aac", "-b:a", "96k", "-map_metadata", "-1", "-movflags", "+faststart"]
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *source, *colour, *video, *audio, str(out)]


def render(out: Path, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        write_wave(sound, compose(np.random.default_rng([seed, 2]), FRAMES / FPS, CUT_FRAME / FPS))
        with subprocess.Popen(encoder(out, sound), stdin=subprocess.PIPE) as ffmpeg:
            assert ffmpeg.stdin is not None
            for picture in pictures(seed):
                ffmpeg.stdin.write(picture.tobytes())
            ffmpeg.stdin.close()
            if ffmpeg.wait():
                raise SystemExit(f"ffmpeg could not write {out}; its own words are above")


def main() -> None:
    parser = argparse.ArgumentParser(description="Paint the sample clip.")
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).with_name("valley.mp4"))
    parser.add_argument("--seed", type=int, default=SEED, help="another number: other mountains, another pond")
    arguments = parser.parse_args()
    render(arguments.out, arguments.seed)
    print(arguments.out)


if __name__ == "__main__":
    main()
