"""lock: one run at a time over a folder; the system frees the lock of a run that was killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from vidream.errors import TargetError
from vidream.media.disk import is_full

__all__ = ["RunLock"]


class RunLock:
    """A lock on the file at `path`, which is made where it is not there. `is_held`: by this run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    @property
    def is_held(self) -> bool:
        return self._file is not None

    def take(self) -> None:
        """TargetError where another run holds it; OSError where the disk is full."""
        self._file = self._path.open("ab")
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            if is_full(error):
                raise
            raise TargetError(
                f'another run is at work in "{self._path.parent}"; wait for it, or stop it first'
            ) from None

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
