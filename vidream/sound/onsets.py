"""Onsets: when something begins to sound."""

from __future__ import annotations

import numpy as np

from vidream.sound.hearing import FINE_RATE

__all__ = ["moving_mean", "onset_strength", "onset_times", "peak_near", "smoothed"]

# The flux is this much ahead of what is heard: the window feels an attack before its centre is there. Measured with
# drums, bass and chords whose times are known (tests/test_sound.py).
LEAD_SECONDS = 0.0065


def moving_mean(values: np.ndarray, seconds: float) -> np.ndarray:
    """[K] -> [K] means over `seconds` around each value; at the ends over what there is."""
    half = max(1, round(seconds * FINE_RATE / 2))
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    place = np.arange(len(values))
    begin, end = np.maximum(0, place - half), np.minimum(len(values), place + half + 1)
    return (total[end] - total[begin]) / (end - begin)


def smoothed(values: np.ndarray, seconds: float) -> np.ndarray:
    """[K] -> [K] float64 under a bell with a standard deviation of `seconds`."""
    reach = max(1, round(3 * seconds * FINE_RATE))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (seconds * FINE_RATE)) ** 2)
    padded = np.pad(np.asarray(values, np.float64), reach)
    return np.convolve(padded, bell / bell.sum(), mode="valid")


def onset_strength(flux: np.ndarray) -> np.ndarray:
    """Flux against what is usual around it (Dixon 2006, "Onset detection revisited").

    Args:
        flux: [K] >= 0 at 200 a second.

    Returns:
        [K] float32 >= 0, with a root mean square of about 1 over any ten seconds that are not much softer than the
        whole; all 0 where nothing begins.
    """
    above = np.maximum(0.0, flux - moving_mean(flux, 0.5))
    whole = float(np.sqrt(np.mean(above**2))) if len(above) else 0.0
    if whole <= 0.0:
        return np.zeros(len(flux), np.float32)
    around = np.sqrt(np.maximum(0.0, moving_mean(above**2, 10.0)))
    return (above / np.maximum(around, 0.25 * whole)).astype(np.float32)


def onset_times(strength: np.ndarray, *, least: float = 1.0) -> np.ndarray:
    """The times, in seconds and ascending, of peaks of [K] strength that rise above `least` and all within 30 ms."""
    reach = round(0.03 * FINE_RATE)
    padded = np.pad(strength, reach)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(1)
    places = np.flatnonzero((strength >= highest) & (strength > least))
    return np.array([peak_near(strength, int(place), 0) for place in places], np.float64)


def peak_near(strength: np.ndarray, place: int, reach: int) -> float:
    """The time in seconds of the highest of [K] strength within `reach` of `place`, between frames by a parabola."""
    begin = max(0, place - reach)
    top = begin + int(np.argmax(strength[begin : place + reach + 1]))
    if 0 < top < len(strength) - 1:
        left, middle, right = strength[top - 1 : top + 2]
        bend = left - 2 * middle + right
        shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
        return (top + min(0.5, max(-0.5, shift))) / FINE_RATE + LEAD_SECONDS
    return top / FINE_RATE + LEAD_SECONDS
