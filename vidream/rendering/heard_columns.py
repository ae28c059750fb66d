"""What was heard in a film, and the numbers of its look that followed it, frame by frame, for a report."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from vidream.looks import Heard, Moment, Preset
from vidream.looks.moment import SOUND_NAMES

__all__ = ["heard_columns"]


def heard_columns(
    preset: Preset, sound: Heard | None, rate: Fraction, frames: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """The curves of a film whose look has expressions.

    Args:
        preset: the look.
        sound: what it heard; None for silence.
        rate: frames a second.
        frames: how many there are.

    Returns:
        Sound variable -> its value at every frame, of all of them where the look follows any; and field, or
        "layers.NAME" -> what it was at every frame, within its range.
    """
    names = SOUND_NAMES if preset.sound_names and sound is not None else ()
    fields = list(preset.expressions)
    heard: dict[str, list[float]] = {name: [] for name in names}
    driven: dict[str, list[float]] = {field: [] for field in fields}
    for number in range(frames if fields else 0):
        moment = Moment(float(number / rate), float(rate), sound)
        for name in names:
            heard[name].append(moment.heard(name))
        now = preset.at(moment)
        for field in fields:
            driven[field].append(_value(now, field))
    return heard, driven


def _value(now: Preset, field: str) -> float:
    name, _, member = field.partition(".")
    value: Any = getattr(now, name)
    return float(value[member] if isinstance(value, Mapping) else value)
