"""States of a render, saved while it goes on, by a thread beside it."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vidream.media import FrameWriter
from vidream.rendering.saved_state import State, save_state
from vidream.runtime.threads import run_single_threaded

__all__ = ["StateSaver"]

# States belong to the ends of segments. Where those come sooner than this, as with quick cuts, some are left out.
SAVE_SECONDS = 2.0
# Where segments take longer, as those of large frames do, a state is saved within them: a kill costs no more than this
# and one frame.
LONGEST_UNSAVED_SECONDS = 3.5
# At 4K a state has some 200 MB: it is then saved less often, so that saving stays a small share of the work.
SAVE_SHARE = 1 / 10


@dataclass(frozen=True)
class _Moment:
    """A state of what makes the frames, after the first `frames` that `writer` was given."""

    state: State
    frames: int
    writer: FrameWriter


class StateSaver:
    """Saves the newest state that frames on the disk belong to; closed with `close`.

    Args:
        path: of the file.
        frames_safe: how many frames the state there belongs to.

    Attributes:
        frames_safe: how many frames the last saved state belongs to.
    """

    def __init__(self, path: Path, *, frames_safe: int = 0) -> None:
        self.frames_safe = frames_safe
        self._path = path
        self._latest: _Moment | None = None
        self._due: _Moment | None = None
        self._saving: Future[float] | None = None
        self._thread = ThreadPoolExecutor(1, "vidream-keep", run_single_threaded)
        self._unsaved_from = time.monotonic()
        self._save_from = self._unsaved_from + SAVE_SECONDS

    def keep(self, state: State, writer: FrameWriter) -> None:
        """Note `state`, which belongs to the frame just written. Those of segments' ends go to the disk, and others
        where a segment takes long.

        Another thread does that: its tensors must not be changed in place. TargetError where the disk is full.
        """
        before, self._latest = self._latest, _Moment(state, writer.frames_written, writer)
        writer.close_full_segment()
        # The end of a shot is known one frame later.
        for moment in (self._latest, before):
            if moment is not None and moment.frames == writer.closed_frames:
                self._due = moment
                break
        now = time.monotonic()
        if self._saving is not None and self._saving.done():
            self._save_from = now + max(SAVE_SECONDS, self._result() / SAVE_SHARE)
        if self._due is None and now >= self._unsaved_from + LONGEST_UNSAVED_SECONDS:
            self._due = self._latest
        if self._due is not None and self._saving is None and now >= self._save_from:
            due, self._due = self._due, None
            self._unsaved_from = now
            self._saving = self._thread.submit(self._save, due)

    def save_now(self) -> None:
        """Have the newest state on the disk before returning. TargetError where it does not take it."""
        self._result()
        if self._latest is not None:
            latest, self._latest, self._due = self._latest, None, None
            self._thread.submit(self._save, latest).result()

    def _result(self) -> float:
        """Wait for the state that is being saved; returns how many seconds that took. TargetError."""
        if self._saving is None:
            return 0.0
        waiting, self._saving = self._saving, None
        return waiting.result()

    def _save(self, moment: _Moment) -> float:
        """Frames first, then the state that counts on them, then what only the state before needed."""
        try:
            position = moment.writer.secure(moment.frames)
            if position is None:
                return 0.0  # the state of that segment's end comes soon
            begun = time.monotonic()
            save_state(self._path, moment.state, position)
            self.frames_safe = moment.frames
            moment.writer.release(position)
        except OSError as error:
            raise moment.writer.trouble(error) from None
        return time.monotonic() - begun

    def close(self) -> None:
        """Wait for a state that is being saved, and end the thread."""
        self._thread.shutdown(wait=True)
