"""Keyframes: a number that changes over the film, such as "0:0.2, 2s:1.0, 5s:0.3"."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """A number over time: linear between keyframes, constant before the first and after the last.

    Attributes:
        keys: (seconds, value), one or more, in the order of time.

    Raises:
        ValueError: no keyframes, times out of order or below 0, or numbers that are not finite.
    """

    keys: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        times = [time for time, _ in self.keys]
        numbers = [number for key in self.keys for number in key]
        if not times or times != sorted(set(times)) or times[0] < 0 or not all(map(math.isfinite, numbers)):
            raise ValueError("keyframes need times from 0 on, in order")

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read "0:0.2, 2s:1.0"; times in seconds, the s may be left out. Raises ValueError."""
        pairs = [part.split(":") for part in text.split(",")]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"not keyframes: {text}")
        return cls(tuple((float(time.strip().removesuffix("s")), float(value)) for time, value in pairs))

    def at(self, seconds: float) -> float:
        """The value at a time."""
        after = bisect_right([time for time, _ in self.keys], seconds)
        if after in (0, len(self.keys)):
            return self.keys[max(after - 1, 0)][1]
        (t0, v0), (t1, v1) = self.keys[after - 1 : after + 1]
        return v0 + (v1 - v0) * (seconds - t0) / (t1 - t0)

    def __str__(self) -> str:
        return ", ".join(f"{time:g}s:{value:g}" for time, value in self.keys)
