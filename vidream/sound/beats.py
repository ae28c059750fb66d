"""Beats: where a foot would tap, and which of the taps a bar begins with."""

from __future__ import annotations

import numpy as np

from vidream.errors import SourceError
from vidream.sound.curves import SoundCurves
from vidream.sound.hearing import FINE_RATE
from vidream.sound.onsets import peak_near, smoothed
from vidream.sound.tempo import BAND_WEIGHTS, beat_periods

__all__ = ["bars_seconds", "beat_seconds", "downbeats_of", "find_beats"]

# What it costs to leave the tempo, times the squared logarithm of how far (Ellis 2007, with 100: syncopated music then
# drew beats off the tempo).
TIGHTNESS = 400.0
# A beat may come from half a period to almost two after the one before.
SHORTEST, LONGEST = 0.55, 1.8
REFINE_SECONDS = 0.03
# Fewer are no beat.
FEWEST_BEATS = 4
BEATS_PER_BAR = 4
# Price of a bar that has not four beats; a clear downbeat earns about 1.
SLIP_COST = 8.0


def find_beats(strengths: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Beats by dynamic programming (Ellis 2007, "Beat tracking by dynamic programming", JNMR 36).

    The chain of times is found that has the most onset strength, with intervals near the tempo around them. Each beat
    is then moved to the onset within 30 ms.

    Args:
        strengths: [K,3] onset strength of bass, mid and treble at 200 a second.
        whole: [K] that of all together, which beats are placed by.

    Returns:
        [B] float64: times in seconds, ascending; none where there is no beat.
    """
    strength = strengths @ BAND_WEIGHTS / BAND_WEIGHTS.sum()
    if len(strength) < 2 * FINE_RATE or np.count_nonzero(strength > 1.0) < FEWEST_BEATS:
        return np.zeros(0)
    periods = beat_periods(strengths)
    smooth = smoothed(strength, 0.015)
    smooth = smooth / max(1e-9, float(np.sqrt(np.mean(smooth**2))))
    places = _trimmed(_chain(smooth, periods), smooth)
    if len(places) < FEWEST_BEATS:
        return np.zeros(0)
    return _refined(places, whole)


def _chain(strength: np.ndarray, periods: np.ndarray) -> list[int]:
    """Frames of the best chain of beats. Frames of a block share their lags, so that numpy does the work."""
    pad = int(LONGEST * periods.max()) + 1
    block = max(1, int(SHORTEST * periods.min()))
    total = np.zeros(pad + len(strength))
    came = np.zeros(len(strength), np.int32)
    for begin in range(0, len(strength), block):
        end = min(len(strength), begin + block)
        period = periods[begin]
        lags = np.arange(max(block, int(SHORTEST * period)), int(LONGEST * period) + 1)
        price = TIGHTNESS * np.log(lags / period) ** 2
        options = total[np.arange(begin, end)[:, None] + pad - lags] - price
        best = options.argmax(1)
        total[pad + begin : pad + end] = strength[begin:end] + options[np.arange(end - begin), best]
        came[begin:end] = lags[best]
    total = total[pad:]
    tail = int(periods[-1])
    place = len(total) - tail + int(total[-tail:].argmax()) if len(total) > tail else int(total.argmax())
    chain = []
    while place >= 0:
        chain.append(place)
        place -= int(came[place])
    return chain[::-1]


def _trimmed(places: list[int], strength: np.ndarray) -> np.ndarray:
    """Without those before the music begins and after it ends, where the chain ran on in silence."""
    reach = round(0.03 * FINE_RATE)
    at = np.array([strength[max(0, place - reach) : place + reach + 1].max(initial=0.0) for place in places])
    heard = np.flatnonzero(at > 0.3 * np.sqrt(np.mean(at**2))) if len(at) else np.zeros(0, np.int64)
    return np.array(places)[heard[0] : heard[-1] + 1] if len(heard) else np.zeros(0, np.int64)


def _refined(places: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Each beat at the onset next to it; one without an onset stays."""
    reach = round(REFINE_SECONDS * FINE_RATE)
    times = []
    for place in places:
        highest = strength[max(0, place - reach) : place + reach + 1].max()
        times.append(peak_near(strength, int(place), reach) if highest > 0.5 else peak_near(strength, int(place), 0))
    return np.maximum.accumulate(np.array(times))


def beat_seconds(times: np.ndarray) -> float:
    """The length of a beat, in seconds, by a straight line through all of them; 0 where there are none.

    Args:
        times: [B] ascending, in seconds. Beats that were not found are counted by the gap that they leave.
    """
    if len(times) < FEWEST_BEATS:
        return 0.0
    gaps = np.diff(times)
    steps = np.maximum(1, np.round(gaps / np.median(gaps)))
    numbers = np.concatenate([[0.0], np.cumsum(steps)])
    numbers -= numbers.mean()
    return float(numbers @ (times - times.mean()) / (numbers @ numbers))


def downbeats_of(times: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Which beats a bar of four begins with.

    Args:
        times: [B] beats in seconds.
        weights: [B] how much speaks for each: bass that begins there, for example. Any scale.

    Returns:
        [D] those of `times`. The count of four may slip once in a while, where much speaks for it.
    """
    if len(times) < BEATS_PER_BAR:
        return times[:1]
    scale = float(weights.std()) or 1.0
    clear = (weights - weights.mean()) / scale
    total = np.zeros(BEATS_PER_BAR)
    came = []
    for place, weight in enumerate(clear):
        # State s: this beat is number s of its bar. It comes from s - 1, or, for a price, from any.
        steady = np.roll(total, 1)
        slipped = total.max() - SLIP_COST
        source = np.where(steady >= slipped, np.roll(np.arange(BEATS_PER_BAR), 1), int(total.argmax()))
        total = np.maximum(steady, slipped) if place else total
        total = total + np.array([weight, 0.0, 0.0, 0.0])
        came.append(source)
    state = int(total.argmax())
    numbers = []
    for source in reversed(came):
        numbers.append(state)
        state = int(source[state])
    return times[np.array(numbers[::-1]) == 0]


def bars_seconds(curves: SoundCurves, bars: float) -> float:
    """How long so many bars of four beats are at the track's tempo: for loops that end where the music does.

    Args:
        curves: of the track.
        bars: how many, above 0.

    Returns:
        seconds, by a straight line through all beats of the track.

    Raises:
        SourceError: no beat was found in the track.
        ValueError: `bars` is not above 0.
    """
    if not bars > 0:
        raise ValueError(f"bars are {bars}; allowed is a number above 0")
    length = beat_seconds(curves.beats_seconds)
    if not length:
        raise SourceError("no beat was found in the sound; give the length in seconds instead of bars")
    return BEATS_PER_BAR * bars * length
