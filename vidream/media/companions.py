"""Companions: what goes with the pictures of a clip: tracks of sound, chapters, a timecode."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidream.media.probe import AudioInfo, default_track
from vidream.media.timing import nearest_standard_rate

__all__ = ["Chapter", "Companions", "chapters_of", "moved_timecode"]

_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")
_ESCAPED = re.compile(r"([=;#\\\n])")
# Nominal rates that timecodes are counted in.
_TIMECODE_RATES = (24, 25, 30, 48, 50, 60, 100, 120)


@dataclass(frozen=True)
class Chapter:
    """A part of a film with a name. Times are in seconds, from the first frame of the film."""

    start_seconds: Fraction
    end_seconds: Fraction
    title: str


@dataclass(frozen=True)
class Companions:
    """What goes with the pictures that are read of a clip.

    Attributes:
        source: the clip.
        tracks: of sound, in the file's order.
        picture_seconds: when the first picture is shown, on the file's clock: the timestamps stored in it.
        starts_seconds: the earliest time on that clock, which ffmpeg counts jumps from.
        chapters: those of the part that is read.
        timecode: of its first frame, "HH:MM:SS:FF", with ";" before the frames where it drops some; "" without one.
        subtitles: how many tracks of them the clip has.
    """

    source: Path
    tracks: tuple[AudioInfo, ...] = ()
    picture_seconds: Fraction = Fraction(0)
    starts_seconds: Fraction = Fraction(0)
    chapters: tuple[Chapter, ...] = ()
    timecode: str = ""
    subtitles: int = 0

    @property
    def sound(self) -> AudioInfo | None:
        """The default track of sound; None where there is none."""
        return default_track(self.tracks)

    def chapter_file(self) -> str:
        """The chapters as ffmpeg reads them (ffmetadata)."""
        lines = [";FFMETADATA1"]
        for each in self.chapters:
            title = _ESCAPED.sub(r"\\\1", each.title)
            begins, ends = (round(1000 * time) for time in (each.start_seconds, each.end_seconds))
            lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={begins}", f"END={ends}", f"title={title}"]
        return "\n".join(lines) + "\n"


def chapters_of(
    found: Iterable[dict[str, Any]], start_seconds: Fraction, length_seconds: Fraction
) -> tuple[Chapter, ...]:
    """The chapters that PyAV found, of the part from `start_seconds` of the file's clock on."""
    chapters = []
    for each in found:
        begins, ends = (each[name] * each["time_base"] - start_seconds for name in ("start", "end"))
        begins, ends = max(Fraction(0), begins), min(length_seconds, ends)
        if begins < ends:
            chapters.append(Chapter(begins, ends, str(each.get("metadata", {}).get("title", ""))))
    return tuple(chapters)


def moved_timecode(timecode: str, rate: Fraction, frames: int, made_rate: Fraction) -> str:
    """The timecode of a frame further on, at another rate.

    Args:
        timecode: of the first frame, at `rate`.
        rate: frames a second that it counts in.
        frames: how many frames of `rate` further on.
        made_rate: frames a second of the film that is made.

    Returns:
        the timecode at `made_rate`, without dropped numbers where that rate has none; "" where it cannot be counted.
    """
    match = _TIMECODE.fullmatch(timecode)
    nominal, made_nominal = round(rate), round(made_rate)
    if match is None or not {nominal, made_nominal} <= set(_TIMECODE_RATES) or not _is_countable(rate, made_rate):
        return ""
    hours, minutes, seconds, number = (int(match[place]) for place in (1, 2, 3, 5))
    count = ((hours * 60 + minutes) * 60 + seconds) * nominal + number
    if match[4] != ":":
        count -= _dropped(nominal) * (60 * hours + minutes - (60 * hours + minutes) // 10)
    # In real time, so that a film at another rate begins at the same moment.
    count = count + frames if rate == made_rate else round((count + frames) / rate * made_rate)
    drops = match[4] != ":" and made_rate.denominator == 1001 and made_nominal % 30 == 0
    return _spelled(count, made_nominal, drops=drops)


def _is_countable(*rates: Fraction) -> bool:
    return all(nearest_standard_rate(rate, 0.001) is not None for rate in rates)


def _dropped(nominal: int) -> int:
    """Numbers left out a minute (SMPTE ST 12-1): two at 29.97, four at 59.94."""
    return nominal // 15


def _spelled(count: int, nominal: int, *, drops: bool) -> str:
    if drops:
        # Ten minutes have nine dropped places; the first minute of them has none.
        dropped = _dropped(nominal)
        minute, ten = 60 * nominal - dropped, 600 * nominal - 9 * dropped
        tens, rest = divmod(count, ten)
        count += 9 * dropped * tens + dropped * max(0, (rest - dropped) // minute)
    seconds, number = divmod(count, nominal)
    hours, rest_seconds = divmod(seconds, 3600)
    mark = ";" if drops else ":"
    return f"{hours % 24:02d}:{rest_seconds // 60:02d}:{rest_seconds % 60:02d}{mark}{number:02d}"
