"""Frames into a video file: bytes handed by a thread to an ffmpeg child."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from vidream.errors import TargetError
from vidream.media.disk import full_disk
from vidream.media.ffmpeg import Child, local_url

__all__ = ["VideoEncoder", "crf_of", "even_sides", "final_options", "lossless_options"]

# One frame of lookahead in the queue and one in the pipe keep the encoder busy; more would only cost memory.
_QUEUE_FRAMES = 2
_STALL_SECONDS = 300.0
# Of x264's CRF: what its preset "superfast" takes to look as "medium" does.
FINER = 3


def crf_of(quality: int, suffix: str) -> int:
    """The constant-quality number for `quality` 1..100: x264 17 at 85, no loss to be seen; VP9 8 more."""
    crf = round(51 - 0.4 * quality)
    return crf + 8 if suffix == ".webm" else crf


def even_sides(array: np.ndarray) -> np.ndarray:
    """[H,W,3] with an odd last line or column repeated once: 4:2:0 video has even sides only."""
    height, width = array.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return array
    return np.pad(array, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def final_options(suffix: str, *, quality: int, is_live: bool = False) -> list[str]:
    """Encoder arguments for a file everything plays: H.264 or VP9, 4:2:0, bt709, limited range.

    suffix: of the file they make; "" leaves out what only a finished file needs.
    is_live: as little work as can be, for a machine that has a picture to keep up with.
    """
    colour = "range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    scale = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=lanczos+accurate_rnd+full_chroma_int"
    tags = ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    shared = ["-vf", f"{scale},format=yuv420p,setparams={colour}", "-pix_fmt", "yuv420p", *tags]
    crf = str(crf_of(quality, suffix))
    if suffix == ".webm":
        speed = ["-deadline", "realtime" if is_live else "good", "-cpu-used", "8" if is_live else "4", "-row-mt", "1"]
        return [*shared, "-c:v", "libvpx-vp9", "-crf", crf, "-b:v", "0", *speed]
    # Two cores spend an eighth of a film's time on "medium". "superfast", 3 steps finer, looks the same (PSNR and
    # SSIM, docs/LOG.md) for a quarter of the time and a quarter more bytes. Live there is no time for the finer steps.
    crf = crf if is_live else str(max(0, int(crf) - FINER))
    return [*shared, "-c:v", "libx264", "-preset", "superfast", "-crf", crf, *container_options(suffix)]


def container_options(suffix: str) -> list[str]:
    """Muxer arguments for `suffix`: playable before it is wholly loaded."""
    return ["-movflags", "+faststart"] if suffix in (".mp4", ".m4v", ".mov") else []


def lossless_options() -> list[str]:
    """Encoder arguments for an exact intermediate file (.mkv) of RGB frames."""
    return ["-c:v", "ffv1", "-level", "3", "-slices", "4", "-pix_fmt", "bgr0"]


class VideoEncoder:
    """An ffmpeg that turns frames of one size into the file at `temporary`.

    The bytes are handed over by a thread: the caller's next frame is made meanwhile, and a Ctrl-C never
    leaves half a frame in the pipe.
    """

    def __init__(
        self, temporary: Path, target: Path, *, width: int, height: int, rate: Fraction, options: list[str]
    ) -> None:
        """Start it. target: the name shown in errors, where the disk's room is looked up."""
        self._target = target
        source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", str(rate)]
        self._child = Child(
            ["-loglevel", "warning", "-y", *source, "-i", "pipe:0", *options, local_url(temporary)], feed=True
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

    def write(self, array: np.ndarray) -> None:
        """Hand over one frame [H,W,3] uint8 RGB. TargetError where the encoder has died."""
        self._put(array.tobytes())

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
