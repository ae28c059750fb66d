"""The error tree: what can go wrong in the world, in words a person can act on.

    VidreamError
    ├── PresetError    a look that cannot be: unknown field, value out of range, bad TOML
    ├── SourceError    something to read: missing, broken, empty, of an unknown kind
    ├── TargetError    something to write: folder missing, disk full, file already there
    ├── NetError       a network, its layers or its weights
    └── DeviceError    a device or precision this machine does not have

Every message is one line: what came, what is allowed, what to do next. A caller's bug is a
`ValueError` instead, and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

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
    """A known trouble of the world; the command line prints it as one line and exits with 1."""


class PresetError(VidreamError):
    """A preset that does not exist, does not parse, or holds a value out of range."""


class SourceError(VidreamError):
    """A file, folder or camera that cannot be read as frames."""


class TargetError(VidreamError):
    """A place where the result cannot be written."""


class NetError(VidreamError):
    """A network, layer, channel or weights file that cannot be had."""


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
