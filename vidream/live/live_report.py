"""Rates, latencies and memory of a live session, from its first picture to its last."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from vidream.live.live_dream import LiveDream
from vidream.live.meter import peak_memory_mib
from vidream.media import Camera

__all__ = ["LiveReport", "SessionMeter"]

# Memory growth is counted from here on: by then every size of picture has occurred.
SETTLED_SECONDS = 5.0
LARGEST_LATENCY_MS = 10_000


@dataclass(frozen=True)
class LiveReport:
    """How a live session went, from its first picture to its last.

    Attributes:
        picture_fps, dream_fps: pictures and dream updates a second.
        latency_p50_ms, latency_p95_ms: from capture to picture; 50 and 95 of 100 pictures take no longer.
        dropped_frames: of the camera, never shown.
        peak_rss_mib: the most memory of the process; None where the system does not tell.
        memory_growth_mib: how much of it came after the first five seconds.
        seconds: from the first picture to the last.
        pictures, dreams: how many.
        camera_fps: frames a second of the camera.
        width, height, dreamed_width, dreamed_height: px of the picture, and of what is dreamed.
        octaves, steps: of one dream update.
        reconnects: how often the camera came back.
        decisions: changes of size, octaves and steps, with the reason of each.
    """

    picture_fps: float
    dream_fps: float
    latency_p50_ms: float
    latency_p95_ms: float
    dropped_frames: int
    peak_rss_mib: float | None
    memory_growth_mib: float | None
    seconds: float
    pictures: int
    dreams: int
    camera_fps: float
    width: int
    height: int
    dreamed_width: int
    dreamed_height: int
    octaves: int
    steps: int
    reconnects: int
    decisions: list[str]


class SessionMeter:
    """Counts the pictures of one session.

    Args:
        camera: tells its rate, its dropped frames and reconnects.
        live: tells its dreams.
    """

    def __init__(self, camera: Camera, live: LiveDream) -> None:
        self._camera, self._live = camera, live
        self.pictures = 0
        self._first_at = self._last_at = 0.0
        self._dreams_before = 0
        self._dropped_before = 0
        self._latencies_ms: Counter[int] = Counter()
        self._settled_mib: float | None = None

    @property
    def elapsed_seconds(self) -> float:
        """Since the first picture; 0 before it."""
        return time.monotonic() - self._first_at if self.pictures else 0.0

    def count(self, captured_at: float) -> None:
        """Count a picture that is shown now. captured_at: `time.monotonic` of its capture."""
        now = time.monotonic()
        dropped = self._camera.dropped_frames
        if not self.pictures:
            self._first_at = now
            self._dreams_before = self._live.figures.dreams
        else:
            # Frames that came before the first picture was asked for are not counted as dropped.
            self._live.count_dropped(dropped - self._dropped_before)
        self._dropped_before = dropped
        self.pictures += 1
        self._last_at = now
        self._latencies_ms[min(LARGEST_LATENCY_MS, round(1000 * (now - captured_at)))] += 1
        if self._settled_mib is None and now - self._first_at > SETTLED_SECONDS:
            self._settled_mib = peak_memory_mib()

    @property
    def report(self) -> LiveReport:
        """Figures of the session so far."""
        figures, seconds, peak = self._live.figures, self._last_at - self._first_at, peak_memory_mib()
        growth = peak - self._settled_mib if peak is not None and self._settled_mib is not None else None
        dreams = figures.dreams - self._dreams_before
        return LiveReport(
            # To a tenth: one picture more or less at the very end makes no larger difference.
            picture_fps=round((self.pictures - 1) / seconds, 1) if seconds > 0 else 0.0,
            dream_fps=round(dreams / seconds, 1) if seconds > 0 else 0.0,
            latency_p50_ms=_percentile(self._latencies_ms, 0.5),
            latency_p95_ms=_percentile(self._latencies_ms, 0.95),
            dropped_frames=figures.dropped_frames,
            peak_rss_mib=None if peak is None else round(peak, 1),
            memory_growth_mib=None if growth is None else round(growth, 1),
            seconds=round(seconds, 2),
            pictures=self.pictures,
            dreams=dreams,
            camera_fps=round(self._camera.rate, 3),
            width=figures.width,
            height=figures.height,
            dreamed_width=figures.dreamed_width,
            dreamed_height=figures.dreamed_height,
            octaves=figures.octaves,
            steps=figures.steps,
            reconnects=self._camera.reconnects,
            decisions=[
                f"{each.at_seconds - self._first_at:.1f} s: {each.level.side_px} px, {each.level.octaves} octaves, "
                f"{each.level.steps} steps: {each.why}"
                for each in self._live.decisions
            ],
        )


def _percentile(counts: Counter[int], share: float) -> float:
    """The value that `share` of all counted ones do not exceed."""
    left = share * counts.total() if counts else 0
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return float(value)
    return 0.0
