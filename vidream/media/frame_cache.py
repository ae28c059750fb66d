"""A pile of pictures on disk, for what must be seen once more than memory would hold."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from torch import Tensor

from vidream.errors import TargetError
from vidream.media.arrays import from_array, to_array
from vidream.media.disk import disk_trouble

__all__ = ["FrameCache"]


class FrameCache:
    """Keeps pictures [1,3,H,W] of one size as 8-bit numbers in the file at `path`.

    The file stays: a run that was broken off finds the first `frames` pictures in it again.  Height and width:
    of every picture.  TargetError where the disk is full, or the file holds fewer.
    """

    def __init__(self, path: Path, height: int, width: int, *, frames: int = 0) -> None:
        self._path, self._shape, self._frames = path, (height, width, 3), frames
        self._bytes = height * width * 3
        try:
            self._file = path.open("r+b" if frames else "w+b", buffering=0)
            if self._file.seek(0, os.SEEK_END) < frames * self._bytes:
                raise TargetError(
                    f'"{path}" has lost pictures, so the film cannot be continued', use={"overwrite": True}
                )
            self._file.truncate(frames * self._bytes)
        except OSError as error:
            raise disk_trouble(path, error) from None

    def __len__(self) -> int:
        return self._frames

    def append(self, picture: Tensor) -> None:
        """Keep one more. ValueError where its size is another; TargetError."""
        array = to_array(picture)
        if array.shape != self._shape:
            raise ValueError(f"a picture of {array.shape} came; this cache keeps {self._shape}")
        try:
            self._file.seek(self._frames * self._bytes)
            view = np.ascontiguousarray(array).reshape(-1).data
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise disk_trouble(self._path, error) from None
        self._frames += 1

    def picture(self, place: int) -> Tensor:
        """Number `place`, counted from 0. IndexError where there is none."""
        if not 0 <= place < self._frames:
            raise IndexError(place)
        self._file.seek(place * self._bytes)
        array = np.frombuffer(self._file.read(self._bytes), np.uint8)
        return from_array(array.reshape(self._shape).copy())

    def close(self) -> None:
        """Let go of the file; what is in it stays."""
        self._file.close()
