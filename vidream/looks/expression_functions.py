"""The functions of expressions: each takes finite numbers and gives a finite one, the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Callable

from vidream.looks.moment import Moment

__all__ = ["FUNCTIONS", "finite", "power", "quotient", "remainder", "smoothed"]

LARGEST = 1e12
LARGEST_EXPONENT = 64.0
# A follower looks back over so many of its time constants: what is older weighs less than 2 %.
SMOOTH_REACH = 4
# Films of a thousand frames a second exist; their frames are alike, and the reach is bounded.
MOST_PAST_FRAMES = 5000


def finite(number: float) -> float:
    """The number, held within -1e12..1e12; what is none is 0."""
    return 0.0 if number != number else float(min(max(number, -LARGEST), LARGEST))


def quotient(a: float, b: float) -> float:
    """a / b, and 0 for b = 0."""
    return a / b if b else 0.0


def remainder(a: float, b: float) -> float:
    """What is left of a after whole b, with the sign of b; 0 for b = 0."""
    return a % b if b else 0.0


def power(base: float, exponent: float) -> float:
    """base ** exponent, with the exponent held within -64..64; 0 where there is no real number."""
    exponent = min(max(exponent, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    if (base == 0 and exponent < 0) or (base < 0 and exponent != int(exponent)):
        return 0.0
    try:
        return float(base**exponent)
    except OverflowError:
        return -LARGEST if base < 0 and exponent % 2 else LARGEST


def noise(x: float) -> float:
    """Smooth noise, 0..1: a random value at each whole number, and smooth steps between."""
    cell = math.floor(x)
    share = x - cell
    share = share * share * (3.0 - 2.0 * share)
    before, after = _scattered(cell), _scattered(cell + 1)
    return before + (after - before) * share


def _scattered(number: int) -> float:
    """0..1, as if at random, from a whole number: integers alone, so that no machine differs."""
    number = (number + 0x9E3779B9) & 0xFFFFFFFF
    number = ((number ^ (number >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    number = ((number ^ (number >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return (number ^ (number >> 16)) / 0xFFFFFFFF


def smoothed(value: Callable[[Moment], float], seconds: float) -> Callable[[Moment], float]:
    """An exponential follower of `value`: a weighted mean over the frames up to now.

    It is worked out from past frames themselves and keeps nothing, so that it is the same wherever a run began.
    Frames before the first one count as the first.

    Args:
        value: what is followed.
        seconds: the time constant: after a jump, 63 % of the way.
    """

    def follow(moment: Moment) -> float:
        frames = seconds * moment.rate
        decay, reach = math.exp(-1.0 / frames), min(math.ceil(SMOOTH_REACH * frames), MOST_PAST_FRAMES)
        total = mass = 0.0
        weight, last = 1.0, max(0, moment.frame)
        for number in range(last, max(0, last - reach) - 1, -1):
            # All that would come before the first frame weighs on it.
            share = weight if number or last >= reach else _geometric(weight, decay, reach - last + 1)
            total += share * value(Moment(number / moment.rate, moment.rate, moment.sound))
            mass += share
            weight *= decay
        return finite(total / mass)

    return follow


def _geometric(first: float, ratio: float, count: int) -> float:
    """first + first * ratio + …, `count` of them."""
    return first * (1.0 - ratio**count) / (1.0 - ratio)


def _clamp(x: float, low: float, high: float) -> float:
    return max(low, min(high, x))


def _step(edge: float, x: float) -> float:
    return float(x >= edge)


def _lerp(a: float, b: float, share: float) -> float:
    return a + (b - a) * share


# Name -> fewest and most values that it takes, and the function.
FUNCTIONS: dict[str, tuple[int, int, Callable[..., float]]] = {
    "sin": (1, 1, math.sin),
    "cos": (1, 1, math.cos),
    "abs": (1, 1, abs),
    "min": (2, 8, min),
    "max": (2, 8, max),
    "clamp": (3, 3, _clamp),
    "step": (2, 2, _step),
    "lerp": (3, 3, _lerp),
    "noise": (1, 1, noise),
}
