"""film: one run over a film: from its frames to its figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.media import FrameReader, FrameWriter
from vidream.media.disk import beside
from vidream.media.frame import Frame
from vidream.rendering.clip_loops import ClipLoop
from vidream.rendering.recipe import Recipe
from vidream.rendering.render_settings import film_settings, machine_settings
from vidream.rendering.report import Track, check_side_file, write_report, write_side_file
from vidream.rendering.side_inputs import guide_frames, mask_frames
from vidream.rendering.work_folder import WorkFolder
from vidream.temporal.carry import Motion
from vidream.temporal.prefetch import made_ahead
from vidream.temporal.stream import Stream

__all__ = ["Film", "FilmPlan", "Made", "Progress", "SideFiles"]


@dataclass(frozen=True)
class Made:
    """What was made. strength: mean |dream - frame|, 0..1; NaN for a zoom.  warp_error: None for a single frame.

    note: how it was made to fit a limit.  shares_left: of a film made in shares, those that are still to be made
    before it can be joined.
    """

    path: Path
    frames: int
    cuts: int
    rate: Fraction
    strength: float
    warp_error: float | None
    seconds: float
    finished: bool = True
    warning: str | None = None
    shares_left: tuple[int, ...] = ()
    note: str | None = None

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

    def resumed(self, frames: int, begun_otherwise: str | None) -> None:
        """After `started`: the film goes on after `frames` that were there, perhaps on another machine."""

    def share(self, first: int, frames: int) -> None:
        """After `started`: only `frames` from number `first` on are made here."""

    def frame(self, picture: Tensor, frames: int) -> None:
        """`picture` [1,3,H,W] was written; it is number `frames`, counted from 1."""


class SideFiles:
    """What may lie beside a film: a report, and a sidecar that says how it was made."""

    def __init__(self, film: Path, report: str | PathLike[str] | None, *, sidecar: bool, overwrite: bool) -> None:
        """Raises TargetError where one cannot be written: before the film is made."""
        self._report = Path(report) if report is not None else None
        self._sidecar = beside(film, ".json") if sidecar else None
        if self._report is not None:
            check_side_file(self._report, (".html", ".json"), overwrite=overwrite)
        if self._sidecar is not None:
            check_side_file(self._sidecar, (".json",), overwrite=overwrite)

    def write(self, made: Made, track: Track, recipe: Recipe) -> None:
        """Write them. Raises TargetError."""
        if self._report is not None:
            look = f"{recipe.preset.description or recipe.preset.net}, seed {recipe.seed}"
            head = {"film": made.path.name, "source": recipe.source, "look": look, "vidream": recipe.version}
            write_report(self._report, track, {**head, **_facts(made, track)}, made.rate)
        if self._sidecar is not None:
            found = {**json.loads(recipe.to_json()), "film": {**_facts(made, track), "frames a second": str(made.rate)}}
            write_side_file(self._sidecar, json.dumps(found, indent=2) + "\n")


def _facts(made: Made, track: Track) -> dict[str, Any]:
    steadiness = None if made.warp_error is None else round(made.warp_error, 6)
    return {
        "frames": made.frames,
        "seconds": round(made.duration_seconds, 3),
        "cuts": made.cuts,
        "strength": round(made.strength, 5),
        "warp error": steadiness,
        "made in seconds": round(track.seconds, 1),
        "finished": made.finished,
    }


class Film:
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
        *,
        part: tuple[int, int] | None = None,
        loop: str | None = None,
    ) -> None:
        """part: (first, end) of the frames to make, whole shots, counted from 0; by default all.

        loop: how the end meets the beginning, as for `ClipLoop`; needs `work`.
        """
        self._reader, self._writer, self._progress = reader, writer, progress
        self._dreamer = dreamer
        self._stream = Stream(dreamer, rate=reader.rate)
        self._work = work
        self._mask = Path(mask) if mask is not None else None
        self._steps = steps
        self._part = part
        self._first = part[0] if part else 0
        self._loop_kind = loop
        self._loop: ClipLoop | None = None
        self._dreamed = 0
        self.track = Track()
        self._begun = time.monotonic()
        self.is_finished = True

    def make(self) -> None:
        """Dream the frames that are still to be dreamed. On KeyboardInterrupt `is_finished` says so."""
        frames = self._begin()
        done, guide = self._dreamed, self._dreamer.preset.guide
        first = self._first + done
        if self._part:
            frames = islice(frames, self._part[1] - first)
        masks = mask_frames(self._mask, like=self._reader, first=first) if self._mask else None
        guide_sets = guide_frames(guide, rate=self._reader.rate, first=first) if guide else None
        self._progress.started(self._reader, self._dreamer)
        if self._part:
            self._progress.share(self._first, self._part[1] - self._first)
        if done:
            self._progress.resumed(done, self._work.begun_otherwise if self._work else None)
        try:
            with self._ready(frames) as ready:
                for frame, motion in ready:
                    mask, guides = next(masks) if masks else None, next(guide_sets) if guide_sets else None
                    self._next(frame, motion, mask, guides)
        except KeyboardInterrupt:
            if not self._dreamed:
                raise
            self.is_finished = False
            if self._work is not None:
                self._work.save_now()
        if self._loop is not None:
            for picture in self._loop.rest(self._writer.frames_written):
                self._writer.write(picture)
                # A loop of the frames so far is no state to go on from.
                if self.is_finished:
                    self._keep()

    def _begin(self) -> Iterator[Tensor]:
        """The frames that are still to be dreamed: all, or those after the state of a run before."""
        if self._work is None:
            return iter(self._reader)
        settings = film_settings(self._reader, self._dreamer, self._mask)
        if self._loop_kind:
            settings["loop"] = self._loop_kind
        if self._part:
            settings["frames of this part"] = f"{self._part[0] + 1} to {self._part[1]}"
        self._work.open(settings, machine_settings(self._dreamer))
        state = self._work.restore(self._writer)
        self._dreamed = self._writer.frames_written if state is None else int(state[1].pop("dreamed"))
        if self._loop_kind:
            spool = self._work.spool(self._reader.height, self._reader.width, self._dreamed)
            self._loop = ClipLoop(self._loop_kind, spool, rate=self._reader.rate, frames=self._reader.frame_count)
        if state is None:
            self._stream.begin_shot_at(self._first)
            # Read, not jumped to: there is no frame yet that would tell a file whose index is wrong.
            return self._reader.begin_at(self._first, seek=False)
        tensors, numbers = state
        self.track = Track(tensors.pop("track"))
        self._stream.restore(tensors, numbers)
        return self._reader.go_on(self._first + self._dreamed, tensors["frame"])

    def _ready(self, frames: Iterator[Tensor]) -> AbstractContextManager[Iterable[tuple[Tensor, Motion]]]:
        """The frames with their motion, read and followed while those before them are dreamed."""
        followed = self._stream.followed(frames)
        # A picture's alpha belongs to the frame that was read last: then nobody may go ahead.
        return nullcontext(followed) if self._reader.has_alpha else made_ahead(followed, self._dreamer.device)

    def _next(self, frame: Tensor, motion: Motion, mask: Tensor | None, guides: Sequence[Tensor] | None) -> None:
        begun, steps = time.monotonic(), self._steps if not self._dreamed else None
        watch = self._record_step if steps else None
        picture = self._stream.next(frame, mask=mask, guides=guides, watch=watch, motion=motion)
        # A picture's alpha belongs to the frame that was read last.
        dreamed = Frame(picture, self._reader.alpha)
        for shown in self._loop.take(picture) if self._loop else (dreamed,):
            self._writer.write(shown, new_shot=self._stream.began_shot and not self._loop)
        self._dreamed += 1
        if steps:
            steps.close()
        assert self._stream.latest is not None
        self.track.add(self._stream.latest, time.monotonic() - begun)
        self._keep()
        self._progress.frame(picture, self._dreamed)

    def _keep(self) -> None:
        if self._work is not None:
            tensors, numbers = self._stream.state()
            track = partial(self.track.tensor, self._dreamed)
            self._work.keep(({**tensors, "track": track}, {**numbers, "dreamed": self._dreamed}), self._writer)

    def _record_step(self, picture: Tensor) -> None:
        assert self._steps is not None
        size = (self._reader.height, self._reader.width)
        self._steps.write(F.interpolate(picture, size, mode="bicubic", align_corners=False).clamp(0, 1).cpu())

    def made(self) -> Made:
        figures = self._stream.figures
        lost_sound = "a loop has no sound" if self._loop_kind and self._reader.has_audio else None
        return Made(
            path=self._writer.path,
            frames=self._writer.frames_written,
            cuts=figures.cuts,
            rate=self._reader.rate,
            strength=figures.strength,
            warp_error=figures.warp_error,
            seconds=time.monotonic() - self._begun,
            finished=self.is_finished,
            note=self._writer.note,
            warning=self._reader.warning or self._writer.warning or self._dreamer.warning or lost_sound,
        )
