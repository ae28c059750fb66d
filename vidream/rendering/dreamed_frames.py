"""The frames of a dreamed clip, one by one, each dreamed from the one before."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import torch.nn.functional as F
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.looks import Heard
from vidream.media import FrameReader, FrameWriter
from vidream.media.frame import Frame
from vidream.rendering.frame_loop import FrameMaker
from vidream.rendering.progress import Progress
from vidream.rendering.report import Track
from vidream.rendering.saved_state import State
from vidream.rendering.side_inputs import guide_frames, mask_frames
from vidream.temporal.prefetch import made_ahead
from vidream.temporal.stream import Stream, StreamFigures

__all__ = ["DreamedFrames"]

Item = TypeVar("Item")


class DreamedFrames(FrameMaker):
    """The dream of every frame of `reader`.

    Args:
        reader: the clip.
        dreamer: dreams each frame.
        mask: a picture or video, bright where to dream.
        part: (first, end) of the frames to make, whole shots, counted from 0; None for all.
        first_mark: the `frame_mark` of the first of them, where it is known: it is then jumped to.
        steps: takes the steps of the first frame's dream, a picture each.
        stamp: called with a name after each part of the work, for measurements; then nothing is made ahead.
        sound: what the look hears; without one, silence.

    Attributes:
        frames_made: how many, those before a restored state included.
        track: figures of each of them.
        stream: dreams them.
    """

    def __init__(
        self,
        reader: FrameReader,
        dreamer: Dreamer,
        *,
        mask: str | PathLike[str] | None = None,
        part: tuple[int, int] | None = None,
        first_mark: str | None = None,
        steps: FrameWriter | None = None,
        stamp: Callable[[str], None] | None = None,
        sound: Heard | None = None,
    ) -> None:
        self.track = Track()
        self._reader, self._dreamer = reader, dreamer
        self.stream = Stream(dreamer, rate=reader.rate, sound=sound)
        self._mask = Path(mask) if mask is not None else None
        self._part, self._first_mark = part, first_mark
        self._first = part[0] if part else 0
        self._steps = steps
        self._stamp = stamp
        self._source: Iterator[Frame] | None = None
        self._masks: Iterator[Tensor] | None = None
        self._guides: Iterator[list[Tensor]] | None = None

    @property
    def figures(self) -> StreamFigures:
        """Of all frames made so far."""
        return self.stream.figures

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        self.frames_made = int(numbers.pop("dreamed"))
        self.track = Track(tensors.pop("track"))
        self.stream.restore(tensors, numbers)
        number = self._first + self.frames_made
        is_done = self._part is not None and number >= self._part[1]
        self._source = iter(()) if is_done else self._reader.frames_after(number, tensors["frame"])

    def begin(self, progress: Progress) -> None:
        if self._source is None:
            self.stream.begin_shot_at(self._first)
            # Where no frame is known that would tell a file whose index is wrong, all frames before are read.
            mark = self._first_mark
            reader = self._reader
            self._source = reader.frames_from(self._first, mark) if mark else reader.frames(self._first, seek=False)
        first, guide = self._first + self.frames_made, self._dreamer.preset.guide
        if self._mask:
            self._masks = mask_frames(self._mask, like=self._reader, first=first)
        if guide:
            self._guides = guide_frames(guide, rate=self._reader.rate, first=first)
        progress.started(self._reader, self._dreamer)
        if self._part:
            progress.share(self._first, self._part[1] - self._first)

    def frames(self) -> Generator[tuple[Frame, bool], None, None]:
        assert self._source is not None
        source = self._source
        if self._part:
            source = islice(source, self._part[1] - self._first - self.frames_made)
        before = time.monotonic()
        followed = self._stamped(self.stream.followed(self._stamped(source, "read")), "flow")
        with (
            nullcontext(followed)
            if self._stamp
            else made_ahead(followed, self._dreamer, self._reader.width * self._reader.height) as ready
        ):
            for frame, motion in ready:
                steps = self._steps if not self.frames_made else None
                picture = self.stream.next(
                    frame.picture,
                    mask=next(self._masks) if self._masks else None,
                    guides=next(self._guides) if self._guides else None,
                    watch=partial(self._write_step, steps) if steps else None,
                    motion=motion,
                    done=self._stamp,
                )
                if steps:
                    steps.close()
                self.frames_made += 1
                # From frame to frame: the time of everything, and not of the dream alone.
                now = time.monotonic()
                assert self.stream.latest is not None
                self.track.add(self.stream.latest, now - before)
                before = now
                yield Frame(picture, frame.alpha, frame.time_seconds), self.stream.began_shot

    def state(self) -> State:
        tensors, numbers = self.stream.state()
        track = partial(self.track.tensor, self.frames_made)
        return {**tensors, "track": track}, {**numbers, "dreamed": self.frames_made}

    def _stamped(self, items: Iterator[Item], name: str) -> Iterator[Item]:
        """`items`, with a stamp after each is made where that is measured."""
        for item in items:
            if self._stamp is not None:
                self._stamp(name)
            yield item

    def _write_step(self, steps: FrameWriter, picture: Tensor) -> None:
        size = (self._reader.height, self._reader.width)
        enlarge = partial(F.interpolate, mode="bicubic", align_corners=False)
        steps.write(self._reader.wrap.scaled(picture, size, enlarge).clamp(0, 1).cpu())
