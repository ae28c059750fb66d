"""When the frames of a clip are shown, read from its packets, and from its index where it is large."""

from __future__ import annotations

import itertools
import struct
from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.stream

__all__ = ["ScannedFrames", "scan_frames"]

# Of a larger file only so much is read before its film begins, but never fewer frames than tell the rate; the
# container's index and header say the rest.
SCANNED_BYTES = 256 * 2**20
FEWEST_SCANNED = 200
# Where the index holds every frame, this many tell how it relates to the times at which frames are shown.
FEWEST_INDEXED = 80
# So many frames at the end of what was read may still wait for others that are shown before them.
MOST_REORDERED = 32
# A recording that goes back in time by more, or to its own beginning after so many frames, begins another one.
RESTART_SECONDS = 1
FEWEST_BEFORE_RESTART = 3
# Parts of an MP4 that are looked at in search of a second beginning; one that was streamed has one every second or so.
MOST_BOXES = 20_000
# What a file begins with whose demuxer stops where another one begins behind it, and how much is searched for that.
_STARTS = {"flv": b"FLV\x01", "asf": bytes.fromhex("3026b2758e66cf11")}
SEARCHED_BYTES = 2**20
_BARE_FORMATS = ("avi", "h264", "hevc", "m4v", "mpegvideo", "obu")
_JOINED = (
    "{} is several recordings in one file, of which only the first is read; join them with an editor to have them all"
)


@dataclass
class ScannedFrames:
    """Times of the frames that were looked at."""

    ticks: array[int]
    last_ticks: int = 0
    is_whole: bool = True
    has_times: bool = True
    is_damaged: bool = False
    notes: list[str] = field(default_factory=list)


def scan_frames(path: Path, container: Any, video: Any, codec: str) -> ScannedFrames:
    """Look at every packet of `video`, or at those of the first SCANNED_BYTES of a large file."""
    found = ScannedFrames(array("q"))
    is_large = path.stat().st_size > SCANNED_BYTES
    is_indexed = is_large and container.format.name.startswith("mov") and _index_is_whole(video)
    budget = FEWEST_INDEXED if is_indexed else FEWEST_SCANNED
    budget_bytes = 0 if is_indexed else SCANNED_BYTES
    packets: list[tuple[int, int]] = []
    unknown, latest, first_coded, ends_at = 0, None, None, 0
    restart_ticks = RESTART_SECONDS / Fraction(video.time_base)
    if hasattr(av.stream, "Discard"):  # from PyAV 18 on: what is not looked at need not be read
        for each in container.streams:
            if each.index != video.index:
                each.discard = av.stream.Discard.all
    # AVI and bare streams store the order in which frames are decoded, and no times.
    is_bare = container.format.name in _BARE_FORMATS
    rate = video.guessed_rate or video.average_rate or 25
    place_ticks = 1 / (Fraction(rate) * Fraction(video.time_base))
    try:
        for packet in container.demux(video):
            if packet.size == 0:
                continue
            shown = packet.pts if packet.pts is not None else packet.dts
            if shown is None and not is_bare:
                continue  # from before the recording begins: only needed to decode others
            if shown is None:
                shown = round(len(packets) * place_ticks)
            coded = packet.dts if packet.dts is not None else shown
            begins_again = (
                packet.dts is not None
                and first_coded is not None
                and len(packets) >= FEWEST_BEFORE_RESTART
                and packet.dts <= first_coded
            )
            if latest is not None and (begins_again or coded < latest - restart_ticks):
                found.notes.append(_JOINED.format(path.name))
                found.is_damaged = False
                break
            latest = coded if latest is None else max(latest, coded)
            first_coded = packet.dts if first_coded is None else first_coded
            unknown += packet.pts is None
            found.is_damaged |= packet.is_corrupt
            ends_at = max(ends_at, (packet.pos or 0) + packet.size)
            if not packet.is_discard:
                packets.append((shown, packet.duration or 0))
            budget_bytes -= packet.size
            if is_large and len(packets) >= budget and budget_bytes <= 0:
                found.is_whole = False
                break
    except av.error.FFmpegError:
        found.is_damaged = True
    if not found.notes and _has_second_start(path, container.format.name, ends_at):
        found.notes.append(_JOINED.format(path.name))
    packets.sort()
    found.has_times = not (is_bare and (unknown or video.codec_context.has_b_frames))
    found.ticks = array("q", (shown for shown, _ in packets))
    found.last_ticks = packets[-1][1] if packets else 0
    if codec == "vp8":
        found.ticks = _without_hidden(found.ticks)
    return found if found.is_whole else _completed(found, video)


def _has_second_start(path: Path, format_name: str, ends_at: int) -> bool:
    """True for a file with another one behind it, where its demuxer never looks.

    Args:
        path: the file.
        format_name: libav's.
        ends_at: where in the file its last frame ends.
    """
    if format_name.startswith("mov"):
        return _has_second_mp4(path)
    if format_name not in _STARTS:
        return False
    with path.open("rb") as file:
        file.seek(ends_at)
        return _STARTS[format_name] in file.read(SEARCHED_BYTES)


def _has_second_mp4(path: Path) -> bool:
    size = path.stat().st_size
    with path.open("rb") as file:
        at = starts = 0
        for _ in range(MOST_BOXES):
            file.seek(at)
            head = file.read(16)
            if len(head) < 8:
                break
            length, kind = struct.unpack(">I4s", head[:8])
            if length == 1 and len(head) == 16:
                length = struct.unpack(">Q", head[8:])[0]
            starts += kind == b"ftyp"
            if length < 8 or at + length > size:
                break
            at += length
    return starts > 1


def _index_is_whole(video: Any) -> bool:
    return bool(video.frames) and len(video.index_entries) >= video.frames


def _completed(found: ScannedFrames, video: Any) -> ScannedFrames:
    """Where the container's index holds every frame, as MP4's does, all times are known without reading them."""
    sure = len(found.ticks) - MOST_REORDERED
    if not _index_is_whole(video):
        found.ticks = found.ticks[:sure]
        return found
    coded = sorted(entry.timestamp for entry in video.index_entries)
    # Encoders take the times at which frames are decoded from those at which they are shown, some frames later.
    for delay in range(min(MOST_REORDERED, len(coded) - 1)):
        shift = found.ticks[0] - coded[delay]
        if all(coded[delay + place] + shift == found.ticks[place] for place in range(min(sure, len(coded) - delay))):
            usual = coded[-1] - coded[-2]
            tail = [coded[-1] + shift + usual * (1 + place) for place in range(delay)]
            found.ticks = array("q", [tick + shift for tick in coded[delay:]] + tail)
            found.is_whole = True
            return found
    found.ticks = found.ticks[:sure]
    return found


def _without_hidden(ticks: array[int]) -> array[int]:
    """VP8 stores frames only referred to, a tick before the next shown one: leave those out."""
    gaps = sorted(later - sooner for sooner, later in itertools.pairwise(ticks))
    if not gaps:
        return ticks
    least = gaps[len(gaps) // 2] / 5
    kept = [tick for tick, following in itertools.pairwise(ticks) if following - tick > least]
    return array("q", [*kept, ticks[-1]])
