"""Music whose beats are known: drums, a bass line and chords, made with numpy."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 44100

# Of each style: where in a bar of four beats the drums fall (beats from 0 on).
STYLES = {
    "house": {"kick": [0, 1, 2, 3], "snare": [1, 3], "hat": [0.5, 1.5, 2.5, 3.5], "bass": [0.5, 0.75, 1.5, 2.5, 3.5]},
    "rock": {"kick": [0, 2, 2.5], "snare": [1, 3], "hat": [i / 2 for i in range(8)], "bass": [0, 0.5, 1, 2, 2.5, 3]},
    "hiphop": {"kick": [0, 1.75, 2.5], "snare": [1, 3], "hat": [i / 2 for i in range(8)], "bass": [0, 1.75, 2.5]},
    "funk": {"kick": [0, 0.75, 2.5], "snare": [1, 3, 3.75], "hat": [i / 4 for i in range(16)], "bass": [0, 0.75, 1.5]},
    "drumnbass": {"kick": [0, 2.5], "snare": [1, 3], "hat": [i / 2 for i in range(8)], "bass": [0, 1.5, 2.5]},
    "ballad": {"kick": [0, 2], "snare": [1, 3], "hat": [0, 1, 2, 3], "bass": [0, 2, 3]},
}  # fmt: skip
CHORDS = [(0, 3, 7), (-4, 0, 3), (3, 7, 10), (-2, 2, 5)]


@dataclass(frozen=True)
class Music:
    """Samples [n] float32 at 44100 Hz, and what is known of them: times in seconds, the mean tempo."""

    samples: np.ndarray
    bpm: float
    beats: np.ndarray
    downbeats: np.ndarray
    onsets: np.ndarray


def make_music(
    bpm: float,
    style: str,
    *,
    seconds: float = 40.0,
    swing: float = 0.0,
    accelerando: float = 0.0,
    noise: float = 0.004,
    human_seconds: float = 0.0,
    lead_in_seconds: float = 0.37,
    seed: int = 0,
) -> Music:
    """A track in 4/4. swing: how much later each second eighth comes, in beats; accelerando: 0.05 ends 5 % faster."""
    random = np.random.default_rng(seed)
    bars = int(seconds * bpm / 240)
    count = 4 * bars
    pattern = STYLES[style]

    def when(beat: float) -> float:
        if not accelerando:
            return lead_in_seconds + beat * 60 / bpm
        return lead_in_seconds + 60 / bpm * count / accelerando * float(np.log1p(accelerando * beat / count))

    out = np.zeros(int((when(count) + 1.5) * RATE), np.float64)
    onsets: list[float] = []

    def place(sound: np.ndarray, beat: float, gain: float) -> None:
        late = swing if abs(beat % 1 - 0.5) < 0.01 else swing / 2 if beat % 0.5 else 0.0
        time = when(beat + late) + human_seconds * float(random.standard_normal())
        begin = round(max(0.0, time) * RATE)
        piece = sound[: max(0, len(out) - begin)]
        out[begin : begin + len(piece)] += gain * piece
        onsets.append(begin / RATE)

    kick, snare, hat = _kick(), _snare(random), _hat(random)
    chords = [_chord(chord, 240 / bpm, random) for chord in CHORDS]
    basses: dict[int, np.ndarray] = {}
    for bar in range(bars):
        chord = CHORDS[bar % 4]
        place(chords[bar % 4], 4 * bar, 0.16)
        for beat in pattern["bass"]:
            note = chord[0] + (12 if beat % 1 == 0.75 else 0)
            if note not in basses:
                basses[note] = _bass(55 * 2 ** (note / 12), 40 / bpm)
            place(basses[note], 4 * bar + beat, 0.3)
        for drum, sound, gain in (("kick", kick, 0.8), ("snare", snare, 0.5), ("hat", hat, 0.14)):
            for beat in pattern[drum]:
                place(sound, 4 * bar + beat, gain * random.uniform(0.8, 1.0))
    out += noise * random.standard_normal(len(out))
    beats = np.array([when(beat) for beat in range(count)])
    samples = (0.8 * out / np.abs(out).max()).astype(np.float32)
    mean_bpm = 60 * (count - 1) / (beats[-1] - beats[0])
    return Music(samples, float(mean_bpm), beats, beats[::4], np.unique(np.round(onsets, 4)))


def write_wav(path: Path, samples: np.ndarray, *, rate: int = RATE) -> Path:
    """[n] or [n,channels] float samples as 16 bit wav."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def f_measure(found: np.ndarray, known: np.ndarray, *, within_seconds: float) -> float:
    """Twice the hits over all that were found and all that are known: misses and extras count alike."""
    hits, place = 0, 0
    for time in known:
        while place < len(found) and found[place] < time - within_seconds:
            place += 1
        if place < len(found) and found[place] <= time + within_seconds:
            hits, place = hits + 1, place + 1
    return 2 * hits / max(1, len(found) + len(known))


def _decay(seconds: float, half_life: float) -> tuple[np.ndarray, np.ndarray]:
    time = np.arange(int(seconds * RATE)) / RATE
    return time, 0.5 ** (time / half_life) * np.minimum(1, (time[-1] - time) / 0.01)


def _kick() -> np.ndarray:
    time, fall = _decay(0.3, 0.06)
    return np.sin(2 * np.pi * (50 * time + 6 * (1 - np.exp(-time / 0.03)))) * fall


def _snare(random: np.random.Generator) -> np.ndarray:
    time, fall = _decay(0.25, 0.04)
    return (0.7 * random.standard_normal(len(time)) + np.sin(2 * np.pi * 190 * time)) * fall * 0.6


def _hat(random: np.random.Generator) -> np.ndarray:
    _, fall = _decay(0.08, 0.012)
    hiss = random.standard_normal(len(fall))
    return (hiss - 0.9 * np.roll(hiss, 1)) * fall


def _bass(hertz: float, seconds: float) -> np.ndarray:
    time, fall = _decay(seconds, 0.25)
    return sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 6)) * fall * np.minimum(1, time / 0.004)


def _chord(notes: tuple[int, ...], seconds: float, random: np.random.Generator) -> np.ndarray:
    time, fall = _decay(seconds * 1.3, seconds * 0.5)
    tone = np.zeros(len(time))
    for note in notes:
        for detune in (-0.12, 0.1):
            hertz = 220 * 2 ** ((note + detune) / 12)
            tone += sum(np.sin(2 * np.pi * (hertz * k * time + random.random())) / k**1.5 for k in range(1, 6))
    return tone * fall * np.minimum(1, time / 0.01)
