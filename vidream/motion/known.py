"""A motion that is known, not estimated: zoom, rotation, pan and a drifting centre, exact in time."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace

from vidream.errors import PresetError
from vidream.looks.schedule import Schedule

__all__ = ["Motion", "Similarity"]

# The motion is constant between knots of a clock of its own, so that films of 24 and of 60 frames a second pass through
# exactly the same places.
KNOTS_A_SECOND = 120
# Two periods without a short common multiple: the path of the centre does not look like a circle.
DRIFT_SECONDS = (9.0, 14.5)


@dataclass(frozen=True)
class Similarity:
    """A rotation with scale and a translation of the plane: u -> turn * u + shift, in complex numbers.

    u = x + iy is counted from the middle of the frame, in units of its shorter side, y downwards.

    Attributes:
        turn: rotation (its phase) and scale (its absolute value).
        shift: translation.
    """

    turn: complex = 1.0
    shift: complex = 0.0

    def __call__(self, u: complex) -> complex:
        return self.turn * u + self.shift

    def after(self, first: Similarity) -> Similarity:
        """The composition: `first`, then this one."""
        return Similarity(self.turn * first.turn, self.turn * first.shift + self.shift)

    def inverse(self) -> Similarity:
        """The similarity that undoes this one."""
        return Similarity(1 / self.turn, -self.shift / self.turn)


@dataclass(frozen=True)
class Motion:
    """How a zoom moves. Numbers may be schedules over the film's time.

    Args:
        scale: times larger each second, 0.02..50; below 1 the zoom goes outwards.
        rotate: degrees a second, clockwise, -3600..3600.
        pan_x, pan_y: frame widths and heights a second that the view moves right and down, -10..10.
        centre_x, centre_y: the centre of the zoom, as shares of the frame, -1..2; 0.5 is the middle.
        drift: how far the centre wanders to either side, as a share of the shorter side, 0..0.5.
        ease_in_seconds, ease_out_seconds: the motion starts slowly, and slows down towards `duration_seconds`; 0..3600.
        duration_seconds: length of the film, for easing out.
        loop_seconds: the motion repeats with this period; easing is left out.

    Raises:
        PresetError: a number is out of range.
    """

    scale: float | Schedule = 1.25
    rotate: float | Schedule = 0.0
    pan_x: float | Schedule = 0.0
    pan_y: float | Schedule = 0.0
    centre_x: float | Schedule = 0.5
    centre_y: float | Schedule = 0.5
    drift: float | Schedule = 0.0
    ease_in_seconds: float = 0.0
    ease_out_seconds: float = 0.0
    duration_seconds: float | None = None
    loop_seconds: float | None = None

    def __post_init__(self) -> None:
        for name, low, high in (
            ("scale", 0.02, 50.0), ("rotate", -3600.0, 3600.0), ("pan_x", -10.0, 10.0), ("pan_y", -10.0, 10.0),
            ("centre_x", -1.0, 2.0), ("centre_y", -1.0, 2.0), ("drift", 0.0, 0.5),
            ("ease_in_seconds", 0.0, 3600.0), ("ease_out_seconds", 0.0, 3600.0),
        ):  # fmt: skip
            value = getattr(self, name)
            for number in [key[1] for key in value.keys] if isinstance(value, Schedule) else [value]:
                if not low <= number <= high:
                    raise PresetError(f"{name.removesuffix('_seconds')} cannot be {number:g}; give {low:g} to {high:g}")

    def looped(self, seconds: float) -> Motion:
        """This motion, repeating every `seconds`, without easing."""
        return replace(self, loop_seconds=seconds, ease_in_seconds=0.0, ease_out_seconds=0.0)

    @property
    def only_pans(self) -> bool:
        """True where nothing grows or turns, so that a tile stays one."""
        keys = [
            [key[1] for key in value.keys] if isinstance(value, Schedule) else [value]
            for value in (self.scale, self.rotate)
        ]
        return all(scale == 1 for scale in keys[0]) and all(turn == 0 for turn in keys[1])

    def pull(self, start_seconds: float, end_seconds: float, width: int, height: int) -> Similarity:
        """The backward mapping: where each place of the frame at `end_seconds` was in the frame at `start_seconds`.

        Args:
            start_seconds, end_seconds: the end may lie before the start, for the motion backwards.
            width, height: of the frame, in any unit.
        """
        if end_seconds < start_seconds:
            return self.pull(end_seconds, start_seconds, width, height).inverse()
        found, now = Similarity(), start_seconds
        # Knots are counted, not added up, so that rounding does not add up over a thousand frames.
        knot = math.floor(start_seconds * KNOTS_A_SECOND + 1e-6)
        while now < end_seconds - 1e-12:
            until = min((knot + 1) / KNOTS_A_SECOND, end_seconds)
            found = self._moved((knot + 0.5) / KNOTS_A_SECOND, until - now, width, height).after(found)
            now, knot = until, knot + 1
        return found.inverse()

    def looks_outside(self, width: int, height: int, seconds: float) -> bool:
        """Whether in the first `seconds` a frame shows what lay outside the frame before it."""
        half = complex(width, height) / (2 * min(width, height))
        corners = (half, half.conjugate(), -half, -half.conjugate())
        for tenth in range(max(1, math.ceil(10 * seconds))):
            pull = self.pull(tenth / 10, tenth / 10 + 1 / 25, width, height)
            for corner in map(pull, corners):
                if abs(corner.real) > half.real + 1e-6 or abs(corner.imag) > half.imag + 1e-6:
                    return True
        return False

    def _moved(self, seconds: float, length: float, width: int, height: int) -> Similarity:
        """The forward mapping over `length` seconds of the motion as it is at one moment."""
        if self.loop_seconds is not None:
            seconds %= self.loop_seconds
        shorter = min(width, height)
        rate = complex(math.log(_at(self.scale, seconds)), math.radians(_at(self.rotate, seconds)))
        pan = -complex(_at(self.pan_x, seconds) * width, _at(self.pan_y, seconds) * height) / shorter
        centre = complex(
            (_at(self.centre_x, seconds) - 0.5) * width / shorter + self._wander(0, seconds),
            (_at(self.centre_y, seconds) - 0.5) * height / shorter + self._wander(1, seconds),
        )
        # du/dt = rate * (u - centre) + pan has this solution; eased motion is the same one, slower.
        length *= self._ease(seconds)
        grown = cmath.exp(rate * length)
        reach = (grown - 1) / rate if abs(rate * length) > 1e-9 else complex(length)
        return Similarity(grown, (pan - rate * centre) * reach)

    def _wander(self, axis: int, seconds: float) -> float:
        period = DRIFT_SECONDS[axis]
        if self.loop_seconds is not None:
            period = self.loop_seconds / max(1, round(self.loop_seconds / period))
        return _at(self.drift, seconds) * math.sin(math.tau * seconds / period + axis * math.pi / 2)

    def _ease(self, seconds: float) -> float:
        share = 1.0
        if self.ease_in_seconds > 0:
            share *= _smooth(seconds / self.ease_in_seconds)
        if self.ease_out_seconds > 0 and self.duration_seconds is not None:
            share *= _smooth((self.duration_seconds - seconds) / self.ease_out_seconds)
        return share


def _at(value: float | Schedule, seconds: float) -> float:
    return value.at(seconds) if isinstance(value, Schedule) else value


def _smooth(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3.0 - 2.0 * share)
