"""What a clip is: its streams, and the time of every frame, read from the container by PyAV; nothing is decoded.

Only the first frame is decoded, by a child of its own, for what only a frame tells: its upright size and whether it
is interlaced. A decoder that a broken file brings down takes nothing else with it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
import numpy as np
from av.stream import Disposition

from vidream.errors import SourceError
from vidream.media.ffmpeg import CONTAINERS, Child, source_options
from vidream.media.packets import ScannedFrames, scan_frames
from vidream.media.timing import Timing, find_timing

__all__ = [
    "LARGEST_MEGAPIXELS",
    "LARGEST_SIDE_PX",
    "AudioInfo",
    "ClipInfo",
    "check_size",
    "default_track",
    "probe_clip",
    "tracks_of",
    "upright_size",
]

LARGEST_SIDE_PX = 16384
LARGEST_MEGAPIXELS = 120
# Of one frame in a pause: eleven hours at 25 frames a second.
MOST_REPEATS = 1_000_000

# Pixels whose shape is as near to a square as this come from rounding a size to even numbers.
SQUARE_WITHIN = Fraction(1, 100)
_DAMAGE = re.compile(r"partial file|ended prematurely|truncat|corrupt|invalid data found when processing", re.I)
_Y4M = re.compile(rb"YUV4MPEG2 W(\d+) H(\d+) F\S+ I(\S) A(\d+):(\d+)")


@dataclass(frozen=True)
class AudioInfo:
    """The sound that goes with the picture.

    Attributes:
        index: its stream number in the file.
        codec, layout: ffmpeg's names, such as "aac" and "stereo" or "5.1".
        sample_rate: samples a second.
        channels: how many.
        language, title: as the file says; "" where it does not.
        is_default: players take this one.
    """

    index: int
    codec: str
    sample_rate: int
    layout: str
    channels: int
    language: str = ""
    title: str = ""
    is_default: bool = True


@dataclass(frozen=True)
class ClipInfo:
    """What a moving source is.

    Attributes:
        index: the video's stream number in the file.
        upright_size: (width, height) px after rotation, with square pixels, no line and no column lost.
        coded_size: (width, height) px as they are stored.
        codec, pixel_format: ffmpeg's names.
        transfer, matrix, primaries: numbers of ITU-T H.273; 2 where the file does not say.
        starts_seconds: the file's earliest time on its own clock, which jumps are counted from.
        has_times: the file stores when each frame is shown; without, frames can only be counted.
        tracks: of sound, in the file's order; exactly one of them is the default.
        chapters: as PyAV gives them, on the file's own clock.
        timecode: of the first frame, "HH:MM:SS:FF"; "" without one.
        subtitles: how many tracks of them there are.
        notes: one line for each thing that the user should know.
    """

    index: int
    upright_size: tuple[int, int]
    coded_size: tuple[int, int]
    codec: str
    pixel_format: str
    transfer: int
    matrix: int
    primaries: int
    has_alpha: bool
    is_deep: bool
    is_interlaced: bool
    is_damaged: bool
    has_times: bool
    starts_seconds: Fraction
    timing: Timing
    tracks: tuple[AudioInfo, ...]
    chapters: tuple[dict[str, Any], ...] = ()
    timecode: str = ""
    subtitles: int = 0
    notes: list[str] = field(default_factory=list)


def _check_pauses(name: str, timing: Timing) -> None:
    """Raises SourceError where a frame would have to be repeated so often that its time cannot be meant."""
    longest_seconds = int(np.diff(np.asarray(timing.ticks)).max(initial=0)) * timing.time_base
    if longest_seconds * timing.rate > MOST_REPEATS:
        hours = float(longest_seconds) / 3600
        raise SourceError(
            f"{name} shows one frame for {hours:,.0f} hours; its times are damaged. Convert it to mp4 and try again"
        )


def check_size(name: str, width: int, height: int) -> None:
    """Raise SourceError where a frame of `width` x `height` px is empty, or too large to be taken on."""
    if min(width, height) < 1:
        raise SourceError(f"{name} says that it has {width}x{height} px: it is damaged; save or download it again")
    if max(width, height) > LARGEST_SIDE_PX or width * height > LARGEST_MEGAPIXELS * 1_000_000:
        raise SourceError(
            f"{name}: frames of {width}x{height} px; allowed are {LARGEST_SIDE_PX} px a side and "
            f"{LARGEST_MEGAPIXELS} megapixels. Make it smaller first"
        )


def probe_clip(path: Path) -> ClipInfo:
    """Read what the clip at `path` is. SourceError, one line, where it is no clip or holds no frame."""
    with _opened(path) as (container, said):
        return _read(path, container, said)


def upright_size(path: Path) -> tuple[int, int]:
    """(width, height) px of a clip's frames, upright, with square pixels; no packet is looked at. SourceError."""
    with _opened(path) as (container, said):
        video = _video(path, container, said)
        width, height, _ = _first_frame(path, video, video.codec_context)
        return width, height


@contextlib.contextmanager
def _log() -> Iterator[list[tuple[int, str, str]]]:
    """What libav says meanwhile: (level, part, words) each."""
    before = av.logging.get_level()
    repeats = av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.WARNING)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as said:
            yield said
    finally:
        av.logging.set_level(before)
        av.logging.set_skip_repeated(repeats)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, list[tuple[int, str, str]]]]:
    """The container at `path`, and what libav says of it. SourceError where libav cannot read it."""
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    with _log() as said:
        try:
            with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
                yield container, said
        except av.error.FFmpegError as error:
            raise SourceError(_why_not_read(path, error, said)) from None


def _video(path: Path, container: Any, said: list[tuple[int, str, str]]) -> Any:
    """The video stream, which is no cover picture. SourceError where there is none, or its frames are too large."""
    video = next((each for each in container.streams.video if not each.disposition & Disposition.attached_pic), None)
    if video is None:
        what = "sound but no video" if tracks_of(container) else "no video"
        raise SourceError(f"{path.name} holds {what}; give a video, a GIF or a picture")
    coded = video.codec_context
    if coded is None or not coded.width or not coded.height:
        raise SourceError(f"{path.name}: its video cannot be read ({_cause(said) or 'no frame size'}); convert it")
    check_size(path.name, coded.width, coded.height)
    return video


def _read(path: Path, container: Any, said: list[tuple[int, str, str]]) -> ClipInfo:
    video = _video(path, container, said)
    coded = video.codec_context
    frames = scan_frames(path, container, video, coded.name)
    if not frames.ticks:
        raise SourceError(f"{path.name} has no frames; check that the recording or download is complete")
    claimed = video.average_rate or video.guessed_rate
    count = None if frames.is_whole else _whole_count(container, video, frames)
    timing = find_timing(
        frames.ticks, Fraction(video.time_base), frames.last_ticks, Fraction(claimed) if claimed else None,
        frame_count=count,
    )  # fmt: skip
    _check_pauses(path.name, timing)
    width, height, is_interlaced = _first_frame(path, video, coded)
    check_size(path.name, width, height)
    # Not `coded.pix_fmt`: where no frame could be decoded, PyAV 17.1 crashes there.
    pixels = coded.format.name if coded.format else ""
    parts = coded.format.components if coded.format else ()
    vp_alpha = coded.name in ("vp8", "vp9") and _tag(video, "alpha_mode") == "1"
    return ClipInfo(
        index=video.index,
        upright_size=(width, height),
        codec=coded.name,
        pixel_format=pixels,
        transfer=int(coded.color_trc),
        matrix=int(coded.colorspace),
        primaries=int(coded.color_primaries),
        has_alpha=vp_alpha or (pixels != "pal8" and any(part.is_alpha for part in parts)),
        coded_size=(coded.width, coded.height),
        is_deep=any(part.bits > 8 for part in parts),
        is_interlaced=is_interlaced,
        is_damaged=frames.is_damaged or (not frames.notes and any(_DAMAGE.search(words) for _, _, words in said)),
        has_times=frames.has_times,
        starts_seconds=Fraction(container.start_time or 0, av.time_base),
        timing=timing,
        tracks=tracks_of(container),
        chapters=tuple(container.chapters()),
        timecode=_timecode(container),
        subtitles=len(container.streams.subtitles),
        notes=frames.notes,
    )


def _tag(stream: Any, name: str) -> str | None:
    return next((value for key, value in stream.metadata.items() if key.lower() == name), None)


def tracks_of(container: Any) -> tuple[AudioInfo, ...]:
    """The tracks of sound that can be decoded. The default is the file's, else the first."""
    found = [each for each in container.streams.audio if each.codec_context is not None]
    found = [each for each in found if each.codec_context.sample_rate and each.codec_context.layout.nb_channels]
    marked = [each.index for each in found if each.disposition & Disposition.default]
    default = next(iter(marked or [each.index for each in found]), None)
    return tuple(
        AudioInfo(
            each.index,
            each.codec_context.codec.canonical_name,
            each.codec_context.sample_rate,
            each.codec_context.layout.name,
            each.codec_context.layout.nb_channels,
            language=_tag(each, "language") or "",
            title=_tag(each, "title") or "",
            is_default=each.index == default,
        )
        for each in found
    )


def default_track(tracks: Iterable[AudioInfo]) -> AudioInfo | None:
    """The one of `tracks_of` that players take; None where there is none."""
    return next((each for each in tracks if each.is_default), None)


def _timecode(container: Any) -> str:
    """The first timecode of the file or of its streams; "" where there is none."""
    found = (_tag(each, "timecode") for each in (container, *container.streams))
    return next((words.strip() for words in found if words), "")


def _whole_count(container: Any, video: Any, frames: ScannedFrames) -> int:
    """How many frames a file has of which only the beginning was looked at."""
    if video.frames > len(frames.ticks):
        return int(video.frames)
    base = Fraction(video.time_base)
    seen_seconds = (frames.ticks[-1] - frames.ticks[0]) * base
    length = video.duration * base if video.duration else Fraction(container.duration or 0, av.time_base)
    if not seen_seconds or length <= seen_seconds:
        return len(frames.ticks)
    return max(len(frames.ticks), round((len(frames.ticks) - 1) * length / seen_seconds))


def _first_frame(path: Path, video: Any, coded: Any) -> tuple[int, int, bool]:
    """(width, height, is interlaced) of the first frame as it comes out of ffmpeg, upright, with square pixels."""
    plain = ["-map", f"0:{video.index}", "-frames:v", "1", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "pipe:1"]
    limit = ["-max_pixels", str(LARGEST_MEGAPIXELS * 1_000_000)]
    with Child(["-loglevel", "error", *limit, *source_options(path), *plain], read=True) as child:
        head = _Y4M.match(child.stdout.read(256) or b"")
    if head is None:  # the first frame is broken: what the container says must do
        aspect = video.sample_aspect_ratio
        width, height = _square(coded.width, coded.height, *(aspect.as_integer_ratio() if aspect else (1, 1)))
        return width, height, False
    width, height, across, down = (int(head[place]) for place in (1, 2, 4, 5))
    return *_square(width, height, across, down), head[3] in (b"t", b"b")


def _square(width: int, height: int, across: int, down: int) -> tuple[int, int]:
    """(width, height) with square pixels. Pixels of no shape (0:1), beyond 8:1, or all but square count as square."""
    aspect = Fraction(across, down) if across and down else Fraction(1)
    if abs(aspect - 1) < SQUARE_WITHIN or not Fraction(1, 8) <= aspect <= 8:
        return width, height
    return (max(1, round(width * aspect)), height) if aspect > 1 else (width, max(1, round(height / aspect)))


def _cause(said: list[tuple[int, str, str]]) -> str:
    """The first line of libav's that names a cause."""
    return next((words.strip().splitlines()[0].rstrip(".") for _, _, words in said if words.strip()), "")


def _why_not_read(path: Path, error: Exception, said: list[tuple[int, str, str]]) -> str:
    if any("moov atom not found" in words for _, _, words in said):
        return f"{path.name} is cut off (its index is missing); copy or download it again"
    reason = getattr(error, "strerror", None) or _cause(said) or "unknown format"
    return f"{path.name} is no video that can be read ({reason}); give mp4, mov, mkv, webm, gif or a picture"
