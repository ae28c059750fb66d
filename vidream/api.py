"""files: from a source file to a finished one in one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError, TargetError
from vidream.looks.loading import load_look
from vidream.looks.preset import Preset
from vidream.media import FrameReader, FrameWriter, default_target
from vidream.media.targets import as_target, check_target, one_picture_only
from vidream.rendering.clip_loops import ClipLoop
from vidream.rendering.dreamed_frames import DreamedFrames
from vidream.rendering.frame_loop import FrameLoop
from vidream.rendering.progress import Made, Progress
from vidream.rendering.recipe import Recipe
from vidream.rendering.render_settings import film_settings, machine_settings
from vidream.rendering.shots import Shares, find_shots
from vidream.rendering.side_files import SideFiles
from vidream.rendering.work_folder import WorkFolder

__all__ = ["Made", "Progress", "dream"]

# Steps a second in a film of the growing dream: slow enough to see each.
STEPS_RATE = Fraction(12)


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
    shots: tuple[int, int] | None = None,
    loop: str | None = None,
    max_bytes: int | None = None,
    progress: Progress | None = None,
    make_dreamer: Callable[[Preset], Dreamer] = Dreamer,
) -> Made:
    """Dream a video, GIF, picture or numbered pictures ('shots/%04d.png') into `target`.

    target: by default beside the source, `walk.mp4` -> `walk-dream.mp4`.  preset: a name, a TOML
    file or a Preset.  dreamer: one of your own, in place of preset and make_dreamer.  size: longer
    side in px.  mask: a picture or video, bright where to dream.  record_steps: a GIF or film
    to write as well, of the first frame's dream as it grows, a frame a step.  loop: "boomerang", there and
    back, or "crossfade", the end faded into the beginning; such a film has no sound.  max_bytes: what a GIF,
    WebP or APNG may take; sides, rate and colours are given up for it.  On KeyboardInterrupt
    the file is finished with the frames made so far, and what was made says `finished=False`.

    report: a page (.html) or .json of strength, brightness, warp error and speed over time.  sidecar:
    write `walk-dream.mp4.json` as well: how the film was made, and its figures. The film carries the
    first of these inside, where its kind can; `Recipe.read` gives it back.

    A film is kept in a folder beside its target while it is made, `walk-dream.mp4.vidream`. resume: go on
    from there, after whatever ended the run before; the settings must be the same. Without one it begins
    at the beginning.  shots: (2, 4) makes the second of four shares of the film's shots, in a folder of its
    own beside the target, and goes on with it where it is unfinished; `Made.shares_left` says which are still
    to be made, here or on other machines that see the folder. The last one joins the film.

    Raises SourceError, TargetError, PresetError, NetError, DeviceError; nothing half
    made is left at the target, and frames that were made stay in the folder.
    """
    if not isinstance(preset, Preset):
        preset = load_look(preset)
    with FrameReader(
        source, size=size, fps=fps, start_seconds=start_seconds, duration_seconds=duration_seconds
    ) as reader:
        # A still picture held for a duration has become a film.
        kind = "video" if reader.kind == "picture" and reader.frame_count != 1 else reader.kind
        path = as_target(target if target is not None else default_target(reader.source, kind))
        asked = {"size": size, "rate": str(reader.rate) if fps else None}
        if loop is not None and (reader.frame_count == 1 or shots is not None):
            why = "one picture" if reader.frame_count == 1 else "only a share of a film"
            raise TargetError(f"{why} cannot be a loop; give a whole clip, or no loop", argument="loop")
        work = _Job(
            reader=reader, path=path, dreamer=dreamer or partial(make_dreamer, preset), asked=asked,
            audio=audio and loop is None, overwrite=overwrite, mask=mask, record_steps=record_steps, report=report,
            sidecar=sidecar, loop=loop, max_bytes=max_bytes, progress=progress or Progress(),
        )  # fmt: skip
        return work.make(resume=resume) if shots is None else work.make_share(Shares(path, *shots))


@dataclass(kw_only=True)
class _Job:
    """What `dream` was asked for, for one run over the film or over a share of it."""

    reader: FrameReader
    path: Path
    dreamer: Dreamer | Callable[[], Dreamer]
    asked: Mapping[str, Any]
    audio: bool
    overwrite: bool
    mask: str | PathLike[str] | None
    record_steps: str | PathLike[str] | None
    report: str | PathLike[str] | None
    sidecar: bool
    loop: str | None
    max_bytes: int | None
    progress: Progress
    begun: float = field(default_factory=time.monotonic)

    def make(self, *, resume: bool) -> Made:
        """The whole film."""
        # A single picture is made in one go.
        is_film = self.reader.frame_count != 1
        with WorkFolder(self.path, resume=resume, overwrite=self.overwrite) if is_film else nullcontext() as work:
            # The writer first: a target that cannot be written is told before the net is loaded.
            replaces = self.overwrite or (work is not None and work.replaces_target)
            side = SideFiles(self.path, self.report, sidecar=self.sidecar, overwrite=replaces)
            writer = FrameWriter(
                self.path, like=self.reader, audio=self.audio, overwrite=replaces, work=work, max_bytes=self.max_bytes
            )
            steps = self._steps_writer(work, overwrite=replaces)
            with writer, steps or nullcontext():
                dreamer = self._load()
                recipe = self._recipe(dreamer)
                writer.comment = recipe.to_json()
                frames = DreamedFrames(self.reader, dreamer, mask=self.mask, steps=steps)
                make_loop = partial(self._clip_loop, self.loop, work) if self.loop and work is not None else None
                film = FrameLoop(frames, writer, work=work, progress=self.progress, make_clip_loop=make_loop)
                if work is not None:
                    work.open(self._settings(dreamer), machine_settings(dreamer))
                film.run()
            made = self._made(film, frames, dreamer)
            side.write(made, frames.track, recipe)
            if work is not None and film.is_finished:
                work.finished()
        return made

    def _settings(self, dreamer: Dreamer) -> dict[str, Any]:
        """All that the frames depend on. Reads parts of the source, the mask and the guides."""
        settings = film_settings(self.reader, dreamer, Path(self.mask) if self.mask else None)
        return {**settings, "loop": self.loop} if self.loop else settings

    def _clip_loop(self, kind: str, work: WorkFolder, frames_made: int) -> ClipLoop:
        """The loop of the clip, `frames_made` of whose frames are there from a run before."""
        cache = work.open_cache(self.reader.height, self.reader.width, frames_made)
        return ClipLoop(kind, cache, rate=self.reader.rate, frames=self.reader.frame_count)

    def _made(self, film: FrameLoop, frames: DreamedFrames, dreamer: Dreamer) -> Made:
        figures, writer = frames.figures, film.writer
        lost_sound = ["a loop has no sound"] if self.loop and self.reader.has_audio else []
        return Made(
            path=writer.path,
            frames=writer.frames_written,
            cuts=figures.cuts,
            rate=self.reader.rate,
            strength=figures.strength,
            warp_error=figures.warp_error,
            seconds=time.monotonic() - self.begun,
            finished=film.is_finished,
            warnings=(*self.reader.warnings, *writer.warnings, *dreamer.warnings, *lost_sound),
            note=writer.note,
        )

    def _steps_writer(self, work: WorkFolder | None, *, overwrite: bool) -> FrameWriter | None:
        """For the steps of the first dream: they are there already where that frame is."""
        if not self.record_steps or (work is not None and work.frames_held):
            return None
        steps = FrameWriter(self.record_steps, rate=STEPS_RATE, overwrite=overwrite)
        if steps.kind == "picture":
            raise one_picture_only(steps.path, "every step")
        return steps

    def _recipe(self, dreamer: Dreamer) -> Recipe:
        return Recipe(
            dreamer.preset,
            seed=dreamer.seed,
            source=self.reader.source.name,
            weights=dreamer.weights_name,
            objective=dreamer.own_objective.describe() if dreamer.own_objective else None,
            **self.asked,
        )

    def _load(self) -> Dreamer:
        if not isinstance(self.dreamer, Dreamer):
            self.dreamer = self.dreamer()
        return self.dreamer

    def make_share(self, shares: Shares) -> Made:
        """One share of the film's shots; whoever finds all of them done joins them."""
        if self.reader.frame_count == 1:
            raise SourceError(f"{self.reader.source.name} is one picture, and has no shots to share; leave them out")
        if not self.overwrite and WorkFolder(self.path, resume=True).frames_held:
            with shares.alone():
                return self._make_joined(shares)  # and was stopped before its end
        self._check_target(shares)
        dreamer = self._load()
        settings = self._settings(dreamer)
        with shares.alone():
            # Again: another run may have joined the film while the network was loaded.
            self._check_target(shares)
            if not self.overwrite:
                shares.check(settings)
            part = shares.part(shares.shots(settings, partial(find_shots, self.reader, dreamer.preset)))
            folder = shares.folder(resume=not self.overwrite, overwrite=self.overwrite)
        with folder as work:
            writer = FrameWriter(self.path, like=self.reader, overwrite=True, work=work, first=part[0])
            writer.comment = self._recipe(dreamer).to_json()
            steps = self._steps_writer(work, overwrite=self.overwrite) if part[0] == 0 else None
            frames = DreamedFrames(self.reader, dreamer, mask=self.mask, part=part, steps=steps)
            film = FrameLoop(frames, writer, work=work, progress=self.progress)
            if not work.is_done:
                try:
                    own_settings = {**settings, "frames of this part": f"{part[0] + 1} to {part[1]}"}
                    work.open(own_settings, machine_settings(dreamer))
                    film.run()
                finally:
                    writer.pause()
                if film.is_finished:
                    work.part_is_done()
        with shares.alone():
            left = shares.left()
            if not left:
                shares.join(settings, machine_settings(dreamer))
                return self._make_joined(shares)
            if film.is_finished and shares.number in left:
                # Made a moment ago and gone: a share that ended at the same time has joined the film.
                if WorkFolder(self.path, resume=True).frames_held:
                    return self._make_joined(shares)  # and was stopped before its end
                left = ()
        return replace(self._made(film, frames, dreamer), shares_left=left)

    def _check_target(self, shares: Shares) -> None:
        """Raises TargetError where the film cannot be written, or is there already."""
        check_target(
            self.path,
            like=self.reader,
            overwrite=self.overwrite or shares.replace_target,
            frames=self.reader.frame_count,
        )

    def _make_joined(self, shares: Shares) -> Made:
        made = self.make(resume=True)
        if made.finished:
            shares.clear()
        return made
