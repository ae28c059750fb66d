"""From packet times to a frame rate: exact where the clip is regular, the average where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

__all__ = ["Timing", "find_timing", "nearest_standard_rate"]

# A frame may sit this share of a frame off its place on the grid and still have the place for itself.
_LOOSE_SHARE = 0.45
# A clip whose frames nearly all keep one distance has that rate; the few holes are filled by repeating.
_NOMINAL_SHARE = 0.95
# ... and in a short one a stray gap or two, as AVI writers leave after the first frame, is no other rate.
_STRAY_GAPS = 2
_HIGHEST_AVERAGE = 240


@dataclass(frozen=True)
class Timing:
    """When the frames of a clip are shown, in seconds since its first frame.

    rate: frames a second, exact.  is_constant: every frame has its own place on the grid of `rate`.
    duration_seconds: from the first frame to the end of the last.
    """

    rate: Fraction
    is_constant: bool
    duration_seconds: Fraction


def nearest_standard_rate(rate: Fraction, tolerance: float) -> Fraction | None:
    """The whole or NTSC (n * 1000/1001) rate within `tolerance` (frames a second) of `rate`, or None."""
    whole = max(1, round(rate))
    choices = [Fraction(n) for n in (whole, whole + 1)] + [Fraction(n * 1000, 1001) for n in (whole, whole + 1)]
    best = min(choices, key=lambda choice: abs(choice - rate))
    return best if abs(best - rate) <= tolerance else None


def _deviation_seconds(times: np.ndarray, rate: Fraction) -> float:
    """How far the worst frame sits off the grid of `rate`, laid as well through all of them as can be."""
    offsets = times - np.arange(len(times)) / float(rate)
    return float(offsets.max() - offsets.min()) / 2


def find_timing(
    ticks: Sequence[int],
    time_base: Fraction,
    last_ticks: int,
    printed_rate: Fraction | None,
    *,
    gif: bool = False,
) -> Timing:
    """The rate of a clip whose frames are shown at `ticks` (ascending, in units of `time_base` seconds).

    last_ticks: how long the last frame is shown, 0 if unknown.  printed_rate: what the container claims,
    to two decimals.  gif: an irregular clip gets the rate of its most common delay, not the average.
    ValueError without frames.
    """
    if not ticks:
        raise ValueError("find_timing needs the time of at least one frame")
    shown = np.asarray(ticks, dtype=np.int64)
    gaps = np.diff(shown)
    lengths, counts = np.unique(gaps[gaps > 0], return_counts=True)
    if len(lengths) == 0:
        rate = printed_rate or (1 / (last_ticks * time_base) if last_ticks > 0 else Fraction(25))
        return Timing(rate, True, Fraction(len(ticks)) / rate)
    usual = int(lengths[counts.argmax()])
    is_even = len(lengths) == 1 and bool((gaps > 0).all())
    average = len(gaps) / (int(shown[-1] - shown[0]) * time_base)
    times = (shown - shown[0]) * float(time_base)
    constant = _constant_rate(times, time_base, usual, is_even, average, printed_rate)
    if constant is not None:
        return Timing(constant, True, Fraction(len(ticks)) / constant)
    duration = (int(shown[-1] - shown[0]) + (last_ticks if last_ticks > 0 else usual)) * time_base
    odd_gaps = len(gaps) - int(counts.max())
    mostly_usual = odd_gaps <= max((1 - _NOMINAL_SHARE) * len(gaps), _STRAY_GAPS if len(gaps) >= 10 else 0)
    rate = 1 / (usual * time_base) if gif or mostly_usual else len(ticks) / duration
    rate = min(max(rate.limit_denominator(1001), Fraction(1, 100)), Fraction(_HIGHEST_AVERAGE))
    return Timing(nearest_standard_rate(rate, 0.01) or rate, False, duration)


def _constant_rate(
    times: np.ndarray,
    time_base: Fraction,
    usual_gap: int,
    is_even: bool,
    average: Fraction,
    printed_rate: Fraction | None,
) -> Fraction | None:
    """The exact rate on whose grid every frame has a place of its own, or None."""
    exact = 1 / (usual_gap * time_base)
    # Fine ticks and no two different gaps: nothing to guess. Coarse ones (Matroska: 1 ms) only look regular.
    if is_even and usual_gap >= 200:
        return exact
    printed = None
    if printed_rate is not None:
        printed = nearest_standard_rate(printed_rate, 0.006) or printed_rate
    standard = nearest_standard_rate(average, float(average) * 0.01)
    candidates = [rate for rate in (printed, standard, exact, average.limit_denominator(1001)) if rate]
    for allowed_seconds in (float(time_base) * 1.001, float("inf")):
        for rate in candidates:
            if _deviation_seconds(times, rate) <= min(allowed_seconds, _LOOSE_SHARE / float(rate)):
                return rate
    return None
