"""Analysis: from a file to the curves of its sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vidream.errors import SourceError
from vidream.sound.beats import beat_seconds, downbeats_of, find_beats
from vidream.sound.curves import CURVE_RATE, SoundCurves
from vidream.sound.hearing import FINE_RATE, FLOOR, PITCH_RATE, Listened, hear, samples_of
from vidream.sound.onsets import moving_mean, onset_strength

__all__ = ["analyse", "curves_of"]

ATTACK_SECONDS, RELEASE_SECONDS = 0.01, 0.25
# Tenths of a second that are heard before a part.
LEAD_STEPS = 10
# This part of the frames that sound stays below 1.
LOUDEST_PART = 0.98
# What is softer than the loudest by this factor (60 dB) does not sound.
SOUNDS_FROM = 1e-3


def analyse(
    path: Path | str,
    *,
    stream: int | None = None,
    start_seconds: float = 0.0,
    duration_seconds: float | None = None,
) -> SoundCurves:
    """Listen to a file.

    Memory stays flat: sound is decoded and looked at in blocks of four seconds. The same file gives the same curves.

    Args:
        path: music, or a video with sound: anything that ffmpeg reads.
        stream: number of the stream in the file (`AudioInfo.index`); None for its default one.
        start_seconds: where time 0 of the curves is, counted from the file's earliest time
            (`ClipInfo.starts_seconds`), >= 0. Sound that begins later keeps its silence.
        duration_seconds: how much to hear from there, > 0; None for all.

    Returns:
        the curves; without beats where there are none.

    Raises:
        SourceError: the file cannot be read, or holds no such sound.
        ValueError: a time out of range.
    """
    if not 0 <= start_seconds < float("inf"):
        raise ValueError(f"start_seconds is {start_seconds}; allowed is a number from 0 on")
    if duration_seconds is not None and not 0 < duration_seconds < float("inf"):
        raise ValueError(f"duration_seconds is {duration_seconds}; allowed is a number above 0, or None")
    # What sounds before the part is heard too: a part that begins in the middle of a note begins with no onset.
    lead = min(LEAD_STEPS, int(start_seconds * PITCH_RATE))
    lead_seconds = lead / PITCH_RATE
    blocks = samples_of(
        Path(path),
        stream=stream,
        start_seconds=start_seconds - lead_seconds,
        duration_seconds=None if duration_seconds is None else duration_seconds + lead_seconds,
    )
    heard = hear(blocks)
    if heard.duration_seconds <= lead_seconds:
        raise SourceError(
            f"{Path(path).name}: its sound ends before {start_seconds:g} s; begin earlier, or give another file"
        )
    rows = lead * FINE_RATE // PITCH_RATE
    return curves_of(
        Listened(heard.levels[rows:], heard.flux[rows:], heard.pitches[lead:], heard.duration_seconds - lead_seconds)
    )


def curves_of(heard: Listened) -> SoundCurves:
    """The curves of what was heard."""
    strength = onset_strength(heard.flux.sum(1))
    beats = find_beats(np.stack([onset_strength(band) for band in heard.flux.T], 1), strength)
    length = beat_seconds(beats)
    # Two fine frames to one value: the mean of a triangle around it, so that no short attack is lost.
    raw = [_coarse(heard.levels[:, column]) for column in range(4)] + [_coarse(strength)]
    floors = [FLOOR] * 4 + [0.5]
    loud, bass, mid, treble, onset = (
        _followed(_gained(values, floor)) for values, floor in zip(raw, floors, strict=True)
    )
    return SoundCurves(
        loud,
        bass,
        mid,
        treble,
        onset,
        duration_seconds=heard.duration_seconds,
        bpm=60 / length if length else 0.0,
        beats_seconds=beats,
        downbeats_seconds=downbeats_of(beats, _downbeat_weights(beats, heard)) if len(beats) else beats,
    )


def _coarse(values: np.ndarray) -> np.ndarray:
    """[K] at 200 a second -> [(K+1)//2] at 100 a second, each centred at its time."""
    step = FINE_RATE // CURVE_RATE
    padded = np.pad(np.asarray(values, np.float64), 1, mode="edge")
    return (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:])[::step]


def _gained(values: np.ndarray, floor: float) -> np.ndarray:
    """0..1: the loud parts of the track at 1. What never rises above `floor` is silence, and stays 0."""
    most = float(values.max(initial=0.0))
    if most <= floor:
        return np.zeros(len(values))
    level = float(np.quantile(values[values > SOUNDS_FROM * most], LOUDEST_PART))
    return np.clip(values / max(level, floor), 0.0, 1.0)


def _followed(values: np.ndarray) -> np.ndarray:
    """An envelope that rises within 10 ms and falls within 250 ms. [N] -> [N] float32, 0..1."""
    attack, release = (1 - float(np.exp(-1 / (CURVE_RATE * each))) for each in (ATTACK_SECONDS, RELEASE_SECONDS))
    level = 0.0
    out = np.empty(len(values), np.float32)
    for place, value in enumerate(values.tolist()):
        level += (attack if value > level else release) * (value - level)
        out[place] = level
    return out


def _downbeat_weights(beats: np.ndarray, heard: Listened) -> np.ndarray:
    """[B] how much speaks for a bar to begin at each beat: a bass drum, deep notes, and most of all a new chord."""
    last = len(heard.flux) - 1
    places = np.clip(np.round(beats * FINE_RATE).astype(np.int64), 0, last)
    low = np.max([heard.flux[np.clip(places + shift, 0, last), 0] for shift in range(-6, 7)], axis=0)
    bass = moving_mean(heard.levels[:, 1], 0.1)[np.clip(places + 10, 0, last)]
    chord = _chord_changes(places, heard.pitches)
    return sum((each / (each.mean() + 1e-9) for each in (low, bass, 2 * chord)), np.zeros(len(beats)))


def _chord_changes(places: np.ndarray, pitches: np.ndarray) -> np.ndarray:
    """[B] 0..1: how unlike the notes of the beat after each place (fine frames) are to those of the beat before."""
    step = FINE_RATE // PITCH_RATE
    edges = np.clip((places + step - 1) // step, 0, len(pitches))
    edges = np.concatenate([[max(0, 2 * edges[0] - edges[1])], edges, [len(pitches)]])
    edges[-1] = min(len(pitches), 2 * edges[-2] - edges[-3])
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(pitches, 0, dtype=np.float64)])
    notes = total[edges[1:]] - total[edges[:-1]]
    notes -= notes.min(1, keepdims=True)  # what all notes have is noise
    notes /= np.maximum(1e-9, np.sqrt((notes**2).sum(1, keepdims=True)))
    return np.clip(1 - (notes[1:] * notes[:-1]).sum(1), 0.0, 1.0)
