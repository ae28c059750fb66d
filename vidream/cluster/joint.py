"""joint: where two pieces of a shot meet, the dream of the first turns into that of the second.

A cross-fade of two finished dreams would show both at once, paler. Here the first dream goes on, and what it carries
to the next frame leans to the second one more with every frame. Each frame is dreamed from that mixture, so motifs
grow into one another, and after the last frame the carried dream is the second one, to the bit.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from torch import Tensor

from vidream.media.frame import Frame
from vidream.rendering.dreamed_frames import DreamedFrames
from vidream.rendering.frame_loop import FrameMaker
from vidream.rendering.progress import Progress
from vidream.rendering.report import Track
from vidream.rendering.saved_state import State

__all__ = ["JointFrames", "lean"]


def lean(number: int, frames: int) -> float:
    """How far the dream after frame `number`, from 0, of a joint of `frames` leans to the second one, 0..1.

    Repeated, this leads along a smooth curve from the first dream to the second: 1 after the last frame.
    """
    before, after = (_smooth(index / frames) for index in (number, number + 1))
    return (after - before) / (1 - before)


def _smooth(share: float) -> float:
    return share * share * (3 - 2 * share)


class JointFrames(FrameMaker):
    """The frames of a joint: `before` goes on and turns into `after`. Both are restored to the joint's first frame."""

    def __init__(self, before: DreamedFrames, after: DreamedFrames, frames: int) -> None:
        self.before, self._after, self._frames = before, after, frames

    @property
    def track(self) -> Track:
        """Figures of each frame."""
        return self.before.track

    def begin(self, progress: Progress) -> None:
        self._after.begin(Progress())
        self.before.begin(progress)

    def frames(self) -> Generator[tuple[Frame, bool], None, None]:
        with closing(self.before.frames()) as shown, closing(self._after.frames()) as beside:
            for number, (made, _) in enumerate(zip(shown, beside, strict=False)):
                self.before.stream.lean(self._after.stream, lean(number, self._frames))
                self.frames_made += 1
                yield made

    def state(self) -> State:
        return self.before.state()

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, object]) -> None:
        raise NotImplementedError("a joint is made in one go")
