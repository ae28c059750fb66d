"""Keyframes: a number that changes over the film, such as "0:0.2, 2s:1.0, 5s:0.3"."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TypeAlias

from vidream.looks.expression import Expression, ExpressionError, split_outside
from vidream.looks.moment import Moment

__all__ = ["Number", "Schedule", "number_at", "read_value"]


@dataclass(frozen=True)
class Schedule:
    """A number over time: linear between keyframes, constant before the first and after the last.

    Attributes:
        keys: (seconds, value), one or more, in the order of time; a value is a number or an expression.

    Raises:
        ValueError: no keyframes, times out of order or below 0, or numbers that are not finite.
    """

    keys: tuple[tuple[float, float | Expression], ...]

    def __post_init__(self) -> None:
        # An expression that is a plain number is that number: it is the same again when it is read from its text.
        keys = tuple(
            (time, read_value(str(each)) if isinstance(each, Expression) else each) for time, each in self.keys
        )
        object.__setattr__(self, "keys", keys)
        times = [time for time, _ in self.keys]
        numbers = [number for key in self.keys for number in key if not isinstance(number, Expression)]
        if not times or times != sorted(set(times)) or times[0] < 0 or not all(map(math.isfinite, numbers)):
            raise ValueError("keyframes need times from 0 on, in order")

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read "0:0.2, 2s:0.5+0.5*beat"; times in seconds, the s may be left out. Raises ValueError."""
        pairs = [part.partition(":") for part in split_outside(text)]
        for part, colon, _ in pairs:
            if not colon:
                raise ExpressionError(f"{_shown(part)} is no keyframe; write such as 0:0.2, 2s:0.5+0.5*beat")
        return cls(tuple((_time(time), read_value(value)) for time, _, value in pairs))

    @property
    def constants(self) -> tuple[float, ...]:
        """The values that are numbers."""
        return tuple(value for _, value in self.keys if not isinstance(value, Expression))

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The values that are expressions."""
        return tuple(value for _, value in self.keys if isinstance(value, Expression))

    @property
    def names(self) -> frozenset[str]:
        """The sound variables that its expressions use."""
        return frozenset(name for value in self.expressions for name in value.names)

    def at(self, seconds: float | Moment) -> float:
        """The value at a time, or at a moment: expressions on both sides are worked out then, and mixed."""
        time = seconds.seconds if isinstance(seconds, Moment) else seconds
        after = bisect_right([key for key, _ in self.keys], time)
        if after in (0, len(self.keys)):
            return number_at(self.keys[max(after - 1, 0)][1], seconds)
        (t0, first), (t1, second) = self.keys[after - 1 : after + 1]
        v0, v1 = number_at(first, seconds), number_at(second, seconds)
        return v0 + (v1 - v0) * (time - t0) / (t1 - t0)

    def __str__(self) -> str:
        return ", ".join(
            f"{time:g}s:{value}" if isinstance(value, Expression) else f"{time:g}s:{value:g}"
            for time, value in self.keys
        )


Number: TypeAlias = float | Schedule | Expression


def number_at(value: Number, seconds: float | Moment) -> float:
    """A number as it is; a schedule or an expression at a time or moment."""
    return value if isinstance(value, (int, float)) else value.at(seconds)


def _time(text: str) -> float:
    try:
        return float(text.strip().removesuffix("s"))
    except ValueError:
        raise ExpressionError(
            f"{_shown(text)} is no time of a keyframe; write such as 0:0.2, 2s:0.5+0.5*beat"
        ) from None


def _shown(text: str) -> str:
    return ascii(text.strip()[:20])


def read_value(text: str) -> float | Expression:
    """A finite number, or an expression. Raises ValueError."""
    try:
        number = float(text)
    except ValueError:
        return Expression.parse(text)
    if not math.isfinite(number):
        raise ValueError(f"not finite: {text}")
    return number
