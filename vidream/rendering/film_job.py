"""FilmJob: a film as `vidream.dream` was asked for it, made in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from vidream.engine.dreamer import Dreamer
from vidream.media import FrameReader, FrameWriter
from vidream.media.delivery import Delivery
from vidream.media.sound_file import AudioWish
from vidream.media.targets import one_picture_only
from vidream.rendering.clip_loops import ClipLoop
from vidream.rendering.dreamed_frames import DreamedFrames
from vidream.rendering.film_sound import FilmSound
from vidream.rendering.flash_states import flash_warnings
from vidream.rendering.frame_loop import FrameLoop
from vidream.rendering.progress import Made, Progress
from vidream.rendering.recipe import Recipe
from vidream.rendering.render_settings import delivery_settings, film_settings, machine_settings
from vidream.rendering.side_files import SideFiles
from vidream.rendering.work_folder import WorkFolder
from vidream.sound import SoundCurves
from vidream.temporal.flashes import FlashLimiter

__all__ = ["FilmJob"]

# Steps a second in a film of the growing dream: slow enough to see each.
STEPS_RATE = Fraction(12)
# Of frames that go round.
REPEATED = "video has even sides alone: a line was repeated, which may show where the sides meet; give a size"


@dataclass(kw_only=True)
class FilmJob:
    """What `dream` was asked for, for one run over the film or over a share of it."""

    reader: FrameReader
    path: Path
    dreamer: Dreamer | Callable[[], Dreamer]
    asked: Mapping[str, Any]
    span: Mapping[str, Any]
    audio: AudioWish
    delivery: Delivery = field(default_factory=Delivery)
    overwrite: bool
    mask: str | PathLike[str] | None
    record_steps: str | PathLike[str] | None
    report: str | PathLike[str] | None
    sidecar: bool
    loop: str | None
    max_bytes: int | None
    flash_limit: bool = True
    progress: Progress
    sound: FilmSound = field(default_factory=partial(FilmSound, {}))
    workers: tuple[str, ...] = ()
    begun: float = field(default_factory=time.monotonic)
    is_heard: bool = False

    def make(self, *, resume: bool, end: int | None = None) -> Made:
        """The whole film, or its first `end` frames, which were made before."""
        # A single picture is made in one go.
        is_film = self.reader.frame_count != 1
        with WorkFolder(self.path, resume=resume, overwrite=self.overwrite) if is_film else nullcontext() as work:
            # The writer first: a target that cannot be written is told before the net is loaded.
            replaces = self.overwrite or (work is not None and work.replaces_target)
            side = SideFiles(self.path, self.report, sidecar=self.sidecar, overwrite=replaces)
            writer = FrameWriter(
                self.path, like=self.reader, audio=self.audio, sound=self.sound.file, follows=self.loop is None,
                delivery=self.delivery, overwrite=replaces, work=work, max_bytes=self.max_bytes,
            )  # fmt: skip
            steps = self.steps_writer(work, overwrite=replaces)
            with writer, steps or nullcontext():
                dreamer = self.load()
                recipe = self.recipe(dreamer)
                writer.comment = recipe.to_json()
                part = (0, end) if end is not None else None
                frames = DreamedFrames(self.reader, dreamer, mask=self.mask, steps=steps, part=part, sound=self.hear())
                make_loop = partial(self._clip_loop, self.loop, work) if self.loop and work is not None else None
                film = FrameLoop(frames, writer, work=work, progress=self.progress, limiter=self.limiter(),
                                 make_clip_loop=make_loop)  # fmt: skip
                if work is not None:
                    work.open(self.settings(dreamer), machine_settings(dreamer))
                film.run()
            made = self.made(film, frames, dreamer)
            side.write(made, frames.track, recipe, self.sound.curves)
            if work is not None and film.is_finished:
                work.finished()
        return made

    def settings(self, dreamer: Dreamer) -> dict[str, Any]:
        """All that the frames depend on. Reads parts of the source, the mask and the guides."""
        settings = film_settings(self.reader, dreamer, Path(self.mask) if self.mask else None)
        settings |= {**delivery_settings(self.delivery), **self.sound.settings, "flash limit": self.flash_limit}
        return {**settings, "loop": self.loop} if self.loop else settings

    def limiter(self) -> FlashLimiter | None:
        """A new one for this film's frames, where it is asked for."""
        return FlashLimiter(self.reader.rate) if self.flash_limit else None

    def _clip_loop(self, kind: str, work: WorkFolder, frames_made: int) -> ClipLoop:
        """The loop of the clip, `frames_made` of whose frames are there from a run before."""
        cache = work.open_cache(self.reader.height, self.reader.width, frames_made)
        return ClipLoop(kind, cache, rate=self.reader.rate, frames=self.reader.frame_count)

    def made(self, film: FrameLoop, frames: DreamedFrames, dreamer: Dreamer) -> Made:
        figures, writer = frames.figures, film.writer
        lost_sound = ["a loop has no sound"] if self.loop and self.reader.has_audio else []
        is_odd = any(getattr(self.reader, side) % 2 for side in ("width", "height"))
        repeated = [REPEATED] if self.reader.wrap and is_odd and writer.kind == "video" else []
        lost_sound += self.sound.warnings(float(writer.frames_written / self.reader.rate))
        return Made(
            path=writer.path,
            frames=writer.frames_written,
            cuts=figures.cuts,
            rate=self.reader.rate,
            strength=figures.strength,
            warp_error=figures.warp_error,
            seconds=time.monotonic() - self.begun,
            finished=film.is_finished,
            warnings=(
                *self.reader.warnings,
                *writer.warnings,
                *dreamer.warnings,
                *lost_sound,
                *repeated,
                *flash_warnings(film.limiter),
            ),
            note=writer.note,
            workers=self.workers,
        )

    def steps_writer(self, work: WorkFolder | None, *, overwrite: bool) -> FrameWriter | None:
        """For the steps of the first dream: they are there already where that frame is."""
        if not self.record_steps or (work is not None and work.frames_held):
            return None
        steps = FrameWriter(self.record_steps, rate=STEPS_RATE, overwrite=overwrite)
        if steps.kind == "picture":
            raise one_picture_only(steps.path, "every step")
        return steps

    def recipe(self, dreamer: Dreamer) -> Recipe:
        return Recipe(
            dreamer.preset,
            seed=dreamer.seed,
            source=self.reader.source.name,
            weights=dreamer.weights.name if dreamer.weights else None,
            objective=dreamer.own_objective.describe() if dreamer.own_objective else None,
            wrap=dreamer.wrap.value if dreamer.wrap else None,
            listen=self.sound.recipe,
            **self.asked,
        )

    def hear(self) -> SoundCurves | None:
        """What the look follows; listens where that was not done yet. Raises SourceError."""
        if self.sound.curves is not None and not self.is_heard:
            self.is_heard = True
            self.progress.heard(self.sound.words)
        return self.sound.curves

    def load(self) -> Dreamer:
        if not isinstance(self.dreamer, Dreamer):
            self.dreamer = self.dreamer()
        return self.dreamer.wrapped(self.reader.wrap)
