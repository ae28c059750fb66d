"""The sound of the clip: wind, a soft chord and birds; at the cut a drop falls, and water laps to a new chord."""

from __future__ import annotations

import numpy as np
from paint import Array, Rng

RATE = 44_100


def coloured(rng: Rng, count: int, low_hz: float, high_hz: float) -> Array:
    """Pink noise between two frequencies, peak near 1."""
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    band = np.exp(-((low_hz / np.maximum(frequency, 1)) ** 2) - (frequency / high_hz) ** 2)
    spectrum = np.fft.rfft(rng.standard_normal(count)) * band / np.sqrt(np.maximum(frequency, 20))
    noise = np.fft.irfft(spectrum, count)
    return (noise / np.abs(noise).max()).astype(np.float32)


def swell(count: int, start_s: float, rise_s: float, stop_s: float, fall_s: float) -> Array:
    time = np.arange(count) / RATE
    rise = np.clip((time - start_s) / rise_s, 0, 1)
    fall = np.clip((stop_s - time) / fall_s, 0, 1)
    return (np.sin(rise * np.pi / 2) ** 2 * np.sin(fall * np.pi / 2) ** 2).astype(np.float32)


def chord(rng: Rng, count: int, notes_hz: tuple[float, ...]) -> Array:
    """Detuned voices with weak overtones, each at its own place between left and right; [2, count]."""
    time, sound = np.arange(count) / RATE, np.zeros((2, count))
    for note in notes_hz:
        for side in (0, 1):
            for overtone in (1, 2, 3):
                pitch = note * overtone * (1 + rng.uniform(-0.0022, 0.0022))
                tremble = 1 + 0.25 * np.sin(2 * np.pi * rng.uniform(0.2, 0.6) * time + rng.uniform(0, 6))
                phase = 2 * np.pi * pitch * time + rng.uniform(0, 6)
                sound[side] += np.sin(phase) * tremble / overtone**2.4 / len(notes_hz)
    return sound.astype(np.float32)


def put(sound: Array, voice: Array, at_s: float, pan: float) -> None:
    """Add `voice` in place at `at_s` seconds; `pan` 0 is left, 1 is right."""
    start = int(at_s * RATE)
    voice = voice[: sound.shape[1] - start]
    sound[0, start : start + voice.size] += voice * np.cos(pan * np.pi / 2)
    sound[1, start : start + voice.size] += voice * np.sin(pan * np.pi / 2)


def chirp(from_hz: float, to_hz: float, seconds: float, trill_hz: float = 0) -> Array:
    share = np.linspace(0, 1, int(seconds * RATE))
    pitch = from_hz + (to_hz - from_hz) * share**1.5 + 0.05 * from_hz * np.sin(2 * np.pi * trill_hz * seconds * share)
    return (np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.sin(np.pi * share) ** 2).astype(np.float32)


def drop(hz: float) -> Array:
    """A drop on still water: a short tone that rises as its bubble closes, and a bell an octave above."""
    time = np.arange(int(1.6 * RATE)) / RATE
    bubble = np.sin(2 * np.pi * hz * (time + 0.9 * time**2 * np.exp(-6 * time))) * np.exp(-14 * time)
    bell = np.sin(2 * np.pi * 2 * hz * time) * np.exp(-3.5 * time) * 0.35
    return ((bubble + bell) * np.clip(time / 0.004, 0, 1)).astype(np.float32)


def hall(rng: Rng, sound: Array, seconds: float = 1.8) -> Array:
    """The room: `sound` folded with fading noise, a different one for each ear."""
    count = sound.shape[1] + int(seconds * RATE)
    time = np.arange(int(seconds * RATE)) / RATE
    tail = rng.standard_normal((2, time.size)) * np.exp(-4.5 * time / seconds) * np.clip(time / 0.02, 0, 1)
    wet = np.fft.irfft(np.fft.rfft(sound, count) * np.fft.rfft(tail, count), count)[:, : sound.shape[1]]
    return (wet / np.sqrt(time.size) * 2.2).astype(np.float32)


def compose(rng: Rng, seconds: float, cut_s: float) -> Array:
    """The whole track, [2, samples], within -1..1."""
    count = int(seconds * RATE)
    gusts = 0.6 + 0.4 * np.sin(2 * np.pi * np.arange(count) / RATE / 3.1)
    dry = chord(rng, count, (146.83, 220.0, 329.63, 369.99)) * swell(count, 0, 0.9, cut_s + 0.15, 0.5) * 0.30
    dry += chord(rng, count, (98.0, 196.0, 293.66, 493.88)) * swell(count, cut_s, 0.25, seconds, 1.0) * 0.34
    for side in (0, 1):
        dry[side] += coloured(rng, count, 120, 900) * gusts * swell(count, 0, 0.6, cut_s + 0.05, 0.1) * 0.20
        lapping = np.clip(coloured(rng, count, 0.5, 5) * 2, 0, 1)
        dry[side] += coloured(rng, count, 500, 2600) * lapping * swell(count, cut_s, 0.1, seconds, 0.7) * 0.25
    for at, low, high, trill in (
        (0.7, 3100, 4200, 0),
        (0.86, 3900, 3000, 0),
        (1.02, 3100, 4300, 22),
        (2.3, 2500, 3300, 0),
        (2.45, 3300, 2600, 18),
        (4.4, 3600, 4500, 26),
        (4.57, 4400, 3500, 0),
        (5.1, 2700, 3500, 0),
    ):
        put(dry, chirp(low, high, 0.13 + 0.12 * (trill > 0), trill) * 0.06, at, float(rng.uniform(0.15, 0.85)))
    put(dry, drop(587.33) * 0.42, cut_s, 0.45)
    put(dry, drop(880.0) * 0.16, cut_s + 0.62, 0.7)
    sound = dry + 0.6 * hall(rng, dry)
    sound *= swell(count, -0.1, 0.3, seconds, 0.5)
    return (0.82 * sound / np.abs(sound).max()).astype(np.float32)
