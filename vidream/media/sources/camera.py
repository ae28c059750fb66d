"""Camera: the newest frame of a camera, an address or a file, and never an old one."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType

import cv2
import numpy as np
from torch import Tensor

from vidream.errors import SourceError
from vidream.media.arrays import from_array
from vidream.media.sources.capture import CameraSource, open_source, says_nothing

__all__ = ["Camera"]

# A camera that came back is found within this time; trying more often only warms its driver.
_RETRY_SECONDS = 1.0
# A stream that gives nothing for so long is said to be silent, and opened anew.
_SILENT_SECONDS = 4.0


class Camera:
    """Reads a camera in a thread of its own and keeps the newest frame alone: nothing queues.

        with Camera(0, size=640) as camera:
            picture, captured_at = camera.next(timeout_seconds=1.0)

    source: a number (0 is the first camera), an address (rtsp://, http://), or a file, which plays at
    its own rate and in a loop, frames left out where reading is late.  Where a camera is unplugged
    `newest` gives None, `trouble` says so, and it is opened again as soon as it is back.

    `size`: as given; may be set at any time.  `width`, `height`: px of the pictures given.  `rate`:
    frames a second, as the source says.
    `trouble`: one line while no frames come, else None.  `frames_read`, `dropped_frames`: how many
    came, and how many of them nobody took or were left out, `reconnects`: how often it came back.
    """

    def __init__(
        self,
        source: int | str | os.PathLike[str],
        *,
        size: int | None = None,
        opener: Callable[[str], CameraSource] = open_source,
    ) -> None:
        """size: longer side in px at most; smaller frames stay as they are.  opener: another way
        to open what `source` names.  SourceError, one line, where nothing can be read from it.
        """
        if size is not None and not 16 <= size <= 16384:
            raise SourceError(f"size is {size}; give 16 to 16384 px for the longer side")
        self.name = str(source)
        self.frames_read = 0
        self.dropped_frames = 0
        self.reconnects = 0
        self.trouble: str | None = None
        self.size = size
        self._open = opener
        self._source: CameraSource | None = self._open(self.name)
        first = self._source.read()
        if first is None:
            self._source.close()
            raise SourceError(says_nothing(self.name))
        self.rate = self._source.rate
        self.is_file = self._source.is_file
        first = self._scaled(first)
        self.height, self.width = first.shape[:2]
        self._fresh = threading.Condition()
        self._newest: tuple[np.ndarray, float] | None = (first, time.monotonic())
        self._converted: tuple[Tensor, float] | None = None
        self._is_taken = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vidream-camera", daemon=True)
        self._thread.start()

    def newest(self) -> tuple[Tensor, float] | None:
        """The newest frame [1,3,H,W], RGB, 0..1, and when it was captured (`time.monotonic`); never waits.

        None while the camera is away. The same frame comes again as long as there is no newer one.
        """
        with self._fresh:
            newest, self._is_taken = self._newest, True
        if newest is None:
            return None
        array, captured_at = newest
        if self._converted is None or self._converted[1] != captured_at:
            # Converted where it is wanted: frames that nobody takes cost nothing.
            self._converted = (from_array(array[:, :, ::-1]), captured_at)
        return self._converted

    def next(self, *, timeout_seconds: float = 1.0) -> tuple[Tensor, float] | None:
        """As `newest`, but waits for a frame that was not given out yet; None where none came in time."""
        with self._fresh:
            if not self._fresh.wait_for(lambda: self._newest is not None and not self._is_taken, timeout_seconds):
                return None
        return self.newest()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._source is None:
                self._reopen()
            elif self._source.is_file:
                self._play(self._source)
            else:
                self._watch(self._source)

    def _watch(self, source: CameraSource) -> None:
        """Publish what the camera gives until it gives nothing any more."""
        last = time.monotonic()
        while not self._stop.is_set():
            array = source.read()
            now = time.monotonic()
            if array is not None:
                self._publish(array, now)
                last = now
            elif now - last > _SILENT_SECONDS or not getattr(source, "is_open", True):
                return self._lose()
            elif self._stop.wait(0.05):
                # One frame that fails is a hiccup of the cable; many are a camera that is gone.
                return

    def _play(self, source: CameraSource) -> None:
        """Play a file at its own rate, in a loop; what is late is left out, as a camera would."""
        period = 1.0 / source.rate
        due = time.monotonic() + period
        shown_since_rewind = 1
        while not self._stop.is_set():
            late = int((time.monotonic() - due) / period)
            for _ in range(max(0, late)):
                source.skip()
                due += period
                self.dropped_frames += 1
                self.frames_read += 1
            array = source.read()
            if array is None:
                if not shown_since_rewind or not source.rewind():
                    return self._lose()
                shown_since_rewind = 0
                continue
            shown_since_rewind += 1
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            self._publish(array, due)
            due += period

    def _publish(self, array: np.ndarray, captured_at: float) -> None:
        array = self._scaled(array)
        with self._fresh:
            self.frames_read += 1
            if self._newest is not None and not self._is_taken:
                self.dropped_frames += 1
            self._newest, self._is_taken = (array, captured_at), False
            self.height, self.width = array.shape[:2]
            self.trouble = None
            self._fresh.notify_all()

    def _lose(self) -> None:
        with self._fresh:
            self._newest, self._is_taken = None, False
            self.trouble = f"{_called(self.name)} is gone; waiting for it to come back"
        if self._source is not None:
            self._source.close()
            self._source = None

    def _reopen(self) -> None:
        if self._stop.wait(_RETRY_SECONDS):
            return
        with contextlib.suppress(SourceError):
            self._source = self._open(self.name)
            self.rate = self._source.rate
            self.reconnects += 1

    def _scaled(self, array: np.ndarray) -> np.ndarray:
        height, width = array.shape[:2]
        if self.size is None or max(height, width) <= self.size:
            return array
        share = self.size / max(height, width)
        size = (max(16, round(width * share)), max(16, round(height * share)))
        return cv2.resize(array, size, interpolation=cv2.INTER_AREA)

    def close(self) -> None:
        """Stop reading and let go of the camera. May be called twice."""
        self._stop.set()
        # A driver may hang for seconds in a read; the thread is a daemon and is not waited for longer.
        self._thread.join(timeout=2.0)
        if self._source is not None and not self._thread.is_alive():
            self._source.close()
            self._source = None

    def __enter__(self) -> Camera:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _called(name: str) -> str:
    return f"camera {name}" if name.isdigit() else f'"{name}"'
