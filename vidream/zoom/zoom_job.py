"""From a picture, a frame of a video or nothing to a finished film of a zoom in one call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import chain
from os import PathLike
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError, TargetError
from vidream.looks.loading import load_look
from vidream.looks.preset import Preset
from vidream.media import FrameReader, FrameWriter
from vidream.media.delivery import Delivery
from vidream.media.targets import as_target
from vidream.motion.known import Motion
from vidream.motion.wrap import Wrap, as_wrap
from vidream.rendering.film_sound import FilmSound
from vidream.rendering.flash_states import flash_warnings
from vidream.rendering.frame_loop import FrameLoop
from vidream.rendering.progress import FilmPlan, Made, Progress
from vidream.rendering.recipe import Recipe
from vidream.rendering.render_settings import delivery_settings, dreamer_settings, machine_settings, tensor_print
from vidream.rendering.work_folder import WorkFolder
from vidream.sound import bars_seconds
from vidream.temporal.flashes import FlashLimiter
from vidream.zoom.endless import check_wrap, clouds
from vidream.zoom.seamless_loop import loop_frames
from vidream.zoom.zoom_frames import ZoomFrames

__all__ = ["zoom_film"]

DEFAULT_SIZE = (640, 360)
# After a second a zoom shows nothing of its picture's own detail; a larger size must be asked for.
LARGEST_DEFAULT_PX = 1280
SIDES_PX = (32, 16384)
LONGEST_SECONDS = 24 * 3600
RATES = (1, 240)
# A tile may be stretched by this, so that its sides are even.
TILE_WITHIN = 0.05
MOST_BARS = 4096


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
    resume: bool = False,
    max_bytes: int | None = None,
    flash_limit: bool = True,
    delivery: Delivery | None = None,
    wrap: str | None = None,
    listen: str | PathLike[str] | None = None,
    bars: float | None = None,
    audio: bool = True,
    progress: Progress | None = None,
    make_dreamer: Callable[[Preset], Dreamer] = Dreamer,
) -> Made:
    """Zoom from `source` into a dream, for `seconds`, into `target`.

    On KeyboardInterrupt the file is finished with the frames made so far.

    Args:
        source: a picture, or a video or GIF, whose frame at `start_seconds` is taken; None begins from clouds, other
            ones for each seed.
        target: a video, GIF or numbered pictures.
        preset, dreamer, make_dreamer: as for `dream`.
        motion: how it moves; see `Motion`.
        seconds: length of the film.
        fps: frames a second, 1..240.
        loop: the film's last frame meets its first.
        size: longer side in px, or (width, height), to which a source is cropped; by default that of the source, 1280
            px at most.
        start_seconds: of a video: the frame to begin with.
        listen: a track that look and motion follow, and the film's sound, with `audio`; both begin together.
        bars: of a loop: its length, in bars of four beats of that track, in place of `seconds`.
        overwrite, resume, max_bytes, flash_limit, delivery, progress: as for `dream`.
        wrap: "both": every frame is a tile, in a motion that only pans; "none".

    Returns:
        What was made.

    Raises:
        SourceError, TargetError, PresetError, NetError, DeviceError: one line.
    """
    if bars is not None and (listen is None or not loop or not 0 < bars <= MOST_BARS):
        raise TargetError(f"only loops with a track have bars, up to {MOST_BARS}; give seconds", argument="bars")
    rate, progress = _checked_rate(seconds, fps), progress or Progress()
    sides = as_wrap(wrap) if wrap is not None else dreamer.wrap if dreamer is not None else Wrap.NONE
    if dreamer is None and not isinstance(preset, Preset):
        preset = load_look(preset)
    look, motion = dreamer.preset if dreamer is not None else preset, motion or Motion()
    assert isinstance(look, Preset)
    check_wrap(sides, motion)
    path, begun = as_target(target), time.monotonic()
    sound = FilmSound({**look.expressions, **motion.expressions}, listen=listen)
    if bars is not None:
        seconds = _whole_bars(sound, bars, rate, progress)
    with WorkFolder(path, resume=resume, overwrite=overwrite) as work:
        count = loop_frames(seconds, rate) if loop else max(1, round(seconds * rate))
        replaces = overwrite or work.replaces_target
        writer = FrameWriter(
            path, rate=rate, overwrite=replaces, work=work, total_frames=count, max_bytes=max_bytes, delivery=delivery,
            audio=audio, sound=sound.file,
        )  # fmt: skip
        _check_kind(writer)
        picture = None if source is None else _opening(Path(source), size, start_seconds, sides)
        with writer:
            if dreamer is None:
                assert isinstance(preset, Preset)
                dreamer = make_dreamer(preset)
            dreamer = dreamer.wrapped(sides)
            name = "nothing" if source is None else Path(source).name
            writer.comment = _recipe(dreamer, name, sound).to_json()
            first = picture
            if first is None:
                first = clouds(*_checked(_sides(DEFAULT_SIZE, size)), seed=dreamer.seed, wrap=sides)
            plan = FilmPlan(name, first.shape[-1], first.shape[-2], rate, count)
            if sound.curves is not None:
                progress.heard(sound.words)
                motion = motion.hearing(sound.curves, float(rate))
            settings = {"opening": tensor_print(first), "motion": str(motion), "seconds": seconds, "loop": loop}
            settings |= {**delivery_settings(delivery or Delivery()), **sound.settings, "flash limit": flash_limit}
            work.open(
                {**settings, "frames a second": str(rate), **dreamer_settings(dreamer)}, machine_settings(dreamer)
            )
            frames = ZoomFrames(first, dreamer, motion, plan=plan, loop=loop, begin_at_picture=picture is not None)
            limiter = FlashLimiter(rate) if flash_limit else None
            film = FrameLoop(frames, writer, work=work, progress=progress, limiter=limiter)
            film.run()
        if film.is_finished:
            work.finished()
    length = float(writer.frames_written / rate)
    return Made(
        path=writer.path,
        frames=writer.frames_written,
        cuts=0,
        rate=rate,
        strength=math.nan,
        warp_error=None,
        seconds=time.monotonic() - begun,
        finished=film.is_finished,
        warnings=(*writer.warnings, *dreamer.warnings, *flash_warnings(film.limiter), *sound.warnings(length)),
        note=writer.note,
    )


def _checked_rate(seconds: float, fps: float | Fraction) -> Fraction:
    """The rate as a fraction. Raises TargetError where it or the length cannot be."""
    if not 0 < seconds <= LONGEST_SECONDS:
        raise TargetError(f"a film of {seconds:g} seconds cannot be; give more than 0, up to {LONGEST_SECONDS}")
    if not RATES[0] <= fps <= RATES[1]:
        raise TargetError(f"{float(fps):g} frames a second cannot be; give {RATES[0]} to {RATES[1]}")
    return Fraction(fps).limit_denominator(1001)


def _check_kind(writer: FrameWriter) -> None:
    if writer.kind == "picture":
        name = writer.path.name
        raise TargetError(f'"{name}" holds one picture, but a zoom is a film; write to .mp4 or "shots/%04d.png"')


def _recipe(dreamer: Dreamer, name: str, sound: FilmSound) -> Recipe:
    return Recipe(
        dreamer.preset,
        dreamer.seed,
        name,
        weights=dreamer.weights.name if dreamer.weights else None,
        objective=dreamer.own_objective.describe() if dreamer.own_objective else None,
        wrap=dreamer.wrap.value if dreamer.wrap else None,
        listen=sound.recipe,
    )


def _whole_bars(sound: FilmSound, bars: float, rate: Fraction, progress: Progress) -> float:
    """The length of a loop of so many bars, in seconds, to whole frames. Raises SourceError, TargetError."""
    curves = sound.heard
    wanted = bars_seconds(curves, bars)
    made = float(loop_frames(wanted, rate) / rate)
    if not made <= LONGEST_SECONDS:
        raise TargetError(f"{bars:g} bars last {made:.0f} seconds; give fewer", argument="bars")
    progress.heard(
        f"{bars:g} {'bar' if bars == 1 else 'bars'} at {curves.bpm:.2f} beats a minute last {wanted:.3f} s; "
        f"{round(made * rate)} frames, {abs(made - wanted) * 1000:.1f} ms {'longer' if made > wanted else 'shorter'}"
    )
    return made


def _opening(source: Path, size: int | tuple[int, int] | None, start_seconds: float, wrap: Wrap) -> Tensor:
    """The picture that the zoom begins with, [1,3,H,W], at its size. Raises SourceError."""
    if isinstance(size, tuple):
        _checked(size)
    with FrameReader(source) as probe:
        moving = probe.kind in ("video", "gif")
        own = (probe.width, probe.height)
    with FrameReader(source, start_seconds=start_seconds if moving else 0.0, colours="bt709") as reader:
        first = next(chain(reader, [None]))
    if first is None:
        raise SourceError(f'"{source}" has no frame at {start_seconds:g} seconds; begin sooner')
    width, height = _checked(_sides(own, size))
    enlarge = partial(F.interpolate, mode="bicubic", antialias=True, align_corners=False)
    if wrap:
        # What is cut off a tile leaves none.
        if abs(width * own[1] / (height * own[0]) - 1) > TILE_WITHIN:
            raise SourceError(
                f"a tile of {own[0]}x{own[1]} px cannot be cut to {width}x{height}; give the longer side alone"
            )
        return wrap.scaled(first, (height, width), enlarge).clamp(0, 1)
    scale = max(width / own[0], height / own[1])
    # Enlarged or reduced to cover, then cut in the middle.
    rows, columns = max(height, round(own[1] * scale)), max(width, round(own[0] * scale))
    fitted = enlarge(first, (rows, columns)).clamp(0, 1)
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
