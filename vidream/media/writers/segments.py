"""Segments: a film kept on disk in short closed files while it is made, so that it outlives what makes it.

Every segment is encoded while its frames are made, and closed into a file of its own. Where segments are cut follows
from the frames alone: their number, size, rate and shots. So a film is the same film, whether it was made in one go
or in thirty: joining copies, and never encodes. The frames of the open segment are held in memory as well. They go to
the disk only where a state is saved within it: the next run begins that segment's file again, with them.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidream.errors import TargetError
from vidream.media.delivery import Encoding
from vidream.media.disk import disk_trouble, full_disk, is_full, save_whole, sync_file, sync_folder
from vidream.media.formats import FORMATS, Format
from vidream.media.video_times import exact_times
from vidream.media.writers.encoder import RawFrame, VideoEncoder
from vidream.media.writers.joining import LIST, join_pieces

__all__ = ["RAW", "Segments", "is_finished_segment", "is_work_file"]

# Two seconds cost 1 to 3 % of the file's size against one long run of frames, and end a Ctrl-C soon.
_SEGMENT_SECONDS = 2
# A kill costs the work in a segment, which grows with the pixels: 24 frames of 640x360 take some 5 s on two cores.
_OPEN_PIXELS = 16 * 2**20 // 3
# Fewer frames cost too much of the file: 12 take 10 % more than 48, 6 take 35 % more (1280x720) ...
_FEWEST_FRAMES = 12
# ... but the open segment is held in memory: 128 MiB with 16 bits a channel.
_LARGEST_OPEN_PIXELS = 64 * 2**20 // 3
RAW, _PART = ".rgb", ".part"


def is_work_file(name: str) -> bool:
    """True for the names that Segments gives to files: only those may be cleared away."""
    stem, dot, suffix = name.partition(".")
    return name == LIST or stem == "joined" or (stem.isdigit() and bool(dot) and suffix.split(".")[0] != "")


def is_finished_segment(name: str) -> bool:
    """True for the name of a segment that is closed and whole."""
    stem, _, suffix = name.partition(".")
    return stem.isdigit() and bool(suffix) and "." not in suffix and f".{suffix}" != RAW


class Segments:
    """Frames of one size in `folder`, closed in segments; `join` makes one file of them.

    A new segment begins every two seconds of the film, sooner where the frames are large, and with every shot.

    Attributes:
        frames: how many are held.
    """

    def __init__(
        self,
        folder: Path,
        target: Path,
        *,
        encoding: Encoding,
        suffix: str,
        rate: Fraction,
        total_frames: int | None = None,
        first: int = 0,
    ) -> None:
        """Nothing is written before the first frame.

        Args:
            folder: where the segments lie.
            target: the name shown in errors.
            encoding: how frames are stored.
            suffix: of their files.
            rate: frames a second.
            total_frames: of the whole film, for words on how much room it needs.
            first: the number, in the whole film, of the first frame that comes here.
        """
        self.frames = 0
        self._total_frames, self._first = total_frames, first
        self._folder, self._target = folder, target
        self._suffix, self._rate, self._encoding = suffix, rate, encoding
        self._has_ticks = suffix in FORMATS and FORMATS[suffix].has_ticks
        self._size: tuple[int, int] | None = None
        # Where closed segments end, as numbers of frames in the whole film; the open one begins at the last of them.
        self._cuts = [first]
        self._open: list[bytes] = []
        self._encoder: VideoEncoder | None = None
        self._is_second_try = False
        self._closing: Future[None] | None = None
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "vidream-segment")

    @property
    def closed_frames(self) -> int:
        """How many frames lie in segments that are closed, or are being closed."""
        return self._cuts[-1] - self._first

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) px of the frames held."""
        assert self._size is not None
        return self._size

    def write(self, frame: RawFrame, *, new_shot: bool = False) -> None:
        """Keep one frame. TargetError where the disk is full or the encoder failed."""
        try:
            if self._size is None:
                self._folder.mkdir(exist_ok=True)
                self._size = (frame.height, frame.width)
            if new_shot:
                self._close_segment()
            self.close_full_segment()
            if self._encoder is None:
                self._encoder = self._encode(self._cuts[-1], self._open)
            with self._lock:
                self._open.append(frame.data)
                self.frames += 1
            self._feed(self._open[-1])
        except OSError as error:
            raise self.trouble(error) from None

    def _feed(self, frame: bytes) -> None:
        assert self._encoder is not None
        try:
            self._encoder.write(frame)
        except TargetError:
            self._encoder.close()
            if self._encoder.disk_is_full:
                raise self.trouble() from None
            if self._is_second_try:
                raise
            # The frames are still there, and one killed or starved encoder need not end a night's work.
            self._is_second_try = True
            self._encoder = self._encode(self._cuts[-1], self._open)

    def _encode(self, start: int, frames: list[bytes]) -> VideoEncoder:
        """An encoder for the segment that begins at `start`, given its first `frames`."""
        height, width = self.size
        assert self._encoding.codec is not None
        encoder = VideoEncoder(
            self._name(start, f"{_PART}{self._suffix}"), self._target, width=width, height=height, rate=self._rate,
            encoding=self._encoding,
            options=exact_times(self._encoding.codec, self._rate, has_ticks=self._has_ticks),
        )  # fmt: skip
        try:
            for frame in frames:
                encoder.write(frame)
        except BaseException:
            encoder.close()
            raise
        return encoder

    def close_full_segment(self) -> None:
        """Close the open segment where it has its full length. Raises TargetError."""
        if self._size is not None and len(self._open) >= self._length:
            self._close_segment()

    def _close_segment(self) -> None:
        """Have the open segment closed beside the work; at most one is, so that memory stays bounded."""
        if not self._open:
            return
        self._wait()
        with self._lock:
            start, encoder, frames = self._cuts[-1], self._encoder, self._open
            self._cuts.append(self._first + self.frames)
            self._encoder, self._open, self._is_second_try = None, [], False
            self._closing = self._worker.submit(self._close_file, start, encoder, frames)

    def _close_file(self, start: int, encoder: VideoEncoder | None, frames: list[bytes]) -> None:
        encoder = encoder or self._encode(start, frames)
        part = self._name(start, f"{_PART}{self._suffix}")
        try:
            encoder.finish()
        except TargetError:
            if encoder.disk_is_full:
                part.unlink(missing_ok=True)
                raise self.trouble() from None
            encoder.close()
            encoder = self._encode(start, frames)  # killed or starved, perhaps: once more
            encoder.finish()
        finally:
            encoder.close()
        try:
            sync_file(part)
            part.replace(self._name(start, self._suffix))
        except OSError as error:
            raise self.trouble(error) from None

    def _wait(self) -> None:
        """Return when no segment is being closed. TargetError where one could not be."""
        with self._lock:
            closing = self._closing
        if closing is not None:
            closing.result()

    def secure(self, frames: int) -> dict[str, Any] | None:
        """Have the disk hold the first `frames` frames, as `Writer.secure` says. Raises TargetError, OSError."""
        with self._lock:
            end = self._first + frames
            cuts = [cut for cut in self._cuts if cut <= end]
            held = self._open[: end - cuts[-1]] if cuts[-1] == self._cuts[-1] else []
            closing = self._closing
        if closing is not None:
            closing.result()
        if len(held) < end - cuts[-1]:
            return None  # they lie in a segment that was closed meanwhile, with frames after them
        if held:
            save_whole(self._name(cuts[-1], RAW), *held)
        if self._folder.is_dir():
            sync_folder(self._folder)
        return {"frames": frames, "cuts": cuts, "size": list(self._size or ())}

    def release(self, position: dict[str, Any]) -> None:
        """Drop the frames of a stop that nothing goes back to, now that `position` is saved."""
        start, is_open = position["cuts"][-1], position["cuts"][-1] < self._first + position["frames"]
        for path in self._folder.glob(f"*{RAW}"):
            if path.stem.isdigit() and not (is_open and path == self._name(start, RAW)):
                path.unlink(missing_ok=True)

    def restore(self, position: dict[str, Any]) -> None:
        """Go on from `position`; what was written after it is dropped. TargetError where frames are missing."""
        self.frames, self._cuts = int(position["frames"]), [int(cut) for cut in position["cuts"]]
        if not self.frames:
            return  # a state from before the first frame: what lies there is begun anew
        height, width = position["size"]
        self._size = (int(height), int(width))
        start, held = self._cuts[-1], self._first + self.frames - self._cuts[-1]
        raw = self._name(start, RAW)
        known = {self._name(begin, self._suffix) for begin in self._cuts[:-1]} | ({raw} if held else set())
        for path in self._folder.iterdir():
            if is_work_file(path.name) and path not in known:
                path.unlink()
        for begin, end in pairwise(self._cuts):
            if not self._name(begin, self._suffix).exists():
                raise self._lost(begin, end)
        data = raw.read_bytes() if held and raw.exists() else b""
        if len(data) < held * self._frame_bytes:
            raise self._lost(start, start + held)
        self._open = [data[at * self._frame_bytes : (at + 1) * self._frame_bytes] for at in range(held)]

    def _lost(self, start: int, end: int) -> TargetError:
        return TargetError(
            f'"{self._folder}" has lost frames {start + 1} to {end}, so the film cannot be continued',
            use={"overwrite": True},
        )

    def trouble(self, error: OSError | None = None) -> TargetError:
        """The error for a disk that did not take the film: how much room is there, and how much it needs."""
        if error is not None and not is_full(error):
            return disk_trouble(self._target, error)
        return full_disk(self._target, self._needed_bytes())

    def _needed_bytes(self) -> int | None:
        """What is still to be written: the rest of the film, then all of it again where it is joined and sounded."""
        if self._total_frames is None or self._size is None:
            return None
        closed = [(self._name(start, self._suffix), end - start) for start, end in pairwise(self._cuts)]
        closed = [(path, frames) for path, frames in closed if path.exists()]
        # Before the first segment is closed: a dream takes a tenth of its raw size at most.
        frame_bytes = self._frame_bytes / 10
        if closed:
            frame_bytes = sum(path.stat().st_size for path, _ in closed) / sum(frames for _, frames in closed)
        rest = max(0, self._total_frames - self.closed_frames)
        return round(frame_bytes * (rest + 2 * self._total_frames))

    @property
    def _frame_bytes(self) -> int:
        channels = 4 if self._encoding.has_alpha else 3
        return self._pixels * channels * (2 if self._encoding.is_deep_pipe() else 1)

    @property
    def _pixels(self) -> int:
        return self.size[0] * self.size[1]

    @property
    def _length(self) -> int:
        """Frames in a full segment."""
        fitting = max(_OPEN_PIXELS // self._pixels, min(_FEWEST_FRAMES, _LARGEST_OPEN_PIXELS // self._pixels))
        return max(1, min(round(self._rate * _SEGMENT_SECONDS), fitting))

    def finish(self) -> None:
        """Close the last segment. TargetError where that fails."""
        self._close_segment()
        self._wait()

    def join(self, made_format: Format, options: list[str]) -> Path:
        """All frames as one file, in the same folder; nothing is encoded again. TargetError.

        Args:
            made_format: of the file.
            options: further arguments for ffmpeg.
        """
        self.finish()
        pieces = [(self._name(start, self._suffix), end - start) for start, end in pairwise(self._cuts)]
        assert self._encoding.codec is not None
        times = exact_times(self._encoding.codec, self._rate, has_ticks=made_format.has_ticks)
        suffix = made_format.suffix if made_format.is_video else ".mkv"
        return join_pieces(self._folder, self._target, pieces, self._rate, suffix, [*times, *options])

    def _name(self, start: int, ending: str) -> Path:
        return self._folder / f"{start:08d}{ending}"

    def close(self) -> None:
        """Stop; all that was written stays, and `secure` still knows the open segment's frames. May be called twice."""
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None
            # On a full disk, the state needs the room.
            self._name(self._cuts[-1], f"{_PART}{self._suffix}").unlink(missing_ok=True)
        self._worker.shutdown(wait=True)
