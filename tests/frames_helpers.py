"""Clips for the tests of vidream.media, made here, and ways to look at what came out."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from fractions import Fraction
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import torch
from torch import Tensor

WIDTH, HEIGHT = 64, 48


def ffmpeg(*arguments: object) -> str:
    """Run ffmpeg quietly; returns its stdout. AssertionError with its words if it fails."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-y", "-v", "error"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def report(path: Path) -> str:
    """What `ffmpeg -i` says of a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", f"file:{path}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def packet_times(path: Path, stream: str = "v:0") -> list[Fraction]:
    """When each packet of a stream is shown, in seconds, ascending, with the end of the last one appended."""
    text = ffmpeg("-i", f"file:{path}", "-map", f"0:{stream}", "-c", "copy", "-f", "framecrc", "-")
    base = Fraction(re.search(r"#tb 0: (\S+)", text)[1])
    rows = sorted([int(x) for x in line.split(",")[2:4]] for line in text.splitlines() if line.startswith("0,"))
    return [base * row[0] for row in rows] + [base * sum(rows[-1])]


def numbered_frame(index: int, *, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """[H,W,3] uint8 whose four vertical bars spell `index` in binary: a frame that can be told from its pixels."""
    bits = [(index >> bit) & 1 for bit in range(8)]
    row = np.repeat(np.array(bits, np.uint8) * 180 + 40, math.ceil(width / 8))[:width]
    return np.repeat(np.repeat(row[None, :, None], height, 0), 3, 2).copy()


def index_of(picture: Tensor) -> int:
    """The number that numbered_frame drew."""
    row = picture[0, 1].mean(0)
    step = math.ceil(picture.shape[3] / 8)
    return sum(int(row[bit * step + step // 2] > 0.5) << bit for bit in range(8))


def make_clip(
    path: Path,
    frames: int = 30,
    *options: object,
    rate: object = 25,
    draw: Callable[[int], np.ndarray] = numbered_frame,
    before: Iterable[object] = (),
) -> Path:
    """Encode `frames` drawn frames to `path` through a pipe; `before` are further inputs."""
    data = b"".join(draw(index).tobytes() for index in range(frames))
    height, width = draw(0).shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", rate, "-i", "pipe:0"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-y", "-v", "error", *source, *before]
    default = () if path.suffix == ".gif" or "-pix_fmt" in options else ("-pix_fmt", "yuv420p")
    done = subprocess.run(
        [*map(str, command), *map(str, default), *map(str, options), f"file:{path}"],
        input=data,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return path


def children(words: str) -> list[int]:
    """The ffmpegs of this process whose command holds `words`; Linux only."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except FileNotFoundError:  # a thread that has ended meanwhile
            continue
        for pid in pids:
            command = Path("/proc", pid, "cmdline").read_bytes().decode().split("\0")
            if any(words in word for word in command):
                found.append(int(pid))
    return found


def flat(red: float, green: float, blue: float, *, width: int = WIDTH, height: int = HEIGHT) -> Tensor:
    """A picture of one colour."""
    return torch.tensor([float(red), float(green), float(blue)]).view(1, 3, 1, 1).expand(1, 3, height, width).clone()


def smooth_picture(index: int = 0, *, width: int = WIDTH, height: int = HEIGHT) -> Tensor:
    """A colourful picture without sharp edges, that moves with `index`."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    waves = [0.5 + 0.4 * torch.sin(6 * x + 0.3 * index), 0.5 + 0.4 * torch.cos(5 * y), 0.2 + 0.6 * x * y]
    return torch.stack(waves)[None]


def psnr(one: Tensor, other: Tensor) -> float:
    """Peak signal to noise ratio in dB."""
    return -10 * math.log10(max(1e-12, float((one - other).pow(2).mean())))


def sound_samples(path: Path, *, sample_rate: int = 8000) -> np.ndarray:
    """The first sound stream as mono float samples, its own delay kept as silence."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", f"file:{path}", "-map", "0:a:0"]
    chain = f"aresample={sample_rate}:async=1:first_pts=0,aformat=sample_fmts=flt:channel_layouts=mono"
    done = subprocess.run([*command, "-af", chain, "-f", "f32le", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32)


def beep_starts(path: Path, *, sample_rate: int = 8000) -> float:
    """When the sound first becomes loud, in seconds."""
    loud = np.flatnonzero(np.abs(sound_samples(path, sample_rate=sample_rate)) > 0.1)
    assert len(loud), "no beep"
    return float(loud[0]) / sample_rate


class AtOnce(Executor):
    """In place of a ThreadPoolExecutor: a call is done when it is submitted, so that nothing runs beside the test."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def submit(self, call: Any, *arguments: Any) -> Future:  # type: ignore[override]
        done: Future = Future()
        try:
            done.set_result(call(*arguments))
        except BaseException as error:
            done.set_exception(error)
        return done
