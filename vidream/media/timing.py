"""When the frames of a source are shown: the one place that decides rate, frame times, length and zero.

All times of a file are on its own clock: the timestamps that are stored in it, in seconds. Picture and sound of one
file share that clock in every container, whatever it begins with.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

__all__ = ["Timing", "find_timing", "nearest_standard_rate"]

# A frame may lie this share of a frame off its place on the grid and still have the place for itself.
_LOOSE_SHARE = 0.45
_FEWEST_JITTERED = 10
# A clip whose frames nearly all keep one distance has that rate; the few holes are filled by repeating.
_NOMINAL_SHARE = 0.95
# ... and in a short one a stray gap or two, as AVI writers leave after the first frame, is no other rate.
_STRAY_GAPS = 2
_HIGHEST_AVERAGE = 240
# A common grid is taken where it is no finer than this, and has at most so many places for each frame.
_HIGHEST_COMMON, _MOST_FREE = 120, 1.6


@dataclass(frozen=True)
class Timing:
    """When the frames of a source are shown.

    Attributes:
        rate: frames a second, exact.
        is_constant: every frame has its own place on the grid of `rate`.
        duration_seconds: from the first frame to the end of the last.
        grid_start_seconds: where on the file's clock the grid of `rate` begins, laid as well through all frames as
            can be; the first frame is within half a frame of it.
        ticks: the time of every frame that was looked at, ascending, in units of `time_base` seconds.
        time_base: seconds a tick.
        deviation_seconds: how far the worst frame lies off the grid of `rate`.
        frame_count: frames in the source; exact where `is_whole`, else from the container's header.
        is_whole: every frame was looked at.
    """

    rate: Fraction
    is_constant: bool
    duration_seconds: Fraction
    grid_start_seconds: Fraction = Fraction(0)
    ticks: Sequence[int] = field(default_factory=lambda: array("q"), repr=False)
    time_base: Fraction = Fraction(1)
    deviation_seconds: float = 0.0
    frame_count: int = 0
    is_whole: bool = True

    @property
    def first_seconds(self) -> Fraction:
        """When the first frame is shown, on the file's clock."""
        return self.ticks[0] * self.time_base

    def frame_seconds(self, index: int) -> Fraction:
        """When frame `index` is shown, on the file's clock; from the rate where it was not looked at."""
        if index < len(self.ticks):
            return self.ticks[index] * self.time_base
        return self.ticks[-1] * self.time_base + (index - len(self.ticks) + 1) / self.rate

    def frame_at(self, seconds: Fraction) -> int:
        """The number of the frame on show at `seconds` of the file's clock, counted from 0."""
        last = self.ticks[-1] * self.time_base
        if seconds > last:
            beyond = 0 if self.is_whole else int((seconds - last) * self.rate)
            return len(self.ticks) - 1 + beyond
        # One microsecond of grace: times that were asked for are rounded.
        tick = float(seconds / self.time_base) + 1e-6 / float(self.time_base)
        return max(0, int(np.searchsorted(np.asarray(self.ticks), tick, side="right")) - 1)


def nearest_standard_rate(rate: Fraction, tolerance: float) -> Fraction | None:
    """The integer or NTSC (n * 1000/1001) rate within `tolerance` (frames a second) of `rate`, or None."""
    near = max(1, round(rate))
    choices = [Fraction(n) for n in (near, near + 1)] + [Fraction(n * 1000, 1001) for n in (near, near + 1)]
    best = min(choices, key=lambda choice: abs(choice - rate))
    return best if abs(best - rate) <= tolerance else None


def find_timing(
    ticks: Sequence[int],
    time_base: Fraction,
    last_ticks: int,
    container_rate: Fraction | None,
    *,
    prefers_usual: bool = False,
    frame_count: int | None = None,
) -> Timing:
    """The timing of a source whose frames are shown at `ticks`.

    Args:
        ticks: ascending, in units of `time_base` seconds.
        time_base: seconds a tick.
        last_ticks: how long the last frame is shown, 0 where that is not known.
        container_rate: the average rate that the container claims, None without one.
        prefers_usual: an irregular source gets the rate of its most common delay, not the average.
        frame_count: of the whole source, where `ticks` are only those of its beginning.

    Raises:
        ValueError: there is no frame.
    """
    if not ticks:
        raise ValueError("find_timing needs the time of at least one frame")
    shown = np.asarray(ticks, dtype=np.int64)
    gaps = np.diff(shown)
    lengths, counts = np.unique(gaps[gaps > 0], return_counts=True)
    count = frame_count or len(ticks)
    whole = frame_count is None

    def timing(rate: Fraction, constant: bool, duration: Fraction) -> Timing:
        if not constant:
            return Timing(rate, False, duration, shown[0] * time_base, ticks, time_base, 0.0, count, whole)
        middle, deviation = _laid_grid((shown - shown[0]) * float(time_base), rate)
        start = int(shown[0]) * time_base + Fraction(middle).limit_denominator(10_000_000)
        return Timing(rate, True, duration, start, ticks, time_base, deviation, count, whole)

    if len(lengths) == 0:
        # One frame: how long it is shown says more than a rate that nothing was measured by.
        rate = 1 / (last_ticks * time_base) if last_ticks > 0 else container_rate or Fraction(25)
        rate = nearest_standard_rate(rate, 0.01) or rate.limit_denominator(1001)
        return timing(rate, True, Fraction(count) / rate)
    usual = int(lengths[counts.argmax()])
    is_even = len(lengths) == 1 and bool((gaps > 0).all())
    average = len(gaps) / (int(shown[-1] - shown[0]) * time_base)
    times = (shown - shown[0]) * float(time_base)
    common = _common_rate(gaps, time_base)
    constant = _constant_rate(times, time_base, usual, is_even, average, container_rate, is_strict=common is not None)
    if constant is not None:
        return timing(constant, True, Fraction(count) / constant)
    duration = (int(shown[-1] - shown[0]) + (last_ticks if last_ticks > 0 else usual)) * time_base
    odd_gaps = len(gaps) - int(counts.max())
    mostly_usual = odd_gaps <= max((1 - _NOMINAL_SHARE) * len(gaps), _STRAY_GAPS if len(gaps) >= 10 else 0)
    if common is not None:
        rate = common
    else:
        rate = 1 / (usual * time_base) if prefers_usual or mostly_usual else len(ticks) / duration
    rate = min(max(rate.limit_denominator(1001), Fraction(1, 100)), Fraction(_HIGHEST_AVERAGE))
    rate = nearest_standard_rate(rate, 0.01) or rate
    if not whole:
        duration = duration * count / len(ticks)
    return timing(rate, False, duration)


def _laid_grid(times: np.ndarray, rate: Fraction) -> tuple[float, float]:
    """The grid of `rate`, laid so that the frame farthest off is as near as can be.

    Returns:
        when it begins, in seconds as `times` are, and how far off that frame is.
    """
    offsets = times - np.arange(len(times)) / float(rate)
    low, high = float(offsets.min()), float(offsets.max())
    return (high + low) / 2, (high - low) / 2


def _common_rate(gaps: np.ndarray, time_base: Fraction) -> Fraction | None:
    """A rate on whose grid every frame of an irregular source lies, some places left free; None where there is none.

    A recorder that leaves frames out, or a screen that is recorded when it changes, keeps to such a grid.
    """
    least = int(gaps[gaps > 0].min())
    multiples = np.rint(gaps / least)
    if multiples.max() == 1 or len(gaps) * _MOST_FREE < multiples.sum() or bool((gaps <= 0).any()):
        return None
    # The grid's step, from all gaps together: finer than one tick.
    step = float(gaps.sum()) / float(multiples.sum())
    at = np.concatenate([[0], np.cumsum(multiples)]) * step - np.concatenate([[0], np.cumsum(gaps)])
    if float(np.abs(at).max()) > max(1.01, 0.05 * step):
        return None
    rate = 1 / (Fraction(step).limit_denominator(100_000) * time_base)
    if rate > _HIGHEST_COMMON:
        return None
    return nearest_standard_rate(rate, float(rate) * 0.002) or rate.limit_denominator(1001)


def _constant_rate(
    times: np.ndarray,
    time_base: Fraction,
    usual_gap: int,
    is_even: bool,
    average: Fraction,
    container_rate: Fraction | None,
    *,
    is_strict: bool,
) -> Fraction | None:
    """The exact rate on whose grid every frame has a place of its own, or None.

    is_strict: only where frames lie on it to a tick; else they may lie nearly half a place off.
    """
    exact = 1 / (usual_gap * time_base)
    # Fine ticks and no two different gaps: nothing to guess. Coarse ones (Matroska: 1 ms) only look regular.
    if is_even and usual_gap >= 200:
        return exact
    claimed = None
    if container_rate is not None:
        claimed = nearest_standard_rate(container_rate, 0.006) or container_rate
    standard = nearest_standard_rate(average, float(average) * 0.01)
    candidates = [rate for rate in (claimed, standard, exact, average.limit_denominator(1001)) if rate]
    gaps = np.diff(times)
    # In a few frames, uneven gaps are no jitter.
    is_strict = is_strict or (len(times) < _FEWEST_JITTERED and float(gaps.max()) > 1.5 * float(gaps.min()))
    for allowed_seconds in (float(time_base) * 1.001,) if is_strict else (float(time_base) * 1.001, float("inf")):
        for rate in candidates:
            if _laid_grid(times, rate)[1] <= min(allowed_seconds, _LOOSE_SHARE / float(rate)):
                return rate
    return None
