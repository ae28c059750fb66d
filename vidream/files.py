"""files: from a source file to a finished one in one call."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.companions import guide_frames, mask_frames
from vidream.dreamer import Dreamer
from vidream.errors import TargetError
from vidream.frames import FrameReader, FrameWriter, default_target
from vidream.looks import load_look
from vidream.loops import looped
from vidream.preset import Preset
from vidream.stream import Stream

__all__ = ["FilmPlan", "Made", "Progress", "dream", "noise"]

# Steps a second in a film of the growing dream: slow enough to see each.
STEPS_RATE = Fraction(12)


@dataclass(frozen=True)
class Made:
    """What was made. strength: mean |dream - frame|, 0..1; NaN for a zoom.  warp_error: None for a single frame."""

    path: Path
    frames: int
    cuts: int
    rate: Fraction
    strength: float
    warp_error: float | None
    seconds: float
    finished: bool = True
    warning: str | None = None

    @property
    def duration_seconds(self) -> float:
        return float(self.frames / self.rate)


@dataclass(frozen=True)
class FilmPlan:
    """A film that has no frames to go by, a zoom: what it begins with, its size in px, rate and length."""

    name: str
    width: int
    height: int
    rate: Fraction
    frame_count: int


class Progress:
    """What a caller may watch; every method does nothing here. Subclass and pass to `dream`."""

    def started(self, reader: FrameReader, dreamer: Dreamer) -> None:
        """The source is open and the net is loaded."""

    def planned(self, plan: FilmPlan, dreamer: Dreamer) -> None:
        """The same for a zoom, which has no frames to read."""

    def frame(self, picture: Tensor, frames: int) -> None:
        """`picture` [1,3,H,W] was written; it is number `frames`, counted from 1."""


def dream(
    source: str | PathLike[str],
    target: str | PathLike[str] | None = None,
    *,
    preset: str | Preset = "creatures",
    dreamer: Dreamer | None = None,
    size: int | None = None,
    fps: float | Fraction | None = None,
    start_seconds: float = 0.0,
    duration_seconds: float | None = None,
    audio: bool = True,
    overwrite: bool = False,
    mask: str | PathLike[str] | None = None,
    record_steps: str | PathLike[str] | None = None,
    loop: str | None = None,
    progress: Progress | None = None,
    make_dreamer: Callable[[Preset], Dreamer] = Dreamer,
) -> Made:
    """Dream a video, GIF, picture or numbered pictures ('shots/%04d.png') into `target`.

    target: by default beside the source, `walk.mp4` -> `walk-dream.mp4`.  preset: a name, a TOML
    file or a Preset.  dreamer: one of your own, in place of preset and make_dreamer.  size: longer
    side in px.  mask: a picture or video, bright where to dream.  record_steps: a GIF or film
    to write as well, of the first frame's dream as it grows, a frame a step.  loop: "boomerang", there
    and back, or "crossfade", the end faded into the beginning; such a film has no sound.  On KeyboardInterrupt
    the file is finished with the frames made so far, and what was made says `finished=False`.
    Raises SourceError, TargetError, PresetError, NetError, DeviceError; nothing half made is left.
    """
    if dreamer is None and not isinstance(preset, Preset):
        preset = load_look(preset)
    with FrameReader(
        source, size=size, fps=fps, start_seconds=start_seconds, duration_seconds=duration_seconds
    ) as reader:
        # A still picture held for a duration has become a film.
        kind = "video" if reader.kind == "picture" and reader.frame_count != 1 else reader.kind
        path = Path(target) if target is not None else default_target(reader.source, kind)
        # The writer first: a target that cannot be written is told before the net is loaded.
        writer = FrameWriter(path, like=reader, audio=audio and loop is None, overwrite=overwrite)
        if loop is not None and writer.kind == "picture":
            raise TargetError(f'"{path.name}" holds one picture; a loop is a film: give --duration, and .mp4 or .gif')
        steps = FrameWriter(record_steps, rate=STEPS_RATE, overwrite=overwrite) if record_steps else None
        with writer, steps or nullcontext(), looped(writer, loop, frames=reader.frame_count) as write:
            if dreamer is None:
                assert isinstance(preset, Preset)
                dreamer = make_dreamer(preset)
            film = _Film(reader, writer, dreamer, progress or Progress(), mask, steps, write, loop)
            film.make()
    return film.made()


def noise(width: int, height: int, *, seed: int = 0) -> Tensor:
    """A grey picture [1,3,H,W] with faint noise, 0.4 to 0.5: nothing, for a dream to begin from."""
    generator = torch.Generator().manual_seed(seed)
    return 0.4 + 0.1 * torch.rand(1, 3, height, width, generator=generator)


class _Film:
    """One run over a film: what `dream` needs to remember between its frames and its last words."""

    def __init__(
        self,
        reader: FrameReader,
        writer: FrameWriter,
        dreamer: Dreamer,
        progress: Progress,
        mask: str | PathLike[str] | None,
        steps: FrameWriter | None,
        write: Callable[[Tensor], None],
        loop: str | None,
    ) -> None:
        self._reader, self._writer, self._progress, self._write = reader, writer, progress, write
        self._dreamer = dreamer
        self._stream = Stream(dreamer, rate=reader.rate)
        guide = dreamer.preset.guide
        self._masks = mask_frames(Path(mask), like=reader) if mask is not None else None
        self._guides = guide_frames(guide, rate=reader.rate) if guide else None
        self._steps = steps
        self._lost_sound = "a loop has no sound" if loop is not None and reader.has_audio else None
        self._begun = time.monotonic()
        self._finished = True

    def make(self) -> None:
        self._progress.started(self._reader, self._dreamer)
        try:
            for frame in self._reader:
                mask = next(self._masks) if self._masks else None
                guides = next(self._guides) if self._guides else None
                watch = self._record_step if self._steps and not self._stream.figures.frames else None
                picture = self._stream.next(frame, mask=mask, guides=guides, watch=watch)
                self._write(picture)
                self._progress.frame(picture, self._stream.figures.frames)
        except KeyboardInterrupt:
            if not self._stream.figures.frames:
                raise
            self._finished = False

    def _record_step(self, picture: Tensor) -> None:
        assert self._steps is not None
        size = (self._reader.height, self._reader.width)
        self._steps.write(F.interpolate(picture, size, mode="bicubic", align_corners=False).clamp(0, 1).cpu())

    def made(self) -> Made:
        figures = self._stream.figures
        return Made(
            path=self._writer.path,
            frames=self._writer.frames_written,
            cuts=figures.cuts,
            rate=self._reader.rate,
            strength=figures.strength,
            warp_error=figures.warp_error,
            seconds=time.monotonic() - self._begun,
            finished=self._finished,
            warning=self._reader.warning or self._writer.warning or self._lost_sound,
        )
