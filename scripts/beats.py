"""Measure tempo, beats and onsets on music that is known (tests/music.py): ours, and librosa's where it is installed.

Run from the repository: python scripts/beats.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent.parent
sys.path[:0] = [str(HERE), str(HERE / "tests")]

from music import RATE, f_measure, make_music, write_wav  # noqa: E402
from test_sound import TRACKS  # noqa: E402

from vidream.sound import analyse  # noqa: E402
from vidream.sound.hearing import hear, samples_of  # noqa: E402
from vidream.sound.onsets import onset_strength, onset_times  # noqa: E402

try:
    import librosa
except ImportError:
    librosa = None

WITHIN_SECONDS = {"beats": 0.04, "onsets": 0.02}


def hits(found: np.ndarray, known: np.ndarray, within_seconds: float) -> float:
    """The share of `known` times that have one of `found` near."""
    return float(np.mean([np.abs(found - each).min(initial=9.0) <= within_seconds for each in known]))


def ours(path: Path) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Tempo, beats, first beats of bars, onsets."""
    curves = analyse(path)
    onsets = onset_times(onset_strength(hear(samples_of(path)).flux.sum(1)), least=0.5)
    return curves.bpm, curves.beats_seconds, curves.downbeats_seconds, onsets


def theirs(path: Path) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """The same of librosa with its defaults; it knows no bars."""
    samples, rate = librosa.load(path, sr=22050)
    tempo, beats = librosa.beat.beat_track(y=samples, sr=rate, units="time")
    onsets = librosa.onset.onset_detect(y=samples, sr=rate, units="time")
    return float(np.atleast_1d(tempo)[0]), beats, np.zeros(0), onsets


def main() -> None:
    """Print a table."""
    ways = {"ours": ours, **({"librosa": theirs} if librosa else {})}
    print("track | known bpm |", " | ".join(f"{name}: bpm, beats, F, bars, onsets F, s" for name in ways))
    with tempfile.TemporaryDirectory() as folder:
        for name, (bpm, style, options) in TRACKS.items():
            music = make_music(bpm, style, **options)
            path = write_wav(Path(folder, "a.wav"), music.samples)
            cells = []
            for way in ways.values():
                begun = time.process_time()
                tempo, beats, bars, onsets = way(path)
                seconds = time.process_time() - begun
                cells.append(
                    f"{tempo:.1f} {hits(beats, music.beats, WITHIN_SECONDS['beats']):.0%} "
                    f"{f_measure(beats, music.beats, within_seconds=WITHIN_SECONDS['beats']):.2f} "
                    f"{f_measure(bars, music.downbeats, within_seconds=WITHIN_SECONDS['beats']):.2f} "
                    f"{f_measure(onsets, music.onsets, within_seconds=WITHIN_SECONDS['onsets']):.2f} {seconds:.1f}"
                )
            print(f"{name} ({len(music.samples) / RATE:.0f} s) | {music.bpm:.1f} |", " | ".join(cells), flush=True)


if __name__ == "__main__":
    main()
