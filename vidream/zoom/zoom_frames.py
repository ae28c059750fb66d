"""The frames of a zoom film, one by one: what a loop over frames drives, and what it can resume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.motion.known import Motion
from vidream.rendering.side_inputs import guide_frames
from vidream.zoom.endless import Zoom
from vidream.zoom.seamless_loop import LoopedZoom

__all__ = ["ZoomFrames"]


class ZoomFrames:
    """Makes the frames of a zoom film in their order.

    Guides come from the preset's files. A guide that moves has no loop of its own: in a looped zoom its first frame
    guides all frames.

    Args:
        picture: [1,3,H,W], RGB, 0..1, the start.
        dreamer: dreams each frame.
        motion: how it moves.
        rate: frames a second, exact.
        frames_total: of the whole film.
        loop: the frame after the last one is the first.
        begin_at_picture: of a loop: show the picture first; else it begins some seconds into the zoom.

    Attributes:
        frames_total: of the whole film.
        frames_made: how many `next` has given, those before a restored state included.
    """

    def __init__(
        self,
        picture: Tensor,
        dreamer: Dreamer,
        motion: Motion,
        *,
        rate: Fraction,
        frames_total: int,
        loop: bool = False,
        begin_at_picture: bool = True,
    ) -> None:
        self.frames_total, self.frames_made = frames_total, 0
        self._rate, self._guide_paths = rate, dreamer.preset.guide
        self._moving_guides: Iterator[Sequence[Tensor]] | None = None
        guides = next(guide_frames(self._guide_paths, rate=rate)) if self._guide_paths else None
        self._zoom: Zoom | LoopedZoom
        if loop:
            self._zoom = LoopedZoom(
                picture, dreamer, motion, seconds=float(frames_total / rate), rate=rate,
                begin_at_picture=begin_at_picture, guides=guides,
            )  # fmt: skip
        else:
            self._zoom = Zoom(picture, dreamer, motion, rate=rate, guides=guides)

    def next(self) -> Tensor:
        """Make the next frame, [1,3,H,W], RGB, 0..1.

        Raises:
            ValueError: all frames are made.
        """
        if self.frames_made >= self.frames_total:
            raise ValueError(f"all {self.frames_total} frames are made")
        picture = self._zoom.advance(guides=self._guides()) if self.frames_made else self._zoom.picture
        self.frames_made += 1
        return picture

    def state(self) -> dict[str, Tensor]:
        """Everything that the next frame depends on, besides the arguments; `restore` takes it. Call `next` first."""
        return dict(self._zoom.state())

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue after the frame of a `state`, to the bit as if there had been no break.

        Raises:
            TargetError: the state is not one that this version writes.
        """
        self._zoom.restore(state)
        self.frames_made = int(state["number"]) + 1
        self._moving_guides = None

    def _guides(self) -> Sequence[Tensor] | None:
        """Those of the next frame; None for those that were given at the beginning."""
        if not self._guide_paths or isinstance(self._zoom, LoopedZoom):
            return None
        if self._moving_guides is None:
            self._moving_guides = guide_frames(self._guide_paths, rate=self._rate, first=self.frames_made)
        return next(self._moving_guides)
