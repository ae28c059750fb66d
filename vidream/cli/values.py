"""Texts of the command line as values, each with words for what is allowed."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from vidream.cli.parser import value_of

__all__ = [
    "byte_count",
    "file_path",
    "integer",
    "integer_ranges",
    "number",
    "path_text",
    "picture_size",
    "plain_integer",
    "rate",
    "seconds",
    "share",
]

LARGEST_INTEGER = 2**31 - 1
# No network has more channels than this in a layer.
MOST_CHANNELS = 2**16
_RATE = re.compile(r"\s*[+-]?(\d{1,9}(/\d{1,9})?|\d{0,9}\.\d{1,9}|\d{1,9}\.)\s*")


def plain_integer(text: str) -> int:
    """An integer of 32 bits. Raises ValueError."""
    value = int(text)
    if abs(value) > LARGEST_INTEGER:
        raise ValueError
    return value


def integer(allowed: str) -> Callable[[str], int]:
    """A `type` for an integer; allowed: which, such as "an integer from 1 to 64"."""
    return value_of(plain_integer, allowed)


def number(allowed: str) -> Callable[[str], float]:
    """A `type` for a finite number; allowed: which, such as "a number from 1 to 60"."""
    return value_of(_finite, allowed)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _seconds(text: str) -> float:
    parts = [_finite(part) for part in text.split(":")]
    if len(parts) > 3 or any(part < 0 for part in parts[1:]):
        raise ValueError
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total


def _byte_count(text: str) -> int:
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*(k|M|G)?(i)?B?\s*", text, re.IGNORECASE)
    if not found or not float(found[1]):
        raise ValueError
    return int(float(found[1]) * (1024 if found[3] else 1000) ** " kmg".index((found[2] or " ").lower()))


def _picture_size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    return plain_integer(width), plain_integer(height)


def _share(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    return plain_integer(index), plain_integer(count)


def _rate(text: str) -> Fraction:
    if not _RATE.fullmatch(text):  # "1e999999999" would fill the memory
        raise ValueError
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError from None


def _integer_ranges(text: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin, end = plain_integer(first), plain_integer(last or first)
        if not 0 <= begin <= end < MOST_CHANNELS:
            raise ValueError
        found += range(begin, end + 1)
    return tuple(found)


def path_text(text: str) -> str:
    """A path as the shell would have it: "~/x.jpg" after an equals sign reaches us as it stands."""
    return text if os.path.lexists(text) else os.path.expanduser(text)  # noqa: PTH111 — Path would change "./x" and "a//b"


def file_path(text: str) -> Path:
    """The same as a Path."""
    return Path(path_text(text))


seconds = value_of(_seconds, "seconds or a time, such as 12.5, 1:30 or 1:02:03")
byte_count = value_of(_byte_count, "a number of bytes, such as 8MB, 500kB or 2MiB")
picture_size = value_of(_picture_size, "WIDTHxHEIGHT in px, such as 512x512")
share = value_of(_share, "NUMBER/COUNT, such as 2/4 for the second of four shares")
rate = value_of(_rate, "frames a second, such as 24, 23.976 or 30000/1001")
integer_ranges = value_of(_integer_ranges, "channel numbers and ranges of them, such as 0-31,42")
