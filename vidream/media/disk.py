"""Words for a disk that does not take what is written, and ways to be sure that it did."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from vidream.errors import TargetError

__all__ = [
    "beside",
    "disk_trouble",
    "full_disk",
    "is_full",
    "longest_name_bytes",
    "save_whole",
    "sync_file",
    "sync_folder",
    "write_json",
]


def longest_name_bytes(folder: Path) -> int:
    """How many bytes a file's name may have in `folder`."""
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # Windows, or no such folder yet
        return 255


def beside(path: Path, ending: str) -> Path:
    """The path of a helper file or folder of `path`: its name with `ending` behind it.

    Where that is longer than the file system allows, the name is cut, and a hash of all of it tells it from others.
    """
    longest = longest_name_bytes(path.parent) - len(os.fsencode(ending))
    name = path.name
    if len(os.fsencode(name)) > longest:
        mark = "~" + hashlib.blake2b(os.fsencode(name), digest_size=4).hexdigest()
        while len(os.fsencode(name)) > longest - len(mark):
            name = name[:-1]
        name += mark
    return path.with_name(name + ending)


def full_disk(path: Path, needed_bytes: int | None = None) -> TargetError:
    """The error for a disk without room, with how much there is, and how much is needed where that is known."""
    try:
        room = f"{shutil.disk_usage(path.parent).free / 1e6:.1f} MB left"
    except OSError:
        room = "no room left"
    needed = f", about {max(needed_bytes, 100_000) / 1e6:.1f} MB needed" if needed_bytes is not None else ""
    return TargetError(f'the disk of "{path.parent}" is full ({room}{needed}); make room, or write to another folder')


def disk_trouble(path: Path, error: OSError) -> TargetError:
    """The error for an `OSError` that came up while `path` was written."""
    if is_full(error):
        return full_disk(path)
    if isinstance(error, FileNotFoundError):
        return TargetError(f'no folder "{path.parent}"; create it first, or write somewhere else')
    return TargetError(f'"{path}" cannot be written ({error.strerror or error}); write to another folder')


def is_full(error: OSError) -> bool:
    """True where `error` says that there is no room, on the disk or in the user's share of it."""
    return error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", -1))


def sync_file(path: Path) -> None:
    """Return when the disk itself holds the bytes of `path`, and not only the system's memory."""
    # Windows syncs only what may be written.
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """The same for the names in a folder, where the system can do that."""
    with contextlib.suppress(OSError):  # Windows cannot open a folder, and does not need to
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def save_whole(path: Path, *parts: bytes) -> None:
    """Put `parts` at `path` so that a power cut leaves the old content or the new, never half. Raises OSError."""
    part = beside(path, ".part")
    with part.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON. Raises TargetError."""
    try:
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise TargetError(f"cannot write {path}: {error.strerror}. Name a file in a folder that exists") from None
