"""What is shown live, as a video file that plays as fast as it happened."""

from __future__ import annotations

import os
import threading
import time
from fractions import Fraction
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from vidream.errors import TargetError
from vidream.media.formats import format_of, suffixes
from vidream.media.writers.writer import FrameWriter
from vidream.outputs.output import Output
from vidream.runtime.threads import run_single_threaded

__all__ = ["VideoRecorder"]


class VideoRecorder(Output):
    """Records pictures as they come into a video of constant rate, in a thread of its own.

    Where pictures come slower than `rate`, the last one is repeated; where they come faster, some are left out: a
    minute recorded plays for a minute. Only the newest picture waits, so a slow disk never slows the caller down.
    However the `with` block ends, the file is finished.

    Args:
        target: the video file.
        rate: frames a second.
        overwrite: replace the file where it exists.

    Raises:
        TargetError: one line, the target cannot be written.
    """

    name = "file"

    def __init__(self, target: str | os.PathLike[str], *, rate: float | Fraction = 30, overwrite: bool = False) -> None:
        super().__init__(target, rate=rate)
        found = format_of(Path(target))
        if found is None or not found.is_video:
            raise TargetError(f'a live dream cannot be recorded as "{target}"; give it {", ".join(suffixes("video"))}')
        self.rate: Fraction = Fraction(rate).limit_denominator(1001)
        self._writer = FrameWriter(target, rate=self.rate, overwrite=overwrite, is_live=True)
        self.path = self._writer.path
        self._newest: Tensor | None = None
        self._first_at = self._ends_at = 0.0
        self._changed = threading.Condition()
        self._is_closing = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="vidream-record", daemon=True)

    def open(self) -> None:
        """Start the thread that writes."""
        super().open()
        self._thread.start()

    @property
    def frames_written(self) -> int:
        return self._writer.frames_written

    def show(self, picture: Tensor) -> None:
        """Record a picture [1,3,H,W], RGB, 0..1, from now until the next; never waits.

        Raises:
            TargetError: writing has failed.
        """
        with self._changed:
            if self._error is not None:
                raise self._error
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
            self._error = error

    def _due(self) -> Tensor | None:
        """Wait until the next frame is due; returns the picture that it shows, or None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._is_closing)
            due = self._first_at + self._writer.frames_written / self.rate
            while not self._is_closing and (left := due - time.monotonic()) > 0:
                self._changed.wait(left)
            # What was shown up to the end belongs to the film; the encoder may be behind.
            return None if self._is_closing and due > self._ends_at else self._newest

    def close(self) -> None:
        """Finish the file. May be called twice.

        Raises:
            TargetError: the file could not be written.
        """
        with self._changed:
            if self._is_closing:
                return
            self._ends_at = time.monotonic()
            self._is_closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        if self._error is not None:
            self._writer.discard()
            raise self._error
        if self._writer.frames_written:
            self._writer.close()
        else:
            self._writer.discard()
