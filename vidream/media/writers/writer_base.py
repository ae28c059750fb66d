"""The base class of what FrameWriter hands its frames to, and what all of them are told."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from vidream.errors import TargetError
from vidream.media.companions import Companions
from vidream.media.delivery import Encoding
from vidream.media.disk import disk_trouble
from vidream.media.formats import Format
from vidream.media.frame import Frame
from vidream.media.targets import temporary_name

__all__ = ["Target", "Work", "Writer"]


class Work(Protocol):
    """A folder to keep a film in while it is made, and word of the file that came of it."""

    folder: Path

    def made(self, path: Path) -> None:
        """`path` is the finished file, about to get its final name."""


@dataclass
class Target:
    """What is to be made.

    Attributes:
        path: where.
        format: its row in the table of formats.
        rate: frames a second.
        encoding: how its frames are stored.
        comment: a line that the file carries inside, where its format can.
        is_live: encoded with as little work as can be.
        companions: what goes with a video.
        work: a folder to keep a film in while it is made.
        numbers: of numbered pictures, the numbers of the first ones, ascending; those after them count on.
        first: frames of the film before the first that comes, made elsewhere.
        total_frames: of the whole film, where that is known.
        max_bytes: what an animation may take.
    """

    path: Path
    format: Format
    rate: Fraction
    encoding: Encoding = field(default_factory=Encoding)
    comment: str | None = None
    is_live: bool = False
    companions: Companions | None = None
    work: Work | None = None
    numbers: list[int] | None = None
    first: int = 0
    total_frames: int | None = None
    max_bytes: int | None = None


class Writer(ABC):
    """Makes one target of frames: `write` each, then `close`, or `discard`.

    The other methods keep a film that is made over several runs. They do nothing where there is nothing to keep.

    Attributes:
        frames: how many were written.
        warning: one line about what was lost, or None.
        note: one line about how it was made to fit a limit, or None.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.frames = 0
        self.warning: str | None = None
        self.note: str | None = None
        self._temporaries: list[Path] = []

    @abstractmethod
    def write(self, frame: Frame, *, new_shot: bool) -> None:
        """Add a frame of the same size as those before. Raises TargetError."""

    @abstractmethod
    def close(self) -> Path | None:
        """Finish; returns the finished file, still under another name, or None where all is in its place.

        Raises:
            TargetError: the disk is full, or the encoder failed.
        """

    def discard(self) -> None:
        """Stop, and leave no temporary file. May be called twice, and after `close`."""
        for path in self._temporaries:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    @property
    def closed_frames(self) -> int:
        """How many frames lie in files that are closed, or are being closed."""
        return self.frames

    def close_full_segment(self) -> None:
        """Close the segment that is being made where it has its full length. Raises TargetError."""
        return None

    def secure(self, frames: int) -> dict[str, Any] | None:
        """Have the disk hold the first `frames` frames; may run in another thread than `write`.

        Returns:
            the position after them in plain values, for `restore`; None where later frames made that impossible.

        Raises:
            TargetError, OSError: the disk does not take them.
        """
        return {"frames": frames}

    def release(self, position: dict[str, Any]) -> None:
        """Drop what only positions before this one need, now that it is saved."""
        return None

    def restore(self, position: dict[str, Any]) -> None:
        """Go on from a position of a run before. TargetError where frames are missing."""
        self.frames = int(position["frames"])

    def pause(self) -> None:
        """Finish what is being made and keep it, without making the target. Raises TargetError."""
        return None

    def trouble(self, error: OSError) -> TargetError:
        """The words for an `OSError` that came up while frames were kept."""
        return disk_trouble(self.target.path, error)

    def _temporary(self, suffix: str) -> Path:
        self._temporaries.append(temporary_name(self.target.path, suffix))
        return self._temporaries[-1]
