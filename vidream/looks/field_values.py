"""Values of preset fields: from texts and TOML to the field's type, with its range, and back to TOML."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

from vidream.errors import PresetError
from vidream.looks.expression import Expression, ExpressionError, split_outside
from vidream.looks.moment import Moment
from vidream.looks.schedule import Number, Schedule, number_at

__all__ = ["check_range", "coerced", "expressions_of", "range_text", "toml_text", "value_at"]

# A file's name is looked for with so many commas in it.
_MOST_COMMAS = 15


def coerced(item: dataclasses.Field[Any], value: Any) -> Any:
    """`value` as the field's own type; texts come from the command line. Raises PresetError."""
    default = item.default if item.default is not dataclasses.MISSING else {}
    try:
        if isinstance(default, dict):
            return _parsed_weights(value)
        if isinstance(default, tuple):
            if item.name == "guide":
                return _parsed_paths(value)
            parts = value.split(",") if isinstance(value, str) else [value] if isinstance(value, int) else value
            return tuple(int(part) for part in parts if str(part).strip())
        if isinstance(default, bool):
            return _parsed_bool(value)
        if item.metadata.get("shares"):
            return _parsed_shares(value)
        if isinstance(default, str):
            if not isinstance(value, str):
                raise ValueError
            return value
        return _parsed_number(value, is_integer=isinstance(default, int))
    except ExpressionError as error:
        raise PresetError(
            f"{item.name} cannot be {value!r}: {error}; {item.metadata['says']}{range_text(item)}"
        ) from None
    except (TypeError, ValueError, OverflowError, AttributeError):
        raise PresetError(f"{item.name} cannot be {value!r}; {item.metadata['says']}{range_text(item)}") from None


def _parsed_number(value: Any, *, is_integer: bool = False) -> Number:
    """A finite number from itself or its text; a schedule from "0:0.2, 2s:1.0", an expression from "0.2 + 0.5*bass"."""
    if isinstance(value, Schedule):
        return value
    # Again from its text, for one that is a plain number: it is the same number when it is read from a file.
    value = str(value) if isinstance(value, Expression) else value
    try:
        number = float(value)
    except ValueError:
        return Schedule.parse(value) if ":" in value else Expression.parse(value)
    if isinstance(value, bool) or not math.isfinite(number) or (is_integer and number != int(number)):
        raise ValueError
    return int(number) if is_integer else number


def _parsed_paths(value: str | Iterable[str]) -> tuple[str, ...]:
    """Paths from themselves, or from a text with commas between them; a comma may be part of a file's name."""
    if not isinstance(value, str):
        return tuple(_expanded(str(part)) for part in value if str(part).strip())
    parts, found = value.split(","), []
    while parts:
        # The longest that is there: "with,comma.jpg, other.jpg" is two files.
        joined = (",".join(parts[:count]) for count in range(min(len(parts), _MOST_COMMAS + 1), 0, -1))
        count, path = next(
            ((each.count(",") + 1, path) for each in joined if _exists(path := _expanded(each))),
            (1, _expanded(parts[0])),
        )
        parts = parts[count:]
        found += [path] if path else []
    return tuple(found)


def _expanded(text: str) -> str:
    """The path with "~" as the shell would replace it, which it does not after an equals sign."""
    return os.path.expanduser(text.strip())  # noqa: PTH111 — Path would change "./x"


def _exists(text: str) -> bool:
    return bool(text) and os.path.lexists(text)


def _parsed_bool(value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ValueError
    return words[str(value).lower()]


def _parsed_weights(value: Any) -> dict[str, Number]:
    """`{"a": 1.0}` from itself, from ["a", "b"], or from the text "a:1,b:0.5"."""
    if isinstance(value, str):
        pairs = [
            part.strip().rpartition(":") if ":" in part else (part.strip(), ":", "1") for part in split_outside(value)
        ]
        value = {name.strip(): weight for name, _, weight in pairs if name.strip()}
    if not isinstance(value, Mapping):
        value = dict.fromkeys(value, 1.0)
    return {str(name): _parsed_number(weight) for name, weight in value.items()}


def _parsed_shares(value: Any) -> str | dict[str, Number]:
    """A name alone, or names and shares, "a:1,b:0.5"; one name with a share is that name."""
    if isinstance(value, str) and not any(mark in value for mark in ",:"):
        return value.strip()
    shares = _parsed_weights(value)
    numbers = [number for share in shares.values() for number in _constants(share)]
    may_grow = any(numbers) or any(expressions_of(share) for share in shares.values())
    if not shares or any(number < 0 for number in numbers) or not may_grow:
        raise ValueError
    return next(iter(shares)) if len(shares) == 1 else shares


def _constants(value: Any) -> tuple[Any, ...]:
    """What is known of a value before the film begins."""
    if isinstance(value, Schedule):
        return value.constants
    return () if isinstance(value, Expression) else (value,)


def expressions_of(value: Any) -> tuple[Expression, ...]:
    """The expressions of a number; none of anything else."""
    if isinstance(value, Schedule):
        return value.expressions
    return (value,) if isinstance(value, Expression) else ()


def value_at(item: dataclasses.Field[Any], value: Any, moment: Moment) -> Any:
    """A field's value at a moment of the film.

    Args:
        item: the field. Expressions are held within its range, shares of networks at 0 or above.
        value: of that field.
        moment: in the film.

    Returns:
        A plain value, integers rounded; `value` itself where nothing in it changes over the film.
    """
    low, high = item.metadata.get("low", -math.inf), item.metadata.get("high", math.inf)
    if isinstance(value, (Schedule, Expression)):
        number = _held(value, moment, low, high)
        return round(number) if isinstance(item.default, int) else number
    if not isinstance(value, Mapping) or not any(isinstance(each, (Schedule, Expression)) for each in value.values()):
        return value
    shares = item.metadata.get("shares")
    weights = {name: _held(each, moment, 0.0 if shares else low, high) for name, each in value.items()}
    # Shares are of each other: where all fall silent, they are equal.
    return dict.fromkeys(weights, 1.0) if shares and not any(weights.values()) else weights


def _held(value: Number, moment: Moment, low: float, high: float) -> float:
    return min(max(number_at(value, moment), low), high)


def check_range(item: dataclasses.Field[Any], value: Any) -> None:
    allowed = item.metadata.get("allowed")
    if allowed and value not in allowed:
        raise PresetError(f'{item.name} cannot be "{value}"; allowed: {", ".join(allowed)}')
    low, high = item.metadata.get("low"), item.metadata.get("high")
    for number in _constants(value):
        if low is not None and high is not None and not low <= number <= high:
            raise PresetError(f"{item.name} cannot be {number}; allowed: {low} to {high} ({item.metadata['says']})")


def range_text(item: dataclasses.Field[Any]) -> str:
    if "allowed" in item.metadata:
        return " (" + ", ".join(item.metadata["allowed"]) + ")"
    return f" ({item.metadata['low']} to {item.metadata['high']})" if "low" in item.metadata else ""


def toml_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{toml_text(name)} = {toml_text(weight)}" for name, weight in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_text(part) for part in value) + "]"
    if isinstance(value, (str, Schedule, Expression)):
        escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
