"""A track for dreams that hear: a soft chord, then drums, bass and bells over it, 120 beats a minute.

Run from the repository: python samples/music.py OUT.wav [--bars 8] [--bpm 120]

Bars come in fours: chord and hats; drums; drums and bass; drums, bass and bells. Nothing in it was recorded.
"""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

import numpy as np
from paint import Array, Rng
from sound import RATE, chord, coloured, hall, put

CHORDS_HZ = (
    (146.83, 220.0, 293.66, 349.23), (130.81, 196.0, 261.63, 329.63),
    (116.54, 174.61, 233.08, 293.66), (110.0, 164.81, 220.0, 277.18),
)  # fmt: skip
ROOTS_HZ = (73.42, 65.41, 58.27, 55.0)
BELLS_HZ = (587.33, 698.46, 880.0, 1174.66)


def kick(rng: Rng) -> Array:
    """A drum whose pitch falls."""
    time = np.arange(int(0.32 * RATE)) / RATE
    body = np.sin(2 * np.pi * (48 * time + 7 * (1 - np.exp(-time / 0.025)))) * np.exp(-time / 0.09)
    return (body + 0.15 * rng.standard_normal(time.size) * np.exp(-time / 0.004)).astype(np.float32)


def snare(rng: Rng) -> Array:
    """Noise and a tone."""
    time = np.arange(int(0.28 * RATE)) / RATE
    body = coloured(rng, time.size, 900, 7000) * 1.6 + 0.5 * np.sin(2 * np.pi * 186 * time)
    return (body * np.exp(-time / 0.055)).astype(np.float32)


def hat(rng: Rng) -> Array:
    """A short hiss."""
    time = np.arange(int(0.09 * RATE)) / RATE
    return (np.diff(rng.standard_normal(time.size + 1)) * np.exp(-time / 0.018)).astype(np.float32)


def bass(hertz: float, seconds: float) -> Array:
    """A plucked string of few overtones."""
    time = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * hertz * number * time) / number**1.3 for number in (1, 2, 3, 4))
    return (tone * np.exp(-time / 0.3) * np.clip(time / 0.004, 0, 1)).astype(np.float32)


def bell(hertz: float) -> Array:
    """A struck bar, bright."""
    time = np.arange(int(1.2 * RATE)) / RATE
    parts = ((1, 1.0, 0.5), (2.76, 0.6, 0.25), (5.4, 0.35, 0.12))
    tone = sum(share * np.sin(2 * np.pi * hertz * pitch * time) * np.exp(-time / fall) for pitch, share, fall in parts)
    return (tone * np.clip(time / 0.002, 0, 1)).astype(np.float32)


def compose(rng: Rng, bars: int, bpm: float) -> Array:
    """The whole track, [2, samples], within -1..1; a beat falls on time 0."""
    beat = 60 / bpm
    count = int(bars * 4 * beat * RATE)
    dry = np.zeros((2, count), np.float32)
    for bar in range(bars):
        part, start = bar % 4, bar * 4 * beat
        length = int(4.4 * beat * RATE)
        fade = np.clip(np.arange(length) / (0.2 * RATE), 0, 1) * np.clip(
            (length - np.arange(length)) / (0.3 * RATE), 0, 1
        )
        voice = chord(rng, length, CHORDS_HZ[part]) * fade * 0.30
        begin = int(start * RATE)
        held = voice[:, : count - begin]
        dry[:, begin : begin + held.shape[1]] += held
        for eighth in range(8):
            put(dry, hat(rng) * (0.07 if eighth % 2 else 0.04), start + eighth * beat / 2, 0.62)
        for number in range(4 if part else 0):
            put(dry, kick(rng) * 0.8, start + number * beat, 0.5)
        for number in (1, 3) if part else ():
            put(dry, snare(rng) * 0.4, start + number * beat, 0.45)
        for at in (0, 1.5, 2, 2.75, 3.5) if part > 1 else ():
            put(dry, bass(ROOTS_HZ[part], 1.2 * beat) * 0.42, start + at * beat, 0.5)
        for number, at in enumerate((0.5, 1.25, 2.5, 3.25) if part > 2 else ()):
            put(dry, bell(BELLS_HZ[number]) * 0.22, start + at * beat, 0.25 + 0.17 * number)
    sound = dry + 0.25 * hall(rng, dry, 1.2)
    return (0.85 * sound / np.abs(sound).max()).astype(np.float32)


def main() -> None:
    """Write the track as 16 bit wav."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--bars", type=int, default=8)
    parser.add_argument("--bpm", type=float, default=120.0)
    options = parser.parse_args()
    samples = compose(np.random.default_rng(7), options.bars, options.bpm)
    with wave.open(str(options.target), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples.T * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
