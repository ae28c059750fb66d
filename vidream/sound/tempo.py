"""Tempo: how long a beat is, all along a track, by what repeats in its onsets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vidream.sound.hearing import FINE_RATE
from vidream.sound.onsets import smoothed

__all__ = ["SLOWEST_BPM", "beat_periods"]

SLOWEST_BPM, FASTEST_BPM = 48.0, 216.0
TEMPI = np.exp(np.arange(np.log(SLOWEST_BPM), np.log(FASTEST_BPM), 0.0075))
WINDOW_SECONDS, STEP_SECONDS = 12.0, 2.0
# People tap near two beats a second; one octave from there is still likely (Ellis 2007: 120 and one octave). A little
# faster, since what speaks against halves already favours slow beats.
USUAL_BPM, OCTAVES = 130.0, 1.1
# Bass, mid, treble: drums and chords carry the beat, hi-hats divide it.
BAND_WEIGHTS = np.array([1.0, 2.0, 0.5])
# What speaks for a period: that it repeats, and that a bar of four does. Against it: that its half repeats, since then
# the half may be the beat, and that its thirds do, since then it may be one and a half beats.
FOR_AND_AGAINST = {1.0: 2 / 3, 4.0: 1 / 3, 1 / 2: -0.3, 1 / 3: -0.1, 2 / 3: -0.1}
# What a change of tempo costs, per natural logarithm; a good beat earns about 1 in each window.
CHANGE_COST = 6.0


def beat_periods(strengths: np.ndarray) -> np.ndarray:
    """The length of a beat around each frame.

    The onsets of 12 s are compared with themselves (autocorrelation), band by band. A period scores by how well it and
    its bar repeat, less how well its parts do, times a prior (log-Gaussian, as in Ellis 2007). The path through the
    windows that scores best, with a price on change, is taken (Viterbi 1967).

    Args:
        strengths: [K,3] onset strength of bass, mid and treble at 200 a second.

    Returns:
        [K] float64: frames a beat, 55 to 250.
    """
    smooth = np.stack([smoothed(band, 0.015) for band in strengths.T])
    path = _best_path(np.stack(list(_window_scores(smooth))))
    periods = 60 * FINE_RATE / TEMPI[path]
    middles = np.arange(len(path)) * STEP_SECONDS * FINE_RATE
    return np.exp(np.interp(np.arange(len(strengths)), middles, np.log(periods)))


def _window_scores(strengths: np.ndarray) -> Iterator[np.ndarray]:
    """[3,K] -> [tempi] scores of windows that are centred each two seconds."""
    width, step = round(WINDOW_SECONDS * FINE_RATE), round(STEP_SECONDS * FINE_RATE)
    padded = np.pad(strengths, ((0, 0), (width // 2, width // 2 + step)))
    bell = np.hanning(width + 2)[1:-1]
    # Without this the longer lags would seem to repeat less, since fewer pairs overlap.
    overlap = _correlation(bell)
    prior = np.exp(-0.5 * (np.log2(TEMPI / USUAL_BPM) / OCTAVES) ** 2)
    periods = 60 * FINE_RATE / TEMPI
    lags = np.arange(len(overlap))
    for begin in range(0, strengths.shape[1], step):
        part = padded[:, begin : begin + width]
        found = _correlation((part - part.mean(1, keepdims=True)) * bell) / np.maximum(overlap, 1e-3 * overlap[0])
        found = BAND_WEIGHTS @ (found / np.maximum(found[:, :1], 1e-9)) / BAND_WEIGHTS.sum()
        repeats = [weight * np.interp(each * periods, lags, found) for each, weight in FOR_AND_AGAINST.items()]
        yield prior * np.sum(repeats, axis=0)


def _correlation(values: np.ndarray) -> np.ndarray:
    """[...,n] -> [...,n/2] products with itself at each lag."""
    count = values.shape[-1]
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.fft.rfft(values, size)
    return np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[..., : count // 2]


def _best_path(scores: np.ndarray) -> np.ndarray:
    """[windows,tempi] -> [windows] int: the tempo of each, with the most score less the price of changes."""
    logs = np.log(TEMPI)
    price = CHANGE_COST * np.abs(logs[:, None] - logs[None])
    total = scores[0]
    came = np.zeros(scores.shape, np.int64)
    for window in range(1, len(scores)):
        options = total[None] - price
        came[window] = options.argmax(1)
        total = scores[window] + options[np.arange(len(logs)), came[window]]
    path = [int(total.argmax())]
    for window in range(len(scores) - 1, 0, -1):
        path.append(int(came[window][path[-1]]))
    return np.array(path[::-1])
