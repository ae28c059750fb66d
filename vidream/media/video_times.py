"""Arguments for ffmpeg that store every frame of a video at exactly its time."""

from __future__ import annotations

from fractions import Fraction

from vidream.media.codecs import Codec

__all__ = ["LARGEST_RATE_TERM", "exact_times", "storable_rate"]

# A second; players are used to some thousands.
FEWEST_TICKS = 10_000
# ffmpeg keeps the terms of a rate below this.
LARGEST_RATE_TERM = 1_001_000


def storable_rate(rate: Fraction) -> Fraction:
    """`rate`, or the nearest one that ffmpeg can hold: terms up to a million."""
    largest = max(rate.numerator, rate.denominator)
    if largest <= LARGEST_RATE_TERM:
        return rate
    return rate.limit_denominator(max(1, min(LARGEST_RATE_TERM, int(LARGEST_RATE_TERM / rate))))


def exact_times(codec: Codec, rate: Fraction, *, has_ticks: bool) -> list[str]:
    """Arguments by which frame n of a file is stored at n / rate, lasting 1 / rate, also where files are joined.

    Left to itself, ffmpeg takes other ticks for a short file than for a long one, guesses how long the last frame
    lasts, and stores a single frame with another delay than many; files joined by copy then drift apart.

    Args:
        codec: of the frames, encoded or copied.
        rate: frames a second.
        has_ticks: the container stores times in ticks that can be chosen: MP4 and MOV.
    """
    seconds = f"{rate.denominator}/{rate.numerator}"
    frame = f"({seconds}/TB)"
    times = f"pts=round(PTS/{frame})*{frame}:dts=(N-{codec.reorder_frames})*{frame}:duration={frame}"
    ticks = rate.numerator
    while ticks < FEWEST_TICKS:
        ticks *= 2
    return ["-bsf:v", f"setts={times}", *(["-video_track_timescale", str(ticks)] if has_ticks else [])]
