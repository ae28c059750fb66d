"""Frames into one video file: bytes handed by a thread to an ffmpeg child."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from vidream.errors import TargetError
from vidream.media.arrays import over_nothing, to_array, to_deep_array, to_dithered_array
from vidream.media.delivery import Encoding
from vidream.media.disk import full_disk
from vidream.media.ffmpeg import Child, local_url
from vidream.media.frame import Frame

__all__ = ["RawFrame", "VideoEncoder", "raw_frame"]

# One frame of lookahead in the queue and one in the pipe keep the encoder busy; more would only cost memory.
_QUEUE_FRAMES = 2
_STALL_SECONDS = 300.0


class RawFrame(NamedTuple):
    """A frame as ffmpeg gets it. height, width: px, which may be more than those of the picture."""

    data: bytes
    height: int
    width: int


def raw_frame(frame: Frame, encoding: Encoding, *, is_live: bool = False) -> RawFrame:
    """`frame` in the form that `encoding.pipe_format` names, the last lines and columns repeated where its codec wants
    more: 4:2:0 video has even sides only."""
    picture, codec = frame.picture, encoding.codec
    assert codec is not None
    if encoding.has_alpha:
        alpha = frame.alpha
        if alpha is None or alpha.shape[2:] != picture.shape[2:]:
            alpha = torch.ones_like(picture[:, :1])
        picture = over_nothing(picture, alpha)
    height, width = picture.shape[2:]
    more = ((0, -height % codec.multiple_px), (0, -width % codec.multiple_px))
    if encoding.is_deep_pipe(is_live=is_live):
        # What becomes brightness and colour differences is rounded by ffmpeg.
        array = to_deep_array(picture, encoding.bits if codec.is_rgb(encoding.bits) else 16)
        array, sides = array[[1, 2, 0, 3][: len(array)]], ((0, 0), *more)
    else:
        dithers = encoding.has_alpha or (encoding.dithers and not is_live)
        array = to_dithered_array(picture) if dithers else to_array(picture)
        sides = (*more, (0, 0))
    array = np.pad(array, sides, mode="edge") if np.any(more) else array
    return RawFrame(array.tobytes(), height + more[0][1], width + more[1][1])


class VideoEncoder:
    """An ffmpeg that turns frames of one size into a file.

    The bytes are handed over by a thread: the caller's next frame is made meanwhile, and a Ctrl-C never
    leaves half a frame in the pipe.
    """

    def __init__(
        self,
        file: Path,
        target: Path,
        *,
        width: int,
        height: int,
        rate: Fraction,
        encoding: Encoding,
        options: list[str],
        is_live: bool = False,
    ) -> None:
        """Start it.

        Args:
            file: what is made.
            target: the name shown in errors, where the disk's room is looked up.
            width, height: of the frames, px.
            rate: frames a second.
            encoding: how they are stored.
            options: the container's arguments.
            is_live: with as little work as can be.
        """
        self._target = target
        pixels = encoding.pipe_format(is_live=is_live)
        source = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width}x{height}", "-framerate", str(rate)]
        # -r: left to itself, ffmpeg guesses the rate by the times of the first frames, and takes 119.88 for 120.
        source += ["-r", str(rate), *encoding.tags.light.source_options]
        times = ["-fps_mode", "passthrough", "-enc_time_base", str(1 / rate)]
        coding = encoding.arguments(is_live=is_live)
        self._child = Child(
            ["-loglevel", "warning", "-y", *source, "-i", "pipe:0", *times, *coding, *options, local_url(file)],
            feed=True,
        )
        self._frames: queue.Queue[bytes | None] = queue.Queue(_QUEUE_FRAMES)
        self._is_broken = threading.Event()
        self._feeder = threading.Thread(target=self._feed, name="vidream-encode", daemon=True)
        self._feeder.start()

    def _feed(self) -> None:
        try:
            while (frame := self._frames.get()) is not None:
                view = memoryview(frame)
                while view:  # a raw pipe may take only a part at a time
                    view = view[self._child.stdin.write(view) :]
            self._child.stdin.close()
        except (OSError, ValueError):  # broken pipe, or closed under us: the child's own words say why
            self._is_broken.set()

    def _put(self, item: bytes | None) -> None:
        deadline = time.monotonic() + _STALL_SECONDS
        while True:
            if self._is_broken.is_set() or self._child.process.poll() is not None:
                raise self._failure()
            try:
                return self._frames.put(item, timeout=0.2)
            except queue.Full:
                if time.monotonic() > deadline:
                    raise TargetError(
                        f"ffmpeg took no frame for {_STALL_SECONDS:.0f} seconds; is the disk still there?"
                    ) from None

    @property
    def disk_is_full(self) -> bool:
        """True where that is what stopped it."""
        return self._child.disk_is_full

    def write(self, frame: bytes) -> None:
        """Hand over one frame, as `raw_frame` gives it. TargetError where the encoder has died."""
        self._put(frame)

    def finish(self) -> None:
        """Wait until the file is whole. TargetError where it did not become so."""
        self._put(None)
        try:
            code = self._child.wait(_STALL_SECONDS)
        except subprocess.TimeoutExpired:
            raise TargetError(f'ffmpeg did not finish "{self._target}"; is the disk still there?') from None
        if code != 0 or self._is_broken.is_set() or self._child.disk_is_full:
            raise self._failure()
        self.close()

    def _failure(self) -> TargetError:
        self._child.process.kill()
        code = self._child.wait()
        if self._child.disk_is_full:
            return full_disk(self._target)
        words = self._child.last_words
        reason = words or (f"stopped by signal {-code}" if code < 0 else f"exit code {code}")
        return TargetError(
            f'ffmpeg stopped while writing "{self._target.name}" ({reason}); try again or another format'
        )

    def close(self) -> None:
        """Stop the encoder and its thread, whatever state they are in. May be called twice."""
        if self._child.process.poll() is None:
            self._child.process.kill()
        while self._feeder.is_alive():
            # The child is gone, so a write fails at once; a feeder that waits for frames is told to stop.
            try:
                self._frames.put_nowait(None)
            except queue.Full:
                self._frames.get_nowait()
            self._feeder.join(timeout=0.05)
        self._child.close()
