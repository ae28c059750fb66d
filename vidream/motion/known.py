"""A motion that is known, not estimated: zoom, rotation, pan and a drifting centre, exact in time."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, field, replace

from vidream.errors import PresetError
from vidream.looks.expression import Expression
from vidream.looks.field_values import expressions_of
from vidream.looks.moment import Heard, Moment
from vidream.looks.schedule import Number, Schedule, number_at

__all__ = ["Motion", "Similarity"]

# The motion is constant between knots of a clock of its own, so that films of 24 and of 60 frames a second pass through
# exactly the same places. Where a number is an expression, which may follow a sound, the knots are the film's frames.
KNOTS_A_SECOND = 120
_RANGES = {
    "scale": (0.02, 50.0), "rotate": (-3600.0, 3600.0), "pan_x": (-10.0, 10.0), "pan_y": (-10.0, 10.0),
    "centre_x": (-1.0, 2.0), "centre_y": (-1.0, 2.0), "drift": (0.0, 0.5),
    "ease_in_seconds": (0.0, 3600.0), "ease_out_seconds": (0.0, 3600.0),
}  # fmt: skip
_NUMBERS = ("scale", "rotate", "pan_x", "pan_y", "centre_x", "centre_y", "drift")
# Numbers that were worked out for frames are kept for so many; an endless zoom needs no more memory with time.
_MOST_KEPT = 4096
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
    """How a zoom moves. Numbers may be schedules over the film's time, or expressions, held within the ranges.

    Between two frames an expression counts with the mean of its values there, so that the motion is the same from
    wherever it is asked for. `hearing` says which sound and which frames.

    Args:
        scale: times larger each second, 0.02..50; below 1 the zoom goes outwards.
        rotate: degrees a second, clockwise, -3600..3600.
        pan_x, pan_y: frame widths and heights a second that the view moves right and down, -10..10.
        centre_x, centre_y: the centre of the zoom, as shares of the frame, -1..2; 0.5 is the middle.
        drift: how far the centre wanders to either side, as a share of the shorter side, 0..0.5.
        ease_in_seconds, ease_out_seconds: the motion starts slowly, and slows down towards `duration_seconds`; 0..3600.
        duration_seconds: length of the film, for easing out.
        loop_seconds: the motion repeats with this period; easing is left out.
        rate: frames a second of the film, for expressions.
        sound: what is heard in the film, for expressions.

    Raises:
        PresetError: a number is out of range.
        ValueError: a rate that is not above 0.
    """

    scale: Number = 1.25
    rotate: Number = 0.0
    pan_x: Number = 0.0
    pan_y: Number = 0.0
    centre_x: Number = 0.5
    centre_y: Number = 0.5
    drift: Number = 0.0
    ease_in_seconds: float = 0.0
    ease_out_seconds: float = 0.0
    duration_seconds: float | None = None
    loop_seconds: float | None = None
    # Left out of the text of a motion: an unfinished film is known by it.
    rate: float = field(default=25.0, repr=False)
    sound: Heard | None = field(default=None, repr=False)
    # The numbers that hold expressions, and what they were at frames.
    _varying: tuple[str, ...] = field(default=(), init=False, repr=False, compare=False)
    _kept: dict[int, dict[str, float]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        Moment(0.0, self.rate)
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            constants = value.constants if isinstance(value, Schedule) else (value,)
            for number in () if isinstance(value, Expression) else constants:
                if not low <= number <= high:
                    raise PresetError(f"{name.removesuffix('_seconds')} cannot be {number:g}; give {low:g} to {high:g}")

        values = {name: getattr(self, name) for name in _NUMBERS}
        varying = tuple(name for name, value in values.items() if expressions_of(value))
        object.__setattr__(self, "_varying", varying)

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

    def hearing(self, sound: Heard | None, rate: float) -> Motion:
        """This motion in a film whose sound has been listened to.

        Args:
            sound: None for a silent film: sound variables are 0.
            rate: frames a second of the film.
        """
        return replace(self, sound=sound, rate=float(rate))

    @property
    def expressions(self) -> dict[str, Expression | Schedule]:
        """Number -> its expression, or its schedule that holds some."""
        return {name: getattr(self, name) for name in self._varying}

    @property
    def sound_names(self) -> frozenset[str]:
        """The sound variables that its expressions use."""
        return frozenset(name for value in self.expressions.values() for name in value.names)

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
        knots_a_second = self._knots_a_second()
        knot = math.floor(start_seconds * knots_a_second + 1e-6)
        while now < end_seconds - 1e-12:
            until = min((knot + 1) / knots_a_second, end_seconds)
            found = self._moved(knot, until - now, width, height).after(found)
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

    def _moved(self, knot: int, length: float, width: int, height: int) -> Similarity:
        """The forward mapping over `length` seconds of the motion as it is after a knot."""
        seconds = (knot + 0.5) / self._knots_a_second()
        if self.loop_seconds is not None:
            seconds %= self.loop_seconds
        shorter, at = min(width, height), self._numbers(knot, seconds)
        rate = complex(math.log(at["scale"]), math.radians(at["rotate"]))
        pan = -complex(at["pan_x"] * width, at["pan_y"] * height) / shorter
        centre = complex(
            (at["centre_x"] - 0.5) * width / shorter + at["drift"] * self._wander(0, seconds),
            (at["centre_y"] - 0.5) * height / shorter + at["drift"] * self._wander(1, seconds),
        )
        # du/dt = rate * (u - centre) + pan has this solution; eased motion is the same one, slower.
        length *= self._ease(seconds)
        grown = cmath.exp(rate * length)
        reach = (grown - 1) / rate if abs(rate * length) > 1e-9 else complex(length)
        return Similarity(grown, (pan - rate * centre) * reach)

    def _knots_a_second(self) -> float:
        return self.rate if self._varying else KNOTS_A_SECOND

    def _numbers(self, knot: int, seconds: float) -> dict[str, float]:
        """Every number between a knot and the next, whose middle is at `seconds`."""
        found = {name: number_at(getattr(self, name), seconds) for name in _NUMBERS if name not in self._varying}
        if self._varying:
            before, after = self._at_frame(knot), self._at_frame(knot + 1)
            found |= {name: (before[name] + after[name]) / 2 for name in self._varying}
        return found

    def _at_frame(self, number: int) -> dict[str, float]:
        """What varies, at a frame of the film."""
        if number not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            seconds = number / self.rate
            if self.loop_seconds is not None:
                seconds %= self.loop_seconds
                # The last frame meets the first, however it is rounded.
                seconds = 0.0 if self.loop_seconds - seconds < 1e-6 else seconds
            moment, held = Moment(seconds, self.rate, self.sound), {}
            for name in self._varying:
                low, high = _RANGES[name]
                held[name] = min(max(number_at(getattr(self, name), moment), low), high)
            self._kept[number] = held
        return self._kept[number]

    def _wander(self, axis: int, seconds: float) -> float:
        period = DRIFT_SECONDS[axis]
        if self.loop_seconds is not None:
            period = self.loop_seconds / max(1, round(self.loop_seconds / period))
        return math.sin(math.tau * seconds / period + axis * math.pi / 2)

    def _ease(self, seconds: float) -> float:
        share = 1.0
        if self.ease_in_seconds > 0:
            share *= _smooth(seconds / self.ease_in_seconds)
        if self.ease_out_seconds > 0 and self.duration_seconds is not None:
            share *= _smooth((self.duration_seconds - seconds) / self.ease_out_seconds)
        return share


def _smooth(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3.0 - 2.0 * share)
