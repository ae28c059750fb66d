"""Rates, latency and dropped frames of a live dream."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import dataclass

__all__ = ["LiveFigures", "Meter", "peak_memory_mib"]

# Figures are of the last so many pictures and updates: three seconds at a camera's rate.
WINDOW = 90
RECENT_SECONDS = 2.0
FEWEST_LATENCIES = 20


@dataclass(frozen=True)
class LiveFigures:
    """Figures of a live dream.

    Attributes:
        picture_fps, dream_fps: pictures and dream updates a second, of late.
        latency_p95_ms: from capture to picture; 95 of 100 pictures take no longer.
        dropped_frames: came and were never shown.
        pictures, dreams: in all.
        width, height: of the picture, px.
        dreamed_width, dreamed_height: of what is dreamed, px.
        octaves, steps: of one update.
    """

    picture_fps: float = 0.0
    dream_fps: float = 0.0
    latency_p95_ms: float = 0.0
    dropped_frames: int = 0
    pictures: int = 0
    dreams: int = 0
    width: int = 0
    height: int = 0
    dreamed_width: int = 0
    dreamed_height: int = 0
    octaves: int = 0
    steps: int = 0


class Meter:
    """Counts and times; bounded, and safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pictures_at: deque[float] = deque(maxlen=WINDOW)
        self._dreams_at: deque[float] = deque(maxlen=WINDOW)
        self._latencies: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._drops_at: deque[float] = deque(maxlen=WINDOW)
        self.pictures = 0
        self.dreams = 0
        self.dropped_frames = 0

    def picture(self, captured_at: float | None) -> None:
        """Count a picture that is made now. captured_at: `time.monotonic` of its frame; None where it is not known."""
        now = time.monotonic()
        with self._lock:
            self.pictures += 1
            self._pictures_at.append(now)
            if captured_at is not None:
                self._latencies.append((now, now - captured_at))

    def presented(self, captured_at: float) -> None:
        """Note that the last picture is on the screen now: its latency counts up to here."""
        now = time.monotonic()
        with self._lock:
            if self._latencies:
                self._latencies[-1] = (now, now - captured_at)

    def dream(self, now_seconds: float) -> None:
        """Count a dream that is finished."""
        with self._lock:
            self.dreams += 1
            self._dreams_at.append(now_seconds)

    def drop(self, frames: int) -> None:
        """Count frames that were dropped."""
        with self._lock:
            self.dropped_frames += frames
            self._drops_at.extend([time.monotonic()] * min(frames, WINDOW))

    def dropped_share(self, *, since_seconds: float = float("-inf")) -> float:
        """Share of the frames that were dropped, 0..1, in the last two seconds and after `since_seconds`."""
        with self._lock:
            since = max(since_seconds, time.monotonic() - RECENT_SECONDS)
            dropped, shown = (sum(at > since for at in times) for times in (self._drops_at, self._pictures_at))
        return dropped / max(1, dropped + shown)

    def latency_p95_seconds(self, *, since_seconds: float = float("-inf")) -> float | None:
        """95th percentile of the latency of pictures shown after `since_seconds`; None where they are too few."""
        with self._lock:
            latencies = sorted(latency for at, latency in self._latencies if at > since_seconds)
        return latencies[int(0.95 * (len(latencies) - 1))] if len(latencies) > FEWEST_LATENCIES else None

    @property
    def picture_fps(self) -> float:
        with self._lock:
            return _rate(self._pictures_at)

    @property
    def dream_fps(self) -> float:
        with self._lock:
            return _rate(self._dreams_at)


def _rate(times: deque[float]) -> float:
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0


def peak_memory_mib() -> float | None:
    """The most memory this process has had so far, MiB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB elsewhere.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
