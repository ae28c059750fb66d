"""A share of a film's shots, made by a run of its own; whoever finds all shares done joins them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from vidream.errors import SourceError
from vidream.media import FrameWriter
from vidream.media.targets import check_target
from vidream.rendering.dreamed_frames import DreamedFrames
from vidream.rendering.film_job import FilmJob
from vidream.rendering.frame_loop import FrameLoop
from vidream.rendering.progress import Made
from vidream.rendering.render_settings import machine_settings
from vidream.rendering.shots import Shares, find_shots, stretches
from vidream.rendering.work_folder import WorkFolder

__all__ = ["make_share"]


def make_share(job: FilmJob, shares: Shares) -> Made:
    """One share of the film's shots; whoever finds all of them done joins them."""
    if job.reader.frame_count == 1:
        raise SourceError(f"{job.reader.source.name} is one picture, and has no shots to share; leave them out")
    if not job.overwrite and WorkFolder(job.path, resume=True).frames_held:
        with shares.alone():
            return _make_joined(job, shares)  # and was stopped before its end
    _check_target(job, shares)
    dreamer = job.load()
    settings = job.settings(dreamer)
    with shares.alone():
        # Again: another run may have joined the film while the network was loaded.
        _check_target(job, shares)
        if not job.overwrite:
            shares.check(settings)
        shots = shares.shots(settings, partial(find_shots, job.reader, dreamer.preset, wrap=dreamer.wrap))
        part = shares.part(stretches(shots, job.reader.rate) if job.flash_limit else shots)
        folder = shares.folder(resume=not job.overwrite, overwrite=job.overwrite)
    with folder as work:
        writer = FrameWriter(job.path, like=job.reader, delivery=job.delivery, overwrite=True, work=work, first=part[0])
        writer.comment = job.recipe(dreamer).to_json()
        steps = job.steps_writer(work, overwrite=job.overwrite) if part[0] == 0 else None
        frames = DreamedFrames(job.reader, dreamer, mask=job.mask, part=part, steps=steps, sound=job.hear())
        film = FrameLoop(frames, writer, work=work, progress=job.progress, limiter=job.limiter())
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
            return _make_joined(job, shares)
        if film.is_finished and shares.number in left:
            # Made a moment ago and gone: a share that ended at the same time has joined the film.
            if WorkFolder(job.path, resume=True).frames_held:
                return _make_joined(job, shares)  # and was stopped before its end
            left = ()
    return replace(job.made(film, frames, dreamer), shares_left=left)


def _check_target(job: FilmJob, shares: Shares) -> None:
    """Raises TargetError where the film cannot be written, or is there already."""
    check_target(
        job.path,
        like=job.reader,
        overwrite=job.overwrite or shares.replace_target,
        frames=job.reader.frame_count,
    )


def _make_joined(job: FilmJob, shares: Shares) -> Made:
    made = job.make(resume=True)
    if made.finished:
        shares.clear()
    return made
