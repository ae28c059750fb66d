"""A zoom that ends where it began, without a visible seam."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction

import torch
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.motion.known import Motion
from vidream.zoom.endless import DEFAULT_RATE, Zoom

__all__ = ["LoopedZoom", "loop_frames", "zoom_loop"]

# How long a zoom takes to return to its first frame: at most this, and at most this share of the film.
RETURN_SECONDS, RETURN_SHARE = 4.0, 1 / 2
MET_FRAMES = 4
STILL_SECONDS = 1.0
# A zoom that need not show its picture runs for so long, unseen, until it is warmed up.
WARM_UP_SECONDS = 3.0
# Frames that are kept for the seam, as 16-bit floats, take at most this much memory.
HELD_BYTES = 2**30


def loop_frames(seconds: float, rate: float | Fraction) -> int:
    """How many frames a zoom loop of `seconds` has: at least 2."""
    return max(2, round(seconds * rate))


def zoom_loop(
    picture: Tensor,
    dreamer: Dreamer,
    motion: Motion | None = None,
    *,
    seconds: float = 8.0,
    rate: float | Fraction = DEFAULT_RATE,
    begin_at_picture: bool = True,
    guides: Sequence[Tensor] | None = None,
) -> Iterator[Tensor]:
    """Zoom in a loop: the frame after the last one is the first, for any motion.

    The frames before the first one are made before it is shown: they are the zoom so far or, where the film begins at
    the picture itself, a dream of the motion run backwards from it. Towards its end the film is mixed with those frames
    and dreamed again, so that one picture grows out of the other; both move alike, so nothing slides. Up to
    RETURN_SECONDS of frames are kept in memory.

    Args:
        picture: [1,3,H,W], RGB, 0..1.
        dreamer: dreams each frame.
        motion: how it moves; by default 1.25 times nearer each second.
        seconds: length of the loop.
        rate: frames a second.
        begin_at_picture: show the picture first; else the loop begins some seconds into the zoom.
        guides: as in `Dreamer`, in place of the preset's files.

    Yields:
        `loop_frames(seconds, rate)` pictures [1,3,H,W], RGB, 0..1.
    """
    loop = LoopedZoom(
        picture, dreamer, motion, seconds=seconds, rate=rate, begin_at_picture=begin_at_picture, guides=guides
    )
    yield loop.picture
    for _ in range(1, loop_frames(seconds, rate)):
        yield loop.advance()


class LoopedZoom:
    """What `zoom_loop` yields, frame by frame: `picture` first, then every `advance()`. Arguments as there.

    The frames before the first one are made again when an interrupted film is resumed: they are the same each time.
    """

    def __init__(
        self,
        picture: Tensor,
        dreamer: Dreamer,
        motion: Motion | None = None,
        *,
        seconds: float = 8.0,
        rate: float | Fraction = DEFAULT_RATE,
        begin_at_picture: bool = True,
        guides: Sequence[Tensor] | None = None,
    ) -> None:
        self._count, self._guides = loop_frames(seconds, rate), guides
        length_seconds = float(self._count / rate)
        motion = motion or Motion()
        motion = motion.hearing(motion.sound, float(rate)).looped(length_seconds)
        margin = begin_at_picture or motion.looks_outside(picture.shape[-1], picture.shape[-2], length_seconds)
        self._zoom = zoom = Zoom(picture, dreamer, motion, rate=rate, margin=margin, guides=guides)
        held = HELD_BYTES // (2 * zoom.canvas.numel())
        self._length = length = max(1, min(int(self._count * RETURN_SHARE), round(RETURN_SECONDS * rate), held))
        approach: deque[Tensor] = deque(maxlen=length)
        if begin_at_picture:
            approach.extend(_dreamed_backwards(zoom, length, guides))
        else:
            # Counted from below zero: frame 0 is the first one seen.
            zoom.number = -length - round(WARM_UP_SECONDS * rate)
            while zoom.number < 0:
                approach.append(zoom.canvas.half())
                zoom.advance(guides=guides)
        self._approach = approach

    @property
    def picture(self) -> Tensor:
        """The frame that is seen now, [1,3,H,W], RGB, 0..1."""
        return self._zoom.picture

    def advance(self, *, guides: Sequence[Tensor] | None = None) -> Tensor:
        """Make the next frame, [1,3,H,W]. guides: in place of those given at the beginning."""
        guides = self._guides if guides is None else guides
        into = self._zoom.number + 1 - (self._count - self._length)
        if into < 0:
            return self._zoom.advance(guides=guides)
        towards = self._approach[into].float()
        return self._zoom.advance(guides=guides, towards=towards, share=_share_of_rest(into, self._length))

    def state(self) -> dict[str, Tensor]:
        """Everything that the next frame depends on, as for `Zoom`."""
        return self._zoom.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state`, to the bit as if there had been no break. Raises TargetError."""
        self._zoom.restore(state)


def _dreamed_backwards(zoom: Zoom, length: int, guides: Sequence[Tensor] | None) -> list[Tensor]:
    """The `length` canvases before the one of `zoom`, in the order of the film; `zoom` is left as it was.

    Each is the dream of the one after it, moved back. The last second before the picture is the picture itself, moved:
    what moves is a little softer, and the picture would otherwise sharpen with a jump.
    """
    first, before = zoom.state(), []
    last_canvas = zoom.canvas
    still = max(1, round(STILL_SECONDS * zoom.rate))
    for number in range(1, length + 1):
        zoom.advance(guides=guides, backwards=True)
        itself, covered = zoom.moved(last_canvas, 0, -number)
        share = _smooth(max(0.0, 1 - number / (still + 1)))
        before.append(torch.lerp(zoom.canvas, itself, share * covered).half())
    zoom.restore(first)
    return before[::-1]


def _share_of_rest(place: int, length: int) -> float:
    """How much of the remaining difference to cross at `place`, so that all of it is crossed smoothly by `length`."""
    # The last frames are reached exactly: the dream would otherwise move away from its target again.
    before, after = (_smooth(min(1.0, step / max(1, length - MET_FRAMES + 1))) for step in (place, place + 1))
    return (after - before) / (1 - before) if before < 1 else 1.0


def _smooth(share: float) -> float:
    return share * share * (3.0 - 2.0 * share)
