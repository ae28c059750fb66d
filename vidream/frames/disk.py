"""Words for a disk that does not take what is written."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from vidream.errors import TargetError

__all__ = ["disk_trouble", "full_disk"]


def full_disk(path: Path) -> TargetError:
    """The error for a disk without room, with how much there is."""
    try:
        room = f"{shutil.disk_usage(path.parent).free / 1e6:.1f} MB left"
    except OSError:
        room = "no room left"
    return TargetError(f'the disk of "{path.parent}" is full ({room}); make room, or write to another folder')


def disk_trouble(path: Path, error: OSError) -> TargetError:
    """The error for an `OSError` that came up while `path` was written."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
        return full_disk(path)
    if isinstance(error, FileNotFoundError):
        return TargetError(f'no folder "{path.parent}"; create it first, or write somewhere else')
    return TargetError(f'"{path}" cannot be written ({error.strerror or error}); write to another folder')
