"""Recorder: what is shown live, into a file that plays as fast as it happened."""

from __future__ import annotations

import os
import threading
import time
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import torch.nn.functional as F
from torch import Tensor

from vidream.errors import TargetError
from vidream.media.formats import format_of, suffixes
from vidream.media.writers.writer import FrameWriter
from vidream.runtime.threads import run_single_threaded

__all__ = ["Recorder"]


class Recorder:
    """Records pictures as they come, at a constant rate, in a thread of its own.

    Where pictures come slower than `rate` the last one is repeated, and where they come faster some
    are left out, so that a minute recorded plays for a minute. Only the newest picture waits: a slow
    disk never slows the caller down. Whatever ends the `with` block, the file is finished.
    """

    def __init__(self, target: str | os.PathLike[str], *, rate: float | Fraction = 30, overwrite: bool = False) -> None:
        """rate: frames a second.  TargetError, one line, where `target` cannot be written."""
        found = format_of(Path(target))
        if found is None or not found.is_video:
            raise TargetError(f'a live dream cannot be recorded as "{target}"; give it {", ".join(suffixes("video"))}')
        self.rate = Fraction(rate).limit_denominator(1001)
        self._writer = FrameWriter(target, rate=self.rate, overwrite=overwrite, is_live=True)
        self.path = self._writer.path
        self._newest: Tensor | None = None
        self._first_at = self._ends_at = 0.0
        self._changed = threading.Condition()
        self._is_closing = False
        self._trouble: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="vidream-record", daemon=True)
        self._thread.start()

    @property
    def frames_written(self) -> int:
        return self._writer.frames_written

    def write(self, picture: Tensor) -> None:
        """Record `picture` [1,3,H,W], RGB, 0..1, from now until the next; never waits.

        TargetError where writing has failed.
        """
        with self._changed:
            if self._trouble is not None:
                raise self._trouble
            if self._newest is None:
                self._first_at = time.monotonic()
            self._newest = picture
            self._changed.notify_all()

    def _run(self) -> None:
        run_single_threaded()
        try:
            size: tuple[int, int] | None = None
            while (picture := self._due()) is not None:
                size = size or (picture.shape[-2], picture.shape[-1])
                if tuple(picture.shape[-2:]) != size:  # the camera came back with another size
                    picture = F.interpolate(picture, size=size, mode="area")
                self._writer.write(picture)
        except Exception as error:
            self._trouble = error

    def _due(self) -> Tensor | None:
        """Wait until the next frame is due; the picture that it shows, or None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._is_closing)
            due = self._first_at + self._writer.frames_written / self.rate
            while not self._is_closing and (left := due - time.monotonic()) > 0:
                self._changed.wait(left)
            # What was shown up to the end belongs to the film; the encoder may be behind.
            return None if self._is_closing and due > self._ends_at else self._newest

    def close(self) -> None:
        """Finish the file. May be called twice. TargetError where it could not be written."""
        with self._changed:
            if self._is_closing:
                return
            self._ends_at = time.monotonic()
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join()
        if self._trouble is not None:
            self._writer.discard()
            raise self._trouble
        if self._writer.frames_written:
            self._writer.close()
        else:
            self._writer.discard()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
