"""A pile of pictures on disk, for what must be seen once more than memory would hold."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from torch import Tensor

from vidream.frames.convert import from_array, to_array
from vidream.frames.disk import disk_trouble

__all__ = ["PictureSpool"]


class PictureSpool:
    """Keeps pictures [1,3,H,W] of one size as 8-bit numbers in a nameless file, gone after the `with` block.

    beside: the file whose folder has the room.  TargetError where that disk is full.
    """

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self._spans: list[tuple[int, int]] = []
        self._shape: tuple[int, ...] = ()
        self._file = tempfile.TemporaryFile(dir=beside.absolute().parent, prefix=".vidream-")  # noqa: SIM115

    def __len__(self) -> int:
        return len(self._spans)

    def append(self, picture: Tensor) -> None:
        array = to_array(picture)
        self._shape = array.shape
        # The lightest compression: a third less, at the speed of a disk.
        data = zlib.compress(array.tobytes(), 1)
        try:
            self._spans.append((self._file.seek(0, 2), len(data)))
            self._file.write(data)
        except OSError as error:
            raise disk_trouble(self._beside, error) from None

    def backwards(self) -> Iterator[Tensor]:
        """The pictures, the last one first."""
        for place, length in reversed(self._spans):
            self._file.seek(place)
            array = np.frombuffer(zlib.decompress(self._file.read(length)), np.uint8)
            yield from_array(array.reshape(self._shape))

    def __enter__(self) -> PictureSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
