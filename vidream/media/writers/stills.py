"""Writers of pictures: one, or one a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vidream.media.colour_tags import ColourTags
from vidream.media.disk import sync_file
from vidream.media.exr import encode_exr
from vidream.media.frame import Frame
from vidream.media.images import encode_picture, save_bytes
from vidream.media.metadata import with_colour_tags, with_comment
from vidream.media.numbered import NumberedName
from vidream.media.targets import one_picture_only
from vidream.media.writers.writer_base import Target, Writer

__all__ = ["NumberedWriter", "StillWriter"]


def _encoded(frame: Frame, target: Target) -> bytes:
    """The bytes of a picture file."""
    suffix = target.format.suffix
    # A picture of another size is no longer the frame that the alpha was cut for.
    fits = frame.alpha is not None and frame.alpha.shape[2:] == frame.picture.shape[2:]
    encoding = target.encoding
    alpha = frame.alpha if fits and encoding.has_alpha else None
    if suffix == ".exr":
        return encode_exr(frame.picture, encoding.tags, alpha=alpha)
    quality = min(100, encoding.quality + 10)
    data = encode_picture(frame.picture, suffix, quality=quality, alpha=alpha, bits=encoding.bits)
    if suffix == ".png" and encoding.tags != ColourTags():
        data = with_colour_tags(data, encoding.tags)
    return with_comment(data, suffix, target.comment) if target.comment else data


class StillWriter(Writer):
    """Exactly one picture."""

    _data = b""

    def write(self, frame: Frame, *, new_shot: bool) -> None:
        if self.frames:
            raise one_picture_only(self.target.path, "more")
        self._data = _encoded(frame, self.target)
        self.frames += 1

    def close(self) -> Path | None:
        made = self._temporary(self.target.path.suffix)
        made.write_bytes(self._data)
        return made


class NumberedWriter(Writer):
    """One file a frame, numbered as the source is, else from 1 on; each is whole as soon as it has its name."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._name = NumberedName(target.path)
        self._unsynced: list[Path] = []

    def write(self, frame: Frame, *, new_shot: bool) -> None:
        file = self._name.file(self._number(self.target.first + self.frames))
        save_bytes(file, _encoded(frame, self.target))
        if self.target.work is not None:
            self._unsynced.append(file)
        self.frames += 1

    def _number(self, index: int) -> int:
        """The number of picture `index`, counted from 0."""
        numbers = self.target.numbers or [1]
        return numbers[index] if index < len(numbers) else numbers[-1] + index + 1 - len(numbers)

    def close(self) -> Path | None:
        return None

    def secure(self, frames: int) -> dict[str, Any] | None:
        unsynced, self._unsynced = self._unsynced, []
        for path in unsynced:
            sync_file(path)
        return super().secure(frames)
