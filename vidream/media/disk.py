"""Words for a disk that does not take what is written, and ways to be sure that it did."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

from vidream.errors import TargetError

__all__ = ["disk_trouble", "full_disk", "is_full", "save_whole", "sync_file", "sync_folder", "write_json"]


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


def save_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a power cut leaves the old content or the new, never half. Raises OSError."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    sync_file(part)
    part.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON. Raises TargetError."""
    try:
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise TargetError(f"cannot write {path}: {error.strerror}. Name a file in a folder that exists") from None
