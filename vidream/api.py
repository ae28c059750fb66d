"""files: from a source file to a finished one in one call."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from os import PathLike
from pathlib import Path

from vidream.cluster.cluster import Cluster
from vidream.cluster.cluster_job import check_no_cluster, make_on_cluster
from vidream.cluster.units import DEFAULT_CHUNK_SECONDS
from vidream.engine.dreamer import Dreamer
from vidream.errors import TargetError
from vidream.looks.loading import load_look
from vidream.looks.preset import Preset
from vidream.media import FrameReader, default_target
from vidream.media.delivery import Delivery
from vidream.media.sound_file import AudioWish
from vidream.media.sources.reader import find_kind
from vidream.media.targets import as_target
from vidream.rendering.film_job import FilmJob
from vidream.rendering.film_sound import FilmSound
from vidream.rendering.progress import Made, Progress
from vidream.rendering.share_job import make_share
from vidream.rendering.shots import Shares

__all__ = ["Made", "Progress", "dream"]


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
    audio: AudioWish = "all",
    delivery: Delivery | None = None,
    listen: str | PathLike[str] | None = None,
    overwrite: bool = False,
    resume: bool = False,
    mask: str | PathLike[str] | None = None,
    wrap: str | None = None,
    record_steps: str | PathLike[str] | None = None,
    report: str | PathLike[str] | None = None,
    sidecar: bool = False,
    shots: tuple[int, int] | None = None,
    loop: str | None = None,
    max_bytes: int | None = None,
    flash_limit: bool = True,
    cluster: str | Cluster | None = None,
    chunk_seconds: float = DEFAULT_CHUNK_SECONDS,
    progress: Progress | None = None,
    make_dreamer: Callable[[Preset], Dreamer] = Dreamer,
) -> Made:
    """Dream a video, GIF, picture or numbered pictures ('shots/%04d.png') into `target`.

    target: by default beside the source, `walk.mp4` -> `walk-dream.mp4`.  preset: a name, a TOML
    file or a Preset.  dreamer: one of your own, in place of preset and make_dreamer.  size: longer
    side in px.  mask: a picture or video, bright where to dream.  wrap: "horizontal", a panorama, whose left goes on at
    its right; "both", a tile; "none"; by default as the source's own metadata says.  record_steps: a GIF or film
    to write as well, of the first frame's dream as it grows, a frame a step.  loop: "boomerang", there and
    back, or "crossfade", the end faded into the beginning; such a film has no sound.  audio: the tracks of sound
    that are kept, "all", "first" (the default one) or "none".  delivery: codec, bit depth, alpha and quality.
    listen: a track that the look follows, and that is the film's sound, in place of the clip's; both begin together.
    max_bytes: what a GIF, WebP or APNG may take; sides, rate and colours are given up for it.  flash_limit: temper
    what flashes more than three times a second; False leaves it.  On KeyboardInterrupt the file is finished with the
    frames made so far, and what was made says `finished=False`.

    report: a page (.html) or .json of strength, brightness, warp error and speed over time.  sidecar:
    write `walk-dream.mp4.json` as well: how the film was made, and its figures. The film carries the
    first of these inside, where its kind can; `Recipe.read` gives it back.

    A film is kept in a folder beside its target while it is made, `walk-dream.mp4.vidream`. resume: go on
    from there, after whatever ended the run before; the settings must be the same. Without one it begins
    at the beginning.  shots: (2, 4) makes the second of four shares of the film's shots, in a folder of its
    own beside the target, and goes on with it where it is unfinished; `Made.shares_left` says which are still
    to be made, here or on other machines that see the folder. The last one joins the film.

    cluster: "local", "auto", "ray://HOST:PORT" or a `Cluster`: workers on Ray share the film's shots. The driver
    keeps what they send in `walk-dream.mp4.cluster.vidream`, and resume goes on with that.  chunk_seconds: a shot
    that is longer is shared in pieces, whose dreams turn into one another where they meet; 0 shares no shot.

    Raises SourceError, TargetError, PresetError, NetError, DeviceError; nothing half
    made is left at the target, and frames that were made stay in the folder.
    """
    if not isinstance(preset, Preset):
        preset = load_look(preset)
    delivery = delivery or Delivery()
    kind = find_kind(Path(source))
    # A still picture held for a duration becomes a film.
    kind = "video" if kind == "picture" and duration_seconds is not None else kind
    suffix = delivery.for_suffix(".mp4")
    path = as_target(target if target is not None else default_target(Path(source), kind, video_suffix=suffix))
    colours = delivery.colours(path, 1 if kind == "picture" else None)
    if wrap is None and dreamer is not None and dreamer.wrap:
        wrap = dreamer.wrap.value
    with FrameReader(
        source,
        size=size,
        fps=fps,
        start_seconds=start_seconds,
        duration_seconds=duration_seconds,
        wrap=wrap,
        colours=colours,
    ) as reader:
        asked = {"size": size, "rate": str(reader.rate) if fps else None}
        span = {
            "size": size, "fps": fps, "start_seconds": start_seconds, "duration_seconds": duration_seconds,
            "colours": colours, "delivery": delivery, "wrap": reader.wrap.value,
        }  # fmt: skip
        is_shared = shots is not None or cluster is not None
        if loop is not None and (reader.frame_count == 1 or is_shared):
            why = "one picture" if reader.frame_count == 1 else "a film made in parts"
            raise TargetError(f"{why} cannot be a loop; give a whole clip, or no loop", argument="loop")
        if loop is not None and listen is not None:
            raise TargetError("a clip's loop has no sound, and so no track; zoom in a loop of bars", argument="listen")
        look = dreamer.preset if dreamer is not None else preset
        job = FilmJob(
            reader=reader, path=path, dreamer=dreamer or partial(make_dreamer, preset), asked=asked, span=span,
            audio=audio, delivery=delivery, overwrite=overwrite, mask=mask, record_steps=record_steps, report=report,
            sidecar=sidecar, loop=loop, max_bytes=max_bytes, flash_limit=flash_limit, progress=progress or Progress(),
            sound=FilmSound.of_clip(look, reader, listen),
        )  # fmt: skip
        if cluster is not None and reader.frame_count != 1:  # a picture is made here
            return make_on_cluster(job, cluster, chunk_seconds, resume=resume)
        check_no_cluster(path, overwrite=overwrite)
        return job.make(resume=resume) if shots is None else make_share(job, Shares(path, *shots))
