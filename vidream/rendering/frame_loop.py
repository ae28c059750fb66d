"""The one loop over a film's frames: it makes each, writes it, saves its state, and goes on from a saved state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from typing import Any

from torch import Tensor

from vidream.media import FrameWriter
from vidream.media.frame import Frame
from vidream.rendering.clip_loops import ClipLoop
from vidream.rendering.flash_states import restore_limiter, with_limiter
from vidream.rendering.progress import Progress
from vidream.rendering.saved_state import State
from vidream.rendering.work_folder import WorkFolder
from vidream.temporal.flashes import FlashLimiter

__all__ = ["FrameLoop", "FrameMaker"]


class FrameMaker(ABC):
    """Makes a film's frames one by one: the dream of a clip, or a zoom.

    Attributes:
        frames_made: how many, those before a restored state included.
    """

    frames_made: int = 0

    @abstractmethod
    def begin(self, progress: Progress) -> None:
        """Open what is needed, after `restore` if there is a state, and tell `progress`. Raises VidreamError."""

    @abstractmethod
    def frames(self) -> Generator[tuple[Frame, bool], None, None]:
        """Yield each frame that is still to be made, and whether it begins a shot. Raises VidreamError."""

    @abstractmethod
    def state(self) -> State:
        """All that the next frame depends on, besides the settings. Its tensors must not be changed in place."""

    @abstractmethod
    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Continue from a `state`, to the bit as if there had been no break. Raises TargetError."""


class FrameLoop:
    """Makes a film: every frame of `maker` goes to `writer`, and its state to `work`.

        loop = FrameLoop(maker, writer, work=work)
        loop.run()
        if loop.is_finished: work.finished()

    Args:
        maker: makes the frames.
        writer: takes them.
        work: keeps frames and states, so that another run can go on; `open` it first. None for a film that is made in
            one go.
        progress: is told of what happens.
        limiter: tempers what flashes, just before it is written: what is dreamed goes on from what was dreamed. None
            leaves flashes.
        make_clip_loop: of a film whose end meets its beginning: gives its `ClipLoop`, whose cache of frames holds the
            number it is called with.
        stamp: called with a name after each part of the work, for measurements.

    Attributes:
        is_finished: False after Ctrl-C ended `run` before the last frame.
        limiter: as given.
    """

    def __init__(
        self,
        maker: FrameMaker,
        writer: FrameWriter,
        *,
        work: WorkFolder | None = None,
        progress: Progress | None = None,
        limiter: FlashLimiter | None = None,
        make_clip_loop: Callable[[int], ClipLoop] | None = None,
        stamp: Callable[[str], None] | None = None,
    ) -> None:
        self.maker, self.writer = maker, writer
        self.is_finished = True
        self.limiter = limiter
        self._work = work
        self._progress = progress or Progress()
        self._make_clip_loop = make_clip_loop
        self._clip_loop: ClipLoop | None = None
        self._stamp = stamp

    def run(self) -> None:
        """Make all frames that are still to be made.

        After Ctrl-C the film has those made so far; where there is none, KeyboardInterrupt goes on.

        Raises:
            VidreamError: a source, the target or the disk failed; what was made stays in the work folder.
        """
        try:
            with closing(self.steps()) as steps:
                for _ in steps:
                    pass
        except KeyboardInterrupt:
            if not self.maker.frames_made:
                raise
            self.is_finished = False
            if self._work is not None:
                self._work.save_now()
        if self._clip_loop is not None:
            for picture in self._clip_loop.rest(self.writer.frames_written):
                self.writer.write(self._limited(picture))
                # A loop of the frames so far is no state to go on from.
                if self.is_finished:
                    self._save()

    def steps(self) -> Generator[int, None, None]:
        """The frames of `run` one by one: yields how many are made, after each. Raises as `run` does."""
        self._begin()
        with closing(self.maker.frames()) as frames:
            for frame, begins_shot in frames:
                frame = self._write(frame, begins_shot=begins_shot)
                if self._stamp is not None:
                    self._stamp("hand over")
                self._save()
                self._progress.frame(frame.picture, self.maker.frames_made)
                yield self.maker.frames_made

    def _begin(self) -> None:
        state = self._work.restore(self.writer) if self._work is not None else None
        if state is not None:
            tensors, numbers = dict(state[0]), dict(state[1])
            restore_limiter(self.limiter, tensors, numbers)
            self.maker.restore(tensors, numbers)
        if self._make_clip_loop is not None:
            self._clip_loop = self._make_clip_loop(self.maker.frames_made)
        self.maker.begin(self._progress)
        if self.maker.frames_made and self._work is not None:
            self._progress.resumed(self.maker.frames_made, self._work.machine_changes)

    def state(self) -> State:
        """All that the next frame depends on: the maker's state, and the limiter's."""
        return with_limiter(self.maker.state(), self.limiter)

    def _write(self, frame: Frame, *, begins_shot: bool) -> Frame:
        """Write a frame, and return it as it is shown."""
        if self._clip_loop is None:
            limited = self._limited(frame.picture, begins_shot=begins_shot)
            frame = frame if limited is frame.picture else replace(frame, picture=limited)
            self.writer.write(frame, new_shot=begins_shot)
            return frame
        self.writer.note_lost_alpha(frame.alpha)  # pictures that are shown twice are kept without it
        for picture in self._clip_loop.take(frame.picture):
            # A loop shows its cuts more than once: the count goes on over all of them.
            self.writer.write(self._limited(picture))
        return frame

    def _limited(self, picture: Tensor, *, begins_shot: bool = False) -> Tensor:
        return picture if self.limiter is None else self.limiter.limit(picture, begins_shot=begins_shot)

    def _save(self) -> None:
        if self._work is not None:
            self._work.keep(self.state(), self.writer)
