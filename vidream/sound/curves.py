"""Curves: how the sound of a film goes, as numbers that a look can follow."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, field, replace

import numpy as np

__all__ = ["CURVES", "CURVE_RATE", "GRID_CURVES", "SoundCurves"]

# Values a second of the curves that are stored.
CURVE_RATE = 100
GRID_CURVES = ("loud", "bass", "mid", "treble", "onset")
# What a look can follow, by name.
CURVES = (*GRID_CURVES, "beat", "bar", "bpm")
# A flash at each beat is half as strong after this time: gone at 170 beats a minute, not nervous at 70.
HALF_LIFE_SECONDS = 0.12


def _nothing() -> np.ndarray:
    return np.zeros(0, np.float64)


@dataclass(frozen=True, eq=False)
class SoundCurves:
    """What a track of sound does over time. All times are in seconds of the film that follows it.

    Attributes:
        loud, bass, mid, treble: [N] float32, 0..1: how strong the whole, 20-150, 150-2000 and 2000-10000 Hz are.
        onset: [N] float32, 0..1: how much begins just now.
        duration_seconds: how long the track is.
        bpm: beats a minute over the whole track; 0 where no beat was found.
        beats_seconds: [B] float64, ascending: when the beats are.
        downbeats_seconds: [D] float64, ascending: those beats that a bar of four begins with.
        begins_seconds: when the track, and with it the first of the N values, begins; below 0 where the film begins
            later than its track.
    """

    loud: np.ndarray
    bass: np.ndarray
    mid: np.ndarray
    treble: np.ndarray
    onset: np.ndarray
    duration_seconds: float
    bpm: float = 0.0
    beats_seconds: np.ndarray = field(default_factory=_nothing)
    downbeats_seconds: np.ndarray = field(default_factory=_nothing)
    begins_seconds: float = 0.0

    def value(self, name: str, seconds: float) -> float:
        """The curve `name` at a time of the film.

        Args:
            name: one of `CURVES`.
            seconds: since the first picture.

        Returns:
            0..1, linear between the stored values. "beat" and "bar" are 1 at each beat or bar and halve every
            120 ms after it, exact at any time. Outside the track 0. "bpm" is the same number everywhere.

        Raises:
            ValueError: there is no such curve.
        """
        if name == "bpm":
            return self.bpm
        if name not in CURVES:
            raise ValueError(f'there is no curve "{name}"; there are: {", ".join(CURVES)}')
        since = seconds - self.begins_seconds
        if not 0.0 <= since <= self.duration_seconds:
            return 0.0
        if name == "beat":
            return _flash(self.beats_seconds, seconds)
        if name == "bar":
            return _flash(self.downbeats_seconds, seconds)
        curve = getattr(self, name)
        if len(curve) == 0:
            return 0.0
        place = min(since * CURVE_RATE, len(curve) - 1.0)
        before = int(place)
        after = min(before + 1, len(curve) - 1)
        return float(curve[before]) + (place - before) * (float(curve[after]) - float(curve[before]))

    def moved(self, start_seconds: float) -> SoundCurves:
        """The same sound for a film that begins `start_seconds` later: its time 0 is that time of this one."""
        return replace(
            self,
            beats_seconds=self.beats_seconds - start_seconds,
            downbeats_seconds=self.downbeats_seconds - start_seconds,
            begins_seconds=self.begins_seconds - start_seconds,
        )

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits, the same for the same curves."""
        total = hashlib.sha256()
        for name, each in self._stored().items():
            total.update(f"{name}{each.shape}".encode())
            total.update(np.ascontiguousarray(each).tobytes())
        return total.hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """Everything as one npz file, to be sent to another process: the same bytes for the same curves."""
        file = io.BytesIO()
        np.savez_compressed(file, **self._stored())  # type: ignore[arg-type]
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> SoundCurves:
        """What `to_bytes` made. ValueError where `data` is something else; nothing in it is ever run."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as found:
                numbers = [float(each) for each in found["numbers"]]
                arrays = {name: found[name] for name in (*GRID_CURVES, "beats_seconds", "downbeats_seconds")}
        except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile):
            raise ValueError("these bytes are no sound curves; give what SoundCurves.to_bytes() made") from None
        duration_seconds, bpm, begins_seconds = numbers
        return cls(**arrays, duration_seconds=duration_seconds, bpm=bpm, begins_seconds=begins_seconds)

    def _stored(self) -> dict[str, np.ndarray]:
        arrays = {name: np.asarray(getattr(self, name), "<f4") for name in GRID_CURVES}
        times = {name: np.asarray(getattr(self, name), "<f8") for name in ("beats_seconds", "downbeats_seconds")}
        numbers = np.array([self.duration_seconds, self.bpm, self.begins_seconds], "<f8")
        return {**arrays, **times, "numbers": numbers}


def _flash(times: np.ndarray, seconds: float) -> float:
    """1 at each of `times` (ascending, seconds), halved every 120 ms; 0 before the first."""
    last = int(np.searchsorted(times, seconds, side="right")) - 1
    return 0.0 if last < 0 else float(0.5 ** ((seconds - float(times[last])) / HALF_LIFE_SECONDS))
