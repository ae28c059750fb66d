"""The frames of a zoom film, one by one: what a loop over frames drives, and what it can resume."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from typing import Any

from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.media.frame import Frame
from vidream.motion.known import Motion
from vidream.rendering.frame_loop import FrameMaker
from vidream.rendering.progress import FilmPlan, Progress
from vidream.rendering.saved_state import State
from vidream.rendering.side_inputs import guide_frames
from vidream.zoom.endless import Zoom
from vidream.zoom.seamless_loop import LoopedZoom

__all__ = ["ZoomFrames"]


class ZoomFrames(FrameMaker):
    """Makes the frames of a zoom film in their order.

    Guides come from the preset's files. A guide that moves has no loop of its own: in a looped zoom its first frame
    guides all frames.

    Args:
        picture: [1,3,H,W], RGB, 0..1, the start.
        dreamer: dreams each frame.
        motion: how it moves.
        plan: rate and length of the film.
        loop: the frame after the last one is the first.
        begin_at_picture: of a loop: show the picture first; else it begins some seconds into the zoom.

    Attributes:
        frames_made: how many, those before a restored state included.
    """

    def __init__(
        self,
        picture: Tensor,
        dreamer: Dreamer,
        motion: Motion,
        *,
        plan: FilmPlan,
        loop: bool = False,
        begin_at_picture: bool = True,
    ) -> None:
        self._plan = plan
        self._picture, self._dreamer, self._motion = picture, dreamer, motion
        self._loops, self._begins_at_picture = loop, begin_at_picture
        self._guide_paths = dreamer.preset.guide
        self._moving_guides: Iterator[Sequence[Tensor]] | None = None

    @cached_property
    def _zoom(self) -> Zoom | LoopedZoom:
        # Made when it is needed: a loop begins with some seconds of dreaming.
        rate = self._plan.rate
        guides = next(guide_frames(self._guide_paths, rate=rate)) if self._guide_paths else None
        if not self._loops:
            return Zoom(self._picture, self._dreamer, self._motion, rate=rate, guides=guides)
        return LoopedZoom(
            self._picture, self._dreamer, self._motion, seconds=float(self._plan.frame_count / rate), rate=rate,
            begin_at_picture=self._begins_at_picture, guides=guides,
        )  # fmt: skip

    def begin(self, progress: Progress) -> None:
        progress.planned(self._plan, self._dreamer)

    def frames(self) -> Generator[tuple[Frame, bool], None, None]:
        while self.frames_made < self._plan.frame_count:
            picture = self._zoom.advance(guides=self._guides()) if self.frames_made else self._zoom.picture
            time_seconds = self.frames_made / self._plan.rate
            self.frames_made += 1
            yield Frame(picture, time_seconds=time_seconds), False

    def state(self) -> State:
        """See `FrameMaker.state`. Make a frame first."""
        return dict(self._zoom.state()), {}

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        self._zoom.restore(tensors)
        self.frames_made = int(tensors["number"]) + 1
        self._moving_guides = None

    def _guides(self) -> Sequence[Tensor] | None:
        """Those of the next frame; None for those that were given at the beginning."""
        if not self._guide_paths or isinstance(self._zoom, LoopedZoom):
            return None
        if self._moving_guides is None:
            self._moving_guides = guide_frames(self._guide_paths, rate=self._plan.rate, first=self.frames_made)
        return next(self._moving_guides)
