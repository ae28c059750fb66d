"""Expected errors: what users and their machines can cause, in words a person can act on.

    VidreamError
    ├── PresetError    an impossible look: unknown field, value out of range, bad TOML
    ├── SourceError    something to read: missing, broken, empty, of an unknown kind
    ├── TargetError    something to write: folder missing, disk full, file already there
    ├── NetError       a network, its layers or its weights
    └── DeviceError    a device or precision this machine does not have

A message is one line: what came, what is allowed, what to do next. It speaks Python. Arguments that would help are
given as values, so that the command line can name its options in their place:

    raise TargetError(f'"{path}" is already there; write to another name', use={"overwrite": True})

    in Python             "a.mp4" is already there; write to another name, or use overwrite=True
    on the command line   "a.mp4" is already there; write to another name, or use --overwrite

A caller's mistake in Python is a `ValueError` instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "DeviceError",
    "NetError",
    "PresetError",
    "SourceError",
    "TargetError",
    "VidreamError",
    "close_names",
]


class VidreamError(Exception):
    """Base class of expected errors; the command line prints them as one line and exits with 1.

    Args:
        message: one line: what came, what is allowed, what to do next.
        argument: name of the Python argument or preset field that holds the wrong value, if one does.
        use: arguments that would help, each with a value to give: {"overwrite": True}, {"tile": 512}.
    """

    def __init__(
        self, message: str = "", *, argument: str | None = None, use: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.argument = argument
        self.use = dict(use or {})

    def __str__(self) -> str:
        return self.advising(lambda name, value: f"{name}={value!r}")

    def advising(self, spelling: Callable[[str, object], str]) -> str:
        """The message with the advice of `use`. spelling: (name, value) -> how to give it; "" leaves it out."""
        ways = " or ".join(filter(None, (spelling(name, value) for name, value in self.use.items())))
        if not ways:
            return self.message
        return f"{self.message}{', or' if '; ' in self.message else ';'} use {ways}"


class PresetError(VidreamError):
    """A preset that does not exist, does not parse, or holds a value out of range."""


class SourceError(VidreamError):
    """A file, folder or camera that cannot be read as frames."""


class TargetError(VidreamError):
    """A place where the result cannot be written."""


class NetError(VidreamError):
    """A network, layer, channel or weights file that cannot be loaded."""


class DeviceError(VidreamError):
    """A device or precision that this machine does not offer."""


def close_names(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """Words that help after an unknown `name`: the closest of `known`, else the first few.

    Returns for example 'close: "inception4a", "inception4b"', or 'there are: "a", "b", …'.
    """
    names = list(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    found = difflib.get_close_matches(name.lower(), lowered, n=most, cutoff=0.5)
    if found:
        return "close: " + ", ".join(f'"{lowered[item]}"' for item in found)
    shown = ", ".join(f'"{item}"' for item in names[: 2 * most])
    return f"there are: {shown}" + (", …" if len(names) > 2 * most else "")
