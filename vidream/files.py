"""files: from a source file to a finished one in one call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.companions import guide_frames, mask_frames
from vidream.dreamer import Dreamer
from vidream.frames import FrameReader, FrameWriter, default_target
from vidream.preset import Preset
from vidream.recipe import Recipe
from vidream.report import Track, check_side_file, write_report, write_side_file
from vidream.settings import dreamer_settings, machine_settings, source_settings
from vidream.stream import Stream
from vidream.work import WorkFolder

__all__ = ["Made", "Progress", "dream", "noise"]

# Steps a second in a film of the growing dream: slow enough to see each.
STEPS_RATE = Fraction(12)


@dataclass(frozen=True)
class Made:
    """What `dream` made. strength: mean |dream - frame|, 0..1.  warp_error: None for a single frame."""

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


class SideFiles:
    """What may lie beside a film: a report, and a sidecar that says how it was made."""

    def __init__(self, film: Path, report: str | PathLike[str] | None, *, sidecar: bool, overwrite: bool) -> None:
        """Raises TargetError where one cannot be written: before the film is made."""
        self._report = Path(report) if report is not None else None
        self._sidecar = film.with_name(f"{film.name}.json") if sidecar else None
        if self._report is not None:
            check_side_file(self._report, (".html", ".json"), overwrite=overwrite)
        if self._sidecar is not None:
            check_side_file(self._sidecar, (".json",), overwrite=overwrite)

    def write(self, made: Made, track: Track, recipe: Recipe) -> None:
        """Write them. Raises TargetError."""
        if self._report is not None:
            look = f"{recipe.preset.description or recipe.preset.net}, seed {recipe.seed}"
            head = {"film": made.path.name, "source": recipe.source, "look": look, "vidream": recipe.version}
            write_report(self._report, track, {**head, **_facts(made)}, made.rate)
        if self._sidecar is not None:
            found = {**json.loads(recipe.to_json()), "film": {**_facts(made), "frames a second": str(made.rate)}}
            write_side_file(self._sidecar, json.dumps(found, indent=2) + "\n")


def _facts(made: Made) -> dict[str, Any]:
    steadiness = None if made.warp_error is None else round(made.warp_error, 6)
    return {
        "frames": made.frames,
        "seconds": round(made.duration_seconds, 3),
        "cuts": made.cuts,
        "strength": round(made.strength, 5),
        "warp error": steadiness,
        "made in seconds": round(made.seconds, 1),
        "finished": made.finished,
    }


class Progress:
    """What a caller may watch; every method does nothing here. Subclass and pass to `dream`."""

    def started(self, reader: FrameReader, dreamer: Dreamer) -> None:
        """The source is open and the net is loaded."""

    def resumed(self, frames: int, begun_otherwise: str | None) -> None:
        """After `started`: the film goes on after `frames` that were there, perhaps on another machine."""

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
    resume: bool = False,
    mask: str | PathLike[str] | None = None,
    record_steps: str | PathLike[str] | None = None,
    report: str | PathLike[str] | None = None,
    sidecar: bool = False,
    progress: Progress | None = None,
    make_dreamer: Callable[[Preset], Dreamer] = Dreamer,
) -> Made:
    """Dream a video, GIF, picture or numbered pictures ('shots/%04d.png') into `target`.

    target: by default beside the source, `walk.mp4` -> `walk-dream.mp4`.  preset: a name, a TOML
    file or a Preset.  dreamer: one of your own, in place of preset and make_dreamer.  size: longer
    side in px.  mask: a picture or video, bright where to dream.  record_steps: a GIF or film
    to write as well, of the first frame's dream as it grows, a frame a step.  On KeyboardInterrupt
    the file is finished with the frames made so far, and what was made says `finished=False`.

    report: a page (.html) or .json of strength, brightness, warp error and speed over time.  sidecar:
    write `walk-dream.mp4.json` as well: how the film was made, and its figures. The film carries the
    first of these inside, where its kind can; `Recipe.read` gives it back.

    A film is kept in a folder beside its target while it is made, `walk-dream.mp4.vidream`. resume: go on
    from there, after whatever ended the run before; the settings must be the same. Without one it begins
    at the beginning.  Raises SourceError, TargetError, PresetError, NetError, DeviceError; nothing half
    made is left at the target, and frames that were made stay in the folder.
    """
    if dreamer is None and not isinstance(preset, Preset):
        preset = Preset.load(preset)
    with FrameReader(
        source, size=size, fps=fps, start_seconds=start_seconds, duration_seconds=duration_seconds
    ) as reader:
        # A still picture held for a duration has become a film.
        kind = "video" if reader.kind == "picture" and reader.frame_count != 1 else reader.kind
        path = Path(target) if target is not None else default_target(reader.source, kind)
        with _work_folder(path, reader, resume=resume, overwrite=overwrite) as work:
            # The writer first: a target that cannot be written is told before the net is loaded.
            replaces = overwrite or (work is not None and work.replaces_target)
            side = SideFiles(path, report, sidecar=sidecar, overwrite=replaces)
            writer = FrameWriter(path, like=reader, audio=audio, overwrite=replaces, work=work)
            # The steps of the first dream: there already where that frame is.
            steps = None
            if record_steps and (work is None or work.frames_held == 0):
                steps = FrameWriter(record_steps, rate=STEPS_RATE, overwrite=replaces)
            with writer, steps or nullcontext():
                if dreamer is None:
                    assert isinstance(preset, Preset)
                    dreamer = make_dreamer(preset)
                recipe = _recipe(dreamer, reader, size, fps)
                writer.comment = recipe.to_json()
                film = _Film(reader, writer, dreamer, progress or Progress(), mask, steps, work)
                film.make()
            side.write(film.made(), film.track, recipe)
            if work is not None and film.is_finished:
                work.finished()
    return film.made()


def _work_folder(
    path: Path, reader: FrameReader, *, resume: bool, overwrite: bool
) -> AbstractContextManager[WorkFolder | None]:
    """Where the film is kept while it is made; a single picture is made in one go."""
    if reader.frame_count == 1:
        return nullcontext()
    return WorkFolder(path, resume=resume, overwrite=overwrite)


def _recipe(dreamer: Dreamer, reader: FrameReader, size: int | None, fps: float | Fraction | None) -> Recipe:
    return Recipe(
        dreamer.preset,
        seed=dreamer.seed,
        source=reader.source.name,
        weights=dreamer.weights_name,
        size=size,
        rate=str(reader.rate) if fps else None,
    )


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
        work: WorkFolder | None,
    ) -> None:
        self._reader, self._writer, self._progress = reader, writer, progress
        self._dreamer = dreamer
        self._stream = Stream(dreamer, rate=reader.rate)
        self._work = work
        self._mask = Path(mask) if mask is not None else None
        self._steps = steps
        self.track = Track()
        self._begun = time.monotonic()
        self.is_finished = True

    def make(self) -> None:
        frames = self._begin()
        first, guide = self._writer.frames_written, self._dreamer.preset.guide
        masks = mask_frames(self._mask, like=self._reader, first=first) if self._mask else None
        guide_sets = guide_frames(guide, rate=self._reader.rate, first=first) if guide else None
        self._progress.started(self._reader, self._dreamer)
        if first:
            self._progress.resumed(first, self._work.begun_otherwise if self._work else None)
        try:
            for frame in frames:
                self._next(frame, next(masks) if masks else None, next(guide_sets) if guide_sets else None)
        except KeyboardInterrupt:
            if not self._writer.frames_written:
                raise
            self.is_finished = False
            if self._work is not None:
                self._work.save_now()

    def _begin(self) -> Iterator[Tensor]:
        """The frames that are still to be dreamed: all, or those after the state of a run before."""
        if self._work is None:
            return iter(self._reader)
        settings = {**source_settings(self._reader, self._mask), **dreamer_settings(self._dreamer)}
        self._work.open(settings, machine_settings(self._dreamer))
        state = self._work.restore(self._writer)
        if state is None:
            return iter(self._reader)
        tensors, numbers = state
        self.track = Track(tensors.pop("track"))
        self._stream.restore(tensors, numbers)
        return self._reader.go_on(self._writer.frames_written, tensors["frame"])

    def _next(self, frame: Tensor, mask: Tensor | None, guides: Sequence[Tensor] | None) -> None:
        begun, steps = time.monotonic(), self._steps if not self._writer.frames_written else None
        picture = self._stream.next(frame, mask=mask, guides=guides, watch=self._record_step if steps else None)
        self._writer.write(picture, new_shot=self._stream.began_shot)
        if steps:
            steps.close()
        assert self._stream.latest is not None
        self.track.add(self._stream.latest, time.monotonic() - begun)
        if self._work is not None:
            tensors, numbers = self._stream.state()
            track = partial(self.track.tensor, self._writer.frames_written)
            self._work.keep(({**tensors, "track": track}, numbers), self._writer)
        self._progress.frame(picture, self._writer.frames_written)

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
            finished=self.is_finished,
            warning=self._reader.warning or self._writer.warning,
        )
