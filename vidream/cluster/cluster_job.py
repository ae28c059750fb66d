"""A film made by the workers of a cluster, from what was asked for to the finished file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidream.cluster.cluster import Cluster
from vidream.cluster.film import ClusterFilm
from vidream.cluster.store import PART, UnitStore
from vidream.cluster.task import FilmTask
from vidream.cluster.units import chunk_frames
from vidream.engine.dreamer import Dreamer
from vidream.errors import NetError, TargetError
from vidream.media.targets import check_target
from vidream.rendering.film_job import FilmJob
from vidream.rendering.progress import Made, Progress
from vidream.rendering.side_files import SideFiles
from vidream.rendering.work_folder import WorkFolder

__all__ = ["check_no_cluster", "make_on_cluster"]


def make_on_cluster(job: FilmJob, cluster: str | Cluster, chunk_seconds: float, *, resume: bool) -> Made:
    """The film by the workers of a cluster."""
    if job.record_steps:
        raise TargetError("workers of a cluster do not record steps; use no cluster", argument="record_steps")
    if chunk_seconds:
        chunk_frames(chunk_seconds, job.reader.rate)
    # Raises where there is one, and neither going on nor beginning anew was asked for.
    whole = WorkFolder(job.path, resume=resume, overwrite=job.overwrite)
    if whole.is_joined and not job.overwrite:
        return job.make(resume=True)
    if whole.is_begun_before and not job.overwrite:
        raise TargetError(
            f'"{whole.folder}" holds an unfinished film that was begun without a cluster; continue without one',
            use={"overwrite": True},
        )
    store = UnitStore(job.path, resume=resume, overwrite=job.overwrite)
    with store.work, Cluster(cluster) if isinstance(cluster, str) else nullcontext(cluster) as workers:
        replaces = job.overwrite or store.work.replaces_target
        check_target(job.path, like=job.reader, overwrite=replaces, frames=job.reader.frame_count)
        SideFiles(job.path, job.report, sidecar=job.sidecar, overwrite=replaces)
        workers.open()
        dreamer = job.load()
        if dreamer.has_own_parts:
            raise NetError("workers of a cluster have no network or objective of this process; use no cluster")
        settings = job.settings(dreamer)
        store.open({**settings, "chunk seconds": chunk_seconds})
        job.progress.started(job.reader, dreamer)
        film = ClusterFilm(workers, _task(job, workers, dreamer), store, job.progress, chunk_seconds=chunk_seconds)
        film.run(job.reader)
        job.workers = film.report
        return _made_by_workers(job, store, settings, is_finished=film.is_finished)


def check_no_cluster(target: Path, *, overwrite: bool) -> None:
    """See that no cluster has begun the film at `target`; with `overwrite`, what it left goes. TargetError."""
    begun = WorkFolder(target, resume=True, part=PART)
    if not begun.is_begun_before:
        return
    if not overwrite:
        raise TargetError(
            f'"{begun.folder}" holds an unfinished film that a cluster has begun; continue with one',
            use={"cluster": "local", "resume": True, "overwrite": True},
        )
    begun.remove()


def _task(job: FilmJob, workers: Cluster, dreamer: Dreamer) -> FilmTask:
    return FilmTask(
        source=job.reader.source,
        target_name=job.path.name,
        preset=dreamer.preset,
        seed=dreamer.seed,
        weights=dreamer.weights,
        mask=Path(job.mask) if job.mask else None,
        device=workers.device,
        precision=workers.precision,
        tile=workers.tile,
        comment=job.recipe(dreamer).to_json(),
        flash_limit=job.flash_limit,
        wants_pictures=job.progress.wants_pictures,
        sound=job.hear(),
        **job.span,
    )


def _made_by_workers(job: FilmJob, store: UnitStore, settings: Mapping[str, Any], *, is_finished: bool) -> Made:
    """The film of all units, or of those from the first frame on, after Ctrl-C."""
    units = store.units if is_finished else store.leading
    if not units:
        raise KeyboardInterrupt
    store.join(units, settings)
    job.progress = Progress()
    job.overwrite = job.overwrite or store.work.replaces_target
    if is_finished:
        return job.make(resume=True)
    made = job.make(resume=True, end=units[-1].end)
    store.work.made(made.path)
    return replace(made, finished=False)
