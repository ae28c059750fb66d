"""Segments: a film kept on disk in short closed files while it is made, so that it outlives what makes it.

Every frame goes raw into a file as it comes; a full segment is encoded from there, beside the work, into a
closed file of its own, and its raw frames go. A film cut at the same frames is so the same film, whether it
was made in one go or in thirty: joining copies, and never encodes.
"""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from vidream.errors import TargetError
from vidream.media.disk import disk_trouble, full_disk, is_full, sync_file, sync_folder
from vidream.media.ffmpeg import local_url, run

__all__ = ["RAW", "Segments", "Work", "is_work_file"]

# Two seconds cost 1 to 3 % of the file's size against one long run of frames, and end a Ctrl-C soon.
_SEGMENT_SECONDS = 2
# Raw frames of two segments lie on the disk at a time: at 4K, two seconds of them would be 1.5 GB each.
_LARGEST_RAW_BYTES = 512 * 2**20
_FEWEST_FRAMES = 8
_LIST = "join.ffconcat"
RAW, _PART = ".rgb", ".part"


class Work(Protocol):
    """A folder to keep a film in while it is made, and word of the file that came of it."""

    folder: Path

    def made(self, path: Path) -> None:
        """`path` is the finished file, about to get its final name."""


def is_work_file(name: str) -> bool:
    """True for the names that Segments gives to files: only those may be cleared away."""
    stem, dot, suffix = name.partition(".")
    return name == _LIST or stem == "joined" or (stem.isdigit() and bool(dot) and suffix.split(".")[0] != "")


class Segments:
    """Frames of one size in `folder`, closed in segments; `join` makes one file of them.

    `frames`: how many are held.  A new segment begins every two seconds and with every shot.
    """

    def __init__(
        self,
        folder: Path,
        target: Path,
        *,
        suffix: str,
        rate: Fraction,
        options: list[str],
        total_frames: int | None = None,
        first: int = 0,
    ) -> None:
        """target: the name shown in errors.  suffix, options: of the closed files, and how to encode them.

        total_frames: of the whole film, for words on how much room it needs.  first: the number, in the whole
        film, of the first frame that comes here.
        """
        self.frames = 0
        self._total_frames, self._first = total_frames, first
        self._folder, self._target = folder, target
        self._suffix, self._rate, self._options = suffix, rate, options
        self._starts: list[int] = []
        self._size: tuple[int, int] | None = None
        self._raw: IO[bytes] | None = None
        self._encoding: Future[None] | None = None
        self._worker = ThreadPoolExecutor(1, "vidream-segment")

    def position(self) -> dict[str, Any]:
        """Where it stands, in plain numbers: what `restore` takes."""
        return {"frames": self.frames, "starts": list(self._starts), "size": list(self._size or ())}

    def restore(self, position: dict[str, Any]) -> None:
        """Go on from `position`; what was written after it is dropped. TargetError where something is missing."""
        self.frames, self._starts = int(position["frames"]), [int(start) for start in position["starts"]]
        if not self._starts:
            return  # a state from before the first frame: what lies there is begun anew
        height, width = position["size"]
        self._size = (int(height), int(width))
        known = {self._name(start, end).name for start in self._starts[:-1] for end in (self._suffix, RAW)}
        last = self._name(self._starts[-1], RAW)
        # A film joined of parts has no raw frames. Any other goes on with its last segment, which a stop has closed.
        is_whole = not last.exists()
        known.add(self._name(self._starts[-1], self._suffix if is_whole else RAW).name)
        for path in self._folder.iterdir():
            if is_work_file(path.name) and path.name not in known:
                path.unlink()
        for start, end in self._spans():
            self._check_held(start, end)
        if not is_whole:
            self._raw = last.open("ab", buffering=0)

    def _check_held(self, start: int, end: int) -> None:
        """See that the frames of a segment are there: closed, or raw. Raw ones are closed now, but the last."""
        raw = self._name(start, RAW)
        if self._name(start, self._suffix).exists():
            return
        needed = (end - start) * self._frame_bytes
        if not raw.exists() or raw.stat().st_size < needed:
            raise TargetError(
                f'"{self._folder}" has lost frames {start + 1} to {end}; begin again with --overwrite'
            )  # pragma: no cover - only where somebody took files away
        os.truncate(raw, needed)
        if start != self._starts[-1]:
            self._encode(start)

    def write(self, array: np.ndarray, *, new_shot: bool = False) -> None:
        """Keep one frame [H,W,3] uint8 RGB. TargetError where the disk is full or the encoder failed."""
        try:
            if not self._starts:
                self._folder.mkdir(exist_ok=True)
                self._size = (array.shape[0], array.shape[1])
                self._begin()
            elif self._held >= self._length or (new_shot and self._held):
                self._close_last()
                self._begin()
            assert self._raw is not None
            view = np.ascontiguousarray(array).reshape(-1).data
            while view:
                view = view[self._raw.write(view) :]
        except OSError as error:
            raise self.trouble(error) from None
        self.frames += 1

    def trouble(self, error: OSError | None = None) -> TargetError:
        """The error for a disk that did not take the film: how much room is there, and how much it needs."""
        if error is not None and not is_full(error):
            return disk_trouble(self._target, error)
        return full_disk(self._target, self._needed_bytes())

    def _needed_bytes(self) -> int | None:
        """What is still to be written: the rest of the film, then all of it again where it is joined and sounded."""
        if self._total_frames is None or self._size is None:
            return None
        closed = [(self._name(start, self._suffix), end - start) for start, end in self._spans()]
        closed = [(path, frames) for path, frames in closed if path.exists()]
        # Before the first segment is closed: a dream takes a tenth of its raw size at most.
        frame_bytes = self._frame_bytes / 10
        if closed:
            frame_bytes = sum(path.stat().st_size for path, _ in closed) / sum(frames for _, frames in closed)
        rest = max(0, self._total_frames - self.frames)
        return round(frame_bytes * (rest + 2 * self._total_frames)) + 2 * self._length * self._frame_bytes

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) px of the frames held."""
        assert self._size is not None
        return self._size

    @property
    def _frame_bytes(self) -> int:
        assert self._size is not None
        return self._size[0] * self._size[1] * 3

    @property
    def _held(self) -> int:
        """Frames in the last segment."""
        return self._first + self.frames - self._starts[-1]

    @property
    def _length(self) -> int:
        """Frames in a segment."""
        fitting = _LARGEST_RAW_BYTES // self._frame_bytes
        return max(_FEWEST_FRAMES, min(round(self._rate * _SEGMENT_SECONDS), fitting))

    def _begin(self) -> None:
        start = self._first + self.frames
        self._raw = self._name(start, RAW).open("wb", buffering=0)
        self._starts.append(start)

    def _close_last(self) -> None:
        """Have the last segment encoded beside the work; at most one is, so raw frames never pile up."""
        if self._raw is not None:
            self._raw.close()
        self._wait()
        self._encoding = self._worker.submit(self._encode, self._starts[-1])

    def _wait(self) -> None:
        if self._encoding is not None:
            waiting, self._encoding = self._encoding, None
            waiting.result()

    def _encode(self, start: int) -> None:
        assert self._size is not None
        part, closed = self._name(start, f"{_PART}{self._suffix}"), self._name(start, self._suffix)
        height, width = self._size
        source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-framerate", str(self._rate)]
        command = ["-loglevel", "warning", "-y", *source, "-i", local_url(self._name(start, RAW))]
        # Twice: the frames are still there, and one killed or starved encoder need not end a night's work.
        for _ in range(2):
            done = run([*command, *self._options, local_url(part)])
            if done.disk_is_full:
                raise self.trouble()
            if done.code == 0:
                sync_file(part)
                part.replace(closed)
                return
        reason = done.last_words or (f"stopped by signal {-done.code}" if done.code < 0 else f"exit code {done.code}")
        raise TargetError(f'ffmpeg stopped while writing "{self._target.name}" ({reason}); try again or another format')

    def sync(self, position: dict[str, Any]) -> None:
        """Have the disk really hold every frame up to `position`. May run in another thread than `write`."""
        for start in reversed(position["starts"]):
            if self._name(start, self._suffix).exists():
                break
            with contextlib.suppress(FileNotFoundError):  # closed in the meantime
                sync_file(self._name(start, RAW))
        sync_folder(self._folder)

    def release(self, position: dict[str, Any]) -> None:
        """Drop raw frames that nothing goes back to, now that `position` is safe on the disk."""
        for start in reversed(position["starts"][:-1]):
            raw = self._name(start, RAW)
            if self._name(start, self._suffix).exists():
                if not raw.exists():
                    break
                raw.unlink()

    def finish(self) -> None:
        """Close the last segment. TargetError where that fails."""
        self._wait()
        if self._raw is not None:
            self._raw.close()
            self._raw = None
            self._encode(self._starts[-1])

    def join(self, suffix: str, options: list[str]) -> Path:
        """All frames as one file of kind `suffix`, in the same folder; nothing is encoded again. TargetError.

        options: further arguments for ffmpeg.
        """
        self.finish()
        pieces = [(self._name(start, self._suffix), end - start) for start, end in self._spans()]
        return join_pieces(self._folder, self._target, pieces, self._rate, suffix, options)

    def _spans(self) -> list[tuple[int, int]]:
        return list(zip(self._starts, [*self._starts[1:], self._first + self.frames], strict=True))

    def _name(self, start: int, ending: str) -> Path:
        return self._folder / f"{start:08d}{ending}"

    def close(self) -> None:
        """Stop; all that was written stays. May be called twice."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None
        self._worker.shutdown(wait=True)


def join_pieces(
    folder: Path, target: Path, pieces: list[tuple[Path, int]], rate: Fraction, suffix: str, options: list[str]
) -> Path:
    """Closed segments (file under `folder`, frames) as one file in `folder`, its times exact to the tick. TargetError.

    Each segment's length is said in whole microseconds, rounded from its exact place in the film, so that
    the rounding never adds up: the first frame of each lands on its own tick.
    """
    lines, before = ["ffconcat version 1.0"], 0
    for path, frames in pieces:
        begins, ends = (round(number / rate * 1_000_000) for number in (before, before + frames))
        lines += [f"file {path.relative_to(folder).as_posix()}", f"duration {(ends - begins) / 1e6:.6f}"]
        before += frames
    (folder / _LIST).write_text("\n".join(lines) + "\n", encoding="utf-8")
    joined = f"joined{suffix}"
    # From within the folder: the list's own names are plain, whatever the folder is called.
    source = ["-f", "concat", "-safe", "1", "-protocol_whitelist", "file,pipe", "-i", _LIST]
    copying = ["-c", "copy", "-map_metadata", "-1", *options]
    done = run(["-loglevel", "warning", "-y", *source, *copying, joined], folder=folder)
    if done.disk_is_full:
        raise full_disk(target)
    if done.code != 0:
        raise TargetError(f'the segments in "{folder}" cannot be joined ({done.last_words or done.code}); try again')
    return folder / joined
