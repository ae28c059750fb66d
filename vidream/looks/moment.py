"""Moment: a place in a film, and what is heard there: all that an expression may know."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

__all__ = ["SOUND_NAMES", "Heard", "Moment", "moment_of"]

# All run from 0 to 1 but bpm, which is in beats a minute.
SOUND_NAMES = ("loud", "bass", "mid", "treble", "onset", "beat", "bar", "bpm")


class Heard(Protocol):
    """A sound that has been listened to. The same question always has the same answer."""

    def value(self, name: str, seconds: float) -> float:
        """What is heard at a time.

        Args:
            name: one of `SOUND_NAMES`.
            seconds: time in the film, from 0 on.

        Returns:
            0..1; for "bpm", beats a minute.
        """
        ...


@dataclass(frozen=True)
class Moment:
    """A place in a film.

    Args:
        seconds: time in the film.
        rate: frames a second.
        sound: what is heard in the film; without one every sound variable is 0.

    Raises:
        ValueError: a time that is not finite, or a rate that is not above 0.
    """

    seconds: float
    rate: float = 25.0
    sound: Heard | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.seconds) or not 0 < self.rate < math.inf:
            raise ValueError(f"no moment: {self.seconds} s at {self.rate} frames/s; give a time and a rate above 0")

    @property
    def frame(self) -> int:
        """Number of the frame that is nearest, counted from 0."""
        return round(self.seconds * self.rate)

    def at(self, seconds: float) -> Moment:
        """Another moment of the same film."""
        return replace(self, seconds=seconds)

    def heard(self, name: str) -> float:
        """What is heard now, by one of `SOUND_NAMES`; 0 without a sound."""
        return 0.0 if self.sound is None else float(self.sound.value(name, self.seconds))


def moment_of(seconds: float | Moment) -> Moment:
    """A moment as it is; a time as the moment of a silent film of 25 frames a second."""
    return seconds if isinstance(seconds, Moment) else Moment(float(seconds))
