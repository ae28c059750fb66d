"""Ask ffmpeg what a clip is: one child prints the streams and the time of every frame, decoding nothing."""

from __future__ import annotations

import itertools
import re
import struct
from array import array
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidream.errors import SourceError
from vidream.media.ffmpeg import Finished, run, source_options
from vidream.media.timing import Timing, find_timing

__all__ = ["LARGEST_MEGAPIXELS", "LARGEST_SIDE_PX", "AudioInfo", "ClipInfo", "check_size", "probe_clip"]

LARGEST_SIDE_PX = 16384
LARGEST_MEGAPIXELS = 120

_SIZE = re.compile(r", (\d+)x(\d+)(?: \[SAR (\d+):(\d+) DAR)?")
_ROTATION = re.compile(r"rotation of (-?[\d.]+) degrees")
_DAMAGE = re.compile(r"partial file|ended prematurely|truncat|corrupt|invalid data found when processing", re.I)
_NO_TIME = -(2**62)
_DISCARDED = 0x4  # a packet that an edit list cuts away: decoded, never shown


@dataclass(frozen=True)
class AudioInfo:
    """The sound that goes with the picture.  index: its stream number.  layout: "stereo", "5.1" ..."""

    index: int
    codec: str
    sample_rate: int
    layout: str


@dataclass(frozen=True)
class ClipInfo:
    """What a moving source is.

    width, height: of the coded frames, px.  pixel_aspect: width of a pixel / its height.
    rotation_degrees: quarter turns still to be applied.  times_seconds: when each frame is shown, counted
    from the start of the file (so from the first sound, if that comes sooner), ascending.
    """

    width: int
    height: int
    pixel_aspect: Fraction
    rotation_degrees: int
    codec: str
    pixel_format: str
    colours: str
    has_alpha: bool
    is_interlaced: bool
    is_damaged: bool
    timing: Timing
    ticks: array[int]
    time_base: Fraction
    audio: AudioInfo | None

    def time_seconds(self, index: int) -> Fraction:
        """When frame `index` is shown, in seconds since the start of the file."""
        return self.ticks[index] * self.time_base

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) after rotation, with square pixels, losing no line and no column."""
        width, height = self.width, self.height
        if self.pixel_aspect >= 1:
            width = max(1, round(width * self.pixel_aspect))
        else:
            height = max(1, round(height / self.pixel_aspect))
        return (height, width) if self.rotation_degrees % 180 else (width, height)


def check_size(name: str, width: int, height: int) -> None:
    """Raise SourceError where a frame of `width` x `height` px is too large to be taken on."""
    if max(width, height) > LARGEST_SIDE_PX or width * height > LARGEST_MEGAPIXELS * 1_000_000:
        raise SourceError(
            f"{name}: frames of {width}x{height} px; allowed are {LARGEST_SIDE_PX} px a side and "
            f"{LARGEST_MEGAPIXELS} megapixels. Make it smaller first"
        )


def probe_clip(path: Path) -> ClipInfo:
    """Read what the clip at `path` is. SourceError, one line, where it is no clip or holds no frame."""
    if path.suffix.lower() == ".gif":
        _check_gif_header(path)
    pixels = ["-max_pixels", str(LARGEST_MEGAPIXELS * 1_000_000)]
    packets = ["-map", "0:V:0", "-c", "copy", "-f", "framecrc", "pipe:1"]
    scan = run([*pixels, *source_options(path), *packets])
    lines = _input_lines(scan.stderr_lines)
    streams = [line for line in lines if line.startswith("  Stream #")]
    video = next((line for line in streams if ": Video:" in line and "attached pic" not in line), None)
    audio = _find_audio(lines)
    if video is None:
        raise SourceError(_why_no_video(path, scan, lines, has_audio=audio is not None))
    size = _SIZE.search(video)
    if size is None:
        raise SourceError(f"{path.name}: its video cannot be read ({scan.last_words or 'no frame size'}); convert it")
    width, height = int(size[1]), int(size[2])
    check_size(path.name, width, height)
    time_base, ticks, last_ticks = _parse_packets(scan.stdout_text)
    if not ticks:
        raise SourceError(f"{path.name} has no frames; check that the recording or download is complete")
    codec, pixel_format, colours = _parse_format(video)
    if codec == "vp8":
        ticks = _without_hidden(ticks)
    fps = re.search(r", ([\d.]+)(k?) fps", video)
    printed = Fraction(fps[1]) * (1000 if fps[2] else 1) if fps else None
    vp_alpha = codec in ("vp8", "vp9") and any(re.match(r"\s*alpha_mode\s*: 1", line, re.I) for line in lines)
    return ClipInfo(
        width=width,
        height=height,
        pixel_aspect=_aspect(size[3], size[4]),
        rotation_degrees=_rotation(lines, video),
        codec=codec,
        pixel_format=pixel_format,
        colours=colours,
        has_alpha=vp_alpha or bool(re.match(r"rgba|bgra|argb|abgr|ya\d|yuva|gbrap|ayuv|vuya", pixel_format)),
        is_interlaced=bool(re.search(r"(top|bottom) (first|coded first)", colours)),
        # Only ffmpeg's own words, in "[mov @ ...]": a file may be called corrupt.mp4 and be well.
        is_damaged=any(_DAMAGE.search(line) for line in scan.stderr_lines if line.startswith("[")),
        timing=find_timing(ticks, time_base, last_ticks, printed or None, gif=codec == "gif"),
        ticks=ticks,
        time_base=time_base,
        audio=audio,
    )


def _check_gif_header(path: Path) -> None:
    """Refuse an absurd GIF by its header: ffmpeg would decode a frame to find its facts."""
    with path.open("rb") as file:
        head = file.read(10)
    if len(head) == 10 and head[:3] == b"GIF":
        check_size(path.name, *struct.unpack("<HH", head[6:10]))


def _input_lines(lines: list[str]) -> list[str]:
    """The part of ffmpeg's report that describes the source, not what is made of it."""
    start = next((i for i, line in enumerate(lines) if line.startswith("Input #0")), len(lines))
    # A name may hold a line end, and what follows it looks like the end of the report.
    start = next((i for i, line in enumerate(lines) if i >= start and line.endswith("':")), start)
    stop = next((i for i, line in enumerate(lines) if i > start and line and not line.startswith(" ")), len(lines))
    return lines[start:stop]


def _why_no_video(path: Path, scan: Finished, lines: list[str], *, has_audio: bool) -> str:
    if has_audio:
        return f"{path.name} holds sound but no video; give a video, a GIF or a picture"
    if any("moov atom not found" in line for line in scan.stderr_lines):
        return f"{path.name} is cut off (its index is missing); copy or download it again"
    if lines:
        return f"{path.name} holds no video; give a video, a GIF or a picture"
    reason = scan.last_words.replace(f"file:{path}: ", "")
    reason = re.sub(r"^Error opening input: ", "", reason)
    return f"{path.name} is no video that can be read ({reason or 'unknown format'}); give mp4, mov, mkv, webm or gif"


def _find_audio(lines: list[str]) -> AudioInfo | None:
    found: list[tuple[bool, AudioInfo]] = []
    for line in lines:
        match = re.match(r"\s+Stream #0:(\d+).*?: Audio: (\w+)[^,]*(?:, (\d+) Hz, ([^,]+))?", line)
        if match and match[2] != "none":
            info = AudioInfo(int(match[1]), match[2], int(match[3] or 0), (match[4] or "").strip())
            found.append(("(default)" in line, info))
    found.sort(key=lambda item: not item[0])  # stable: the default stream, else the first
    return found[0][1] if found else None


def _parse_format(video: str) -> tuple[str, str, str]:
    """(codec, pixel format, what stands in brackets behind it) of a 'Stream ...: Video:' line."""
    match = re.search(r": Video: (\w+)[^,]*(?:\([^)]*\))?, (\w+)(?:\(([^)]*)\))?", video)
    return (match[1], match[2], match[3] or "") if match else ("", "", "")


def _aspect(across: str | None, down: str | None) -> Fraction:
    """The shape of a pixel; nonsense (0:1, or beyond 8:1) counts as square."""
    if not across or not down or int(across) == 0 or int(down) == 0:
        return Fraction(1)
    aspect = Fraction(int(across), int(down))
    return aspect if Fraction(1, 8) <= aspect <= 8 else Fraction(1)


def _rotation(lines: list[str], video: str) -> int:
    """The rotation of the stream `video`: the first one named after it and before the next stream."""
    for line in lines[lines.index(video) + 1 :]:
        if line.lstrip().startswith("Stream #"):
            break
        match = _ROTATION.search(line)
        if match:
            return round(float(match[1]) / 90) * 90 % 360
    return 0


def _parse_packets(text: str) -> tuple[Fraction, array[int], int]:
    """(time base in seconds, sorted times of the frames in it, ticks of the last) from framecrc's lines."""
    time_base = Fraction(1, 1000)
    packets: list[tuple[int, int]] = []
    for line in text.splitlines():
        if line.startswith("#tb 0:"):
            time_base = Fraction(line.split(":", 1)[1].strip())
        elif line.startswith("0,"):
            fields = [field.strip() for field in line.split(",")]
            flags = next((int(field[2:], 16) for field in fields[6:] if field.startswith("F=")), 1)
            if not flags & _DISCARDED:
                shown = int(fields[2]) if int(fields[2]) > _NO_TIME else int(fields[1])
                packets.append((shown, int(fields[3])))
    packets.sort()
    return time_base, array("q", (shown for shown, _ in packets)), packets[-1][1] if packets else 0


def _without_hidden(ticks: array[int]) -> array[int]:
    """VP8 stores frames only referred to, a tick before the next shown one: leave those out."""
    gaps = sorted(later - sooner for sooner, later in itertools.pairwise(ticks))
    if not gaps:
        return ticks
    least = gaps[len(gaps) // 2] / 5
    kept = [tick for tick, following in itertools.pairwise(ticks) if following - tick > least]
    return array("q", [*kept, ticks[-1]])
