"""zoomfilm: from a picture, a video's frame or nothing to a finished film of a zoom in one call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain, islice
from os import PathLike
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from vidream.dreamer import Dreamer
from vidream.errors import SourceError, TargetError
from vidream.films.companions import guide_frames
from vidream.films.film import FilmPlan, Made, Progress
from vidream.frames import FrameReader, FrameWriter
from vidream.looks import load_look
from vidream.preset import Preset
from vidream.zoom.fall import clouds, endless_zoom
from vidream.zoom.loop import loop_frames, zoom_loop
from vidream.zoom.motion import Motion

__all__ = ["zoom_film"]

DEFAULT_SIZE = (640, 360)
# A zoom shows nothing of its picture's own detail after a second; more than this is asked for by name.
LARGEST_DEFAULT_PX = 1280
SIDES_PX = (32, 16384)
LONGEST_SECONDS = 24 * 3600
RATES = (1, 240)


def zoom_film(
    source: str | PathLike[str] | None,
    target: str | PathLike[str],
    *,
    preset: str | Preset = "creatures",
    dreamer: Dreamer | None = None,
    motion: Motion | None = None,
    seconds: float = 10.0,
    fps: float | Fraction = 25,
    loop: bool = False,
    size: int | tuple[int, int] | None = None,
    start_seconds: float = 0.0,
    overwrite: bool = False,
    progress: Progress | None = None,
    make_dreamer: Callable[[Preset], Dreamer] = Dreamer,
) -> Made:
    """Fall from `source` into a dream, for `seconds`, into `target`: a video, GIF or numbered pictures.

    source: a picture, or the frame of a video or GIF at `start_seconds`; None begins from nothing, other
    shapes and colours for each seed.  motion: see `Motion`.  loop: the film's last frame meets its first.
    size: longer side in px, or (width, height), to which a source is cropped; by default that of the
    source, 1280 px at most.  preset, dreamer, make_dreamer: as for `dream`.  On KeyboardInterrupt the file is
    finished with the frames made so far.  Raises SourceError, TargetError, PresetError, NetError, DeviceError.
    """
    if not 0 < seconds <= LONGEST_SECONDS:
        raise TargetError(f"a film of {seconds:g} seconds cannot be; give more than 0, up to {LONGEST_SECONDS}")
    if not RATES[0] <= fps <= RATES[1]:
        raise TargetError(f"{float(fps):g} frames a second cannot be; give {RATES[0]} to {RATES[1]}")
    rate = Fraction(fps).limit_denominator(1001)
    if dreamer is None and not isinstance(preset, Preset):
        preset = load_look(preset)
    writer = FrameWriter(target, rate=rate, overwrite=overwrite)
    if writer.kind == "picture":
        raise TargetError(f'"{writer.path.name}" holds one picture; a zoom is a film: .mp4, .gif or "shots/%04d.png"')
    picture = None if source is None else _opening(Path(source), size, start_seconds)
    begun = time.monotonic()
    finished = True
    with writer:
        if dreamer is None:
            assert isinstance(preset, Preset)
            dreamer = make_dreamer(preset)
        if picture is None:
            picture = clouds(*_checked(_sides(DEFAULT_SIZE, size)), seed=dreamer.seed)
        count = loop_frames(seconds, rate) if loop else max(1, round(seconds * rate))
        progress = progress or Progress()
        name = "nothing" if source is None else Path(source).name
        progress.planned(FilmPlan(name, picture.shape[-1], picture.shape[-2], rate, count), dreamer)
        try:
            for frame in islice(_frames(picture, dreamer, motion, seconds, rate, loop, source is not None), count):
                writer.write(frame)
                progress.frame(frame, writer.frames_written)
        except KeyboardInterrupt:
            if not writer.frames_written:
                raise
            finished = False
    return Made(
        path=writer.path, frames=writer.frames_written, cuts=0, rate=rate, strength=math.nan, warp_error=None,
        seconds=time.monotonic() - begun, finished=finished, warning=writer.warning,
    )  # fmt: skip


def _frames(
    picture: Tensor, dreamer: Dreamer, motion: Motion | None, seconds: float, rate: Fraction, loop: bool, shown: bool
) -> Iterator[Tensor]:
    paths = dreamer.preset.guide
    guides = guide_frames(paths, rate=rate) if paths else None
    if not loop:
        return endless_zoom(picture, dreamer, motion, rate=rate, guides=guides)
    # A guide that moves has no loop of its own: its first frame guides them all.
    held = next(guides) if guides else None
    return zoom_loop(picture, dreamer, motion, seconds=seconds, rate=rate, begin_at_picture=shown, guides=held)


def _opening(source: Path, size: int | tuple[int, int] | None, start_seconds: float) -> Tensor:
    """The picture that the zoom begins with, [1,3,H,W], at its size. Raises SourceError."""
    if isinstance(size, tuple):
        _checked(size)
    with FrameReader(source) as probe:
        moving = probe.kind in ("video", "gif")
        own = (probe.width, probe.height)
    with FrameReader(source, start_seconds=start_seconds if moving else 0.0) as reader:
        first = next(chain(reader, [None]))
    if first is None:
        raise SourceError(f'"{source}" has no frame at {start_seconds:g} seconds; begin sooner')
    width, height = _checked(_sides(own, size))
    scale = max(width / own[0], height / own[1])
    # Enlarged or reduced to cover, then cut in the middle.
    rows, columns = max(height, round(own[1] * scale)), max(width, round(own[0] * scale))
    fitted = F.interpolate(first, (rows, columns), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    top, left = (rows - height) // 2, (columns - width) // 2
    return fitted[..., top : top + height, left : left + width]


def _sides(own: tuple[int, int], size: int | tuple[int, int] | None) -> tuple[int, int]:
    """(width, height) px: as asked, or the own ones with the longer side as asked; even, as video wants them."""
    if isinstance(size, tuple):
        return size
    longer = size if size is not None else min(max(own), LARGEST_DEFAULT_PX)
    width, height = (max(2, 2 * round(side * longer / max(own) / 2)) for side in own)
    return width, height


def _checked(sides: tuple[int, int]) -> tuple[int, int]:
    low, high = SIDES_PX
    if not low <= min(sides) <= max(sides) <= high:
        raise SourceError(f"a zoom of {sides[0]}x{sides[1]} px cannot be; give sides of {low} to {high} px")
    return sides
