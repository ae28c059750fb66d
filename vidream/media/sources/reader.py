"""FrameReader: any clip or picture as a stream of pictures."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from functools import cached_property
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import torch
from torch import Tensor

from vidream.errors import SourceError, close_names
from vidream.media.colour_tags import ColourTags
from vidream.media.companions import Companions
from vidream.media.delivery import Colours
from vidream.media.frame import Frame, frame_mark
from vidream.media.numbered import NumberedName
from vidream.media.picture_files import READABLE_SUFFIXES, find_picture_kind
from vidream.media.sources.animated import AnimatedSource
from vidream.media.sources.still import PictureSource
from vidream.media.sources.video_file import MovingSource
from vidream.media.span import Span
from vidream.media.spherical import Spherical, read_spherical, wrap_of
from vidream.motion.wrap import Wrap, as_wrap

__all__ = ["FrameReader", "SourceKind", "find_kind"]

SourceKind = Literal["video", "gif", "picture", "pictures"]
_HIGHEST_RATE = 1000


class FrameReader:
    """A source as pictures: float32 [1,3,H,W], RGB, 0..1, CPU; upright, square pixels, constant rate.

        with FrameReader("walk.mp4", size=640) as frames:
            for picture in frames: ...

    Known after construction: `kind`, `source`, `width`, `height` (px, of what comes out), `rate` (frames a
    second, exact), `frame_count` (estimate of what comes out), `start_seconds`, `duration_seconds` (of what
    comes out), `has_audio`, `has_alpha`, `tags` (what the numbers mean), `spherical` (how a panorama lies on its
    sphere, or None), `wrap`, `wrap_note` (a line on why it is so, or None).

    While iterating: `alpha` ([1,1,H,W], 0..1, or None) belongs to the picture yielded last. `warning` (one
    line or None) tells of a source that turned out damaged: its good frames are given, then it ends.

    Time: a clip of constant rate gives each frame once; a variable one is brought to its average rate by
    repeating and leaving out, so it stays in time. `start_seconds` is brought to the nearest frame. Zero is
    the first frame of the video, also where the sound begins sooner. Memory does not grow with the clip.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        *,
        size: int | None = None,
        fps: float | Fraction | None = None,
        start_seconds: float = 0.0,
        duration_seconds: float | None = None,
        colours: Colours = "sdr",
        wrap: str | Wrap | None = Wrap.NONE,
    ) -> None:
        """Look at `source`: a local video, GIF, picture or numbered pictures ("shots/%04d.png").

        size: longer side of what comes out, px, even and >= 16; None keeps the source's own.
        fps: brings a clip to this rate by time; for pictures it is the rate they are shown at (else 25).
        start_seconds, duration_seconds: the part to read; a still picture becomes duration * rate copies.
        colours: of a video: "sdr", as they are, with HDR brought to SDR; "source", HDR too; or "bt709", all brought
        there. `tags` says what came of it.
        wrap: sides at which frames go round, so that a smaller size is sampled across them; None: as the source says.
        SourceError, one line, where the source cannot be read or a number is out of range.
        """
        self.source = Path(source)
        span = Span(start_seconds, duration_seconds)
        rate = _exact_rate(fps)
        self.kind: SourceKind = find_kind(self.source)
        self._frames: MovingSource | AnimatedSource | PictureSource
        try:
            # Guides and masks are no film, and need not be asked.
            found = self.spherical if wrap is None or as_wrap(wrap) else None
            self.wrap, self.wrap_note = wrap_of(self.source.name, found, wrap)
            common: dict[str, Any] = {"size": size, "rate": rate, "span": span, "wrap": self.wrap}
            if self.kind == "gif":
                self._frames = AnimatedSource(self.source, **common)
            elif self.kind == "video":
                self._frames = MovingSource(self.source, colours=colours, **common)
            else:
                numbered = self.kind == "pictures"
                self._frames = PictureSource(self.source, numbered=numbered, **common)
        except OSError as error:
            raise _unreadable(self.source, error) from None
        self.width: int = self._frames.width
        self.height: int = self._frames.height
        self.rate: Fraction = self._frames.rate
        self.frame_count: int | None = self._frames.frame_count
        self.start_seconds = float(self._frames.start_seconds)
        self.duration_seconds: float | None = float(self._frames.duration_seconds)
        self.has_audio: bool = self._frames.has_audio
        self.has_alpha: bool = self._frames.has_alpha
        self.tags: ColourTags = self._frames.tags
        self.alpha: Tensor | None = None
        self._running: Generator[Frame, None, None] | None = None

    @cached_property
    def spherical(self) -> Spherical | None:
        """How a panorama lies on its sphere, as the source says; None where it says nothing. Raises SourceError."""
        try:
            return read_spherical(self.source, self.kind)
        except OSError as error:
            raise _unreadable(self.source, error) from None

    @property
    def warnings(self) -> list[str]:
        """One line for each thing about the source that the user should know; grows while frames are read."""
        return self._frames.warnings

    def frames(self, first: int = 0, *, seek: bool = True) -> Iterator[Frame]:
        """Yield frames with their alpha and time; ends an iteration that is running.

        Args:
            first: the frame to begin with, counted from 0.
            seek: jump there by the file's index, which a few files have wrong; else all before it are decoded.

        Raises:
            SourceError: nothing decodes.
        """
        self.close()
        self._running = self._frames_from(first, seek=seek)
        return self._running

    def frames_after(self, first: int, last: Tensor) -> Iterator[Frame]:
        """Yield frames from `first` on, to the bit those that a run from the beginning gives.

        Args:
            first: the frame to begin with, counted from 1.
            last: frame `first` - 1 [1,3,H,W], as it was read before: it is read again, and must be the same.

        Raises:
            SourceError: the source gives another.
        """
        frames = self._frames_at(first - 1, lambda picture: torch.equal(picture, last.to(picture.device)))
        next(frames)
        return frames

    def frames_from(self, first: int, mark: str) -> Iterator[Frame]:
        """Yield frames from `first` on, to the bit those that a run from the beginning gives.

        Args:
            first: the frame to begin with, counted from 0.
            mark: the `frame_mark` of that frame, as it was read before.

        Raises:
            SourceError: the source gives another.
        """
        return self._frames_at(first, lambda picture: frame_mark(picture) == mark)

    def _frames_at(self, first: int, is_known: Callable[[Tensor], bool]) -> Iterator[Frame]:
        """Jump to a frame; where the index is wrong and another comes, read all before it. SourceError."""
        for seek in (True, False):
            frames = self.frames(first, seek=seek)
            try:
                found = next(frames, None)
            except SourceError:  # a jump may land nowhere
                found = None
            if found is not None and is_known(found.picture):
                return chain([found], frames)
        raise SourceError(
            f"{self.source.name} no longer gives the frames it gave before, so the film cannot be continued",
            use={"overwrite": True},
        )

    @property
    def numbers(self) -> list[int] | None:
        """The number in the name of each numbered picture, in the order in which they are read; None for others."""
        return self._frames.numbers if isinstance(self._frames, PictureSource) else None

    @property
    def warning(self) -> str | None:
        """One line about a source that was not whole, for the caller to show; None while all is well."""
        return "; ".join(self.warnings) or None

    @property
    def companions(self) -> Companions:
        """What goes with the pictures: sound, chapters, a timecode. Empty for what is no video."""
        return self._frames.companions if isinstance(self._frames, MovingSource) else Companions(self.source)

    def __iter__(self) -> Iterator[Tensor]:
        """Start from the first frame, ending a running iteration. SourceError where nothing decodes."""
        # Read, not jumped to: there is no frame yet that would tell a file whose index is wrong.
        return self._pictures(self.frames(seek=False))

    def _pictures(self, frames: Iterator[Frame]) -> Iterator[Tensor]:
        for frame in frames:
            self.alpha = frame.alpha
            yield frame.picture

    def _frames_from(self, first: int, *, seek: bool) -> Generator[Frame, None, None]:
        # Nothing is opened before the first frame is asked for, and `close` closes what was.
        yield from self._frames.frames(first, seek=seek)

    def close(self) -> None:
        """End the iteration that runs, and its ffmpeg. May be called twice; iterating again starts anew."""
        if self._running is not None:
            self._running.close()
            self._running = None

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _exact_rate(fps: float | Fraction | None) -> Fraction | None:
    """`fps` as an exact fraction: 29.97 means 30000/1001. SourceError where it is out of range."""
    if fps is None:
        return None
    if (isinstance(fps, float) and not math.isfinite(fps)) or not 0 < fps <= _HIGHEST_RATE:
        raise SourceError(f"fps is {fps}; give a rate above 0, up to {_HIGHEST_RATE}")
    if isinstance(fps, Fraction | int):
        return Fraction(fps)
    for whole in (24, 30, 48, 60, 120):
        if abs(fps - whole * 1000 / 1001) < 0.006:
            return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


def find_kind(source: Path) -> SourceKind:
    """What `source` is, by its content; SourceError where there is nothing to read."""
    suffix = source.suffix.lower()
    try:
        is_folder, is_there = source.is_dir(), source.exists()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise SourceError(f'"{source}" cannot be opened ({error.strerror}); check the path') from None
    if is_folder:
        raise SourceError(f'"{source}" is a folder; give a file, or numbered pictures: {source.name}/%04d.png')
    if not is_there:
        if NumberedName.matches(source) and suffix in READABLE_SUFFIXES:
            return "pictures"
        raise SourceError(_missing(source))
    if not source.is_file():
        raise SourceError(f'"{source}" is a device or pipe; give a file')
    if source.stat().st_size == 0:
        raise SourceError(f"{source.name} is an empty file; save or download it again")
    try:
        return find_picture_kind(source) or "video"
    except OSError as error:
        raise _unreadable(source, error) from None


def _unreadable(source: Path, error: OSError) -> SourceError:
    return SourceError(f'"{source}" cannot be read ({error.strerror or error}); check the file')


def _missing(source: Path) -> str:
    if re.match(r"[a-z]{2,}:/", str(source)):  # Path makes one slash of two
        return f'"{source}" is an address; download it first and give the file'
    try:
        names = sorted(entry.name for entry in source.parent.iterdir() if entry.is_file())
    except OSError:
        return f'no file "{source}": there is no folder "{source.parent}"; check the path'
    if not names:
        return f'no file "{source}": its folder is empty; check the path'
    return f'no file "{source}"; {close_names(source.name, names)}'
