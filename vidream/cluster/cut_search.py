"""The search for a film's cuts, in stretches; and the messages in which workers tell what they found and made."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch

from vidream.looks.preset import Preset
from vidream.media import FrameReader
from vidream.media.frame import frame_mark
from vidream.motion.estimators import estimator
from vidream.temporal.carry import motions

__all__ = ["Look", "Message", "look_for_cuts"]

MARKS_AT_ONCE = 10
# What a worker tells: its kind, a number or a name, and what belongs to it.
#   ("frames", how many more, a small picture [3,h,w] uint8 or None)
#   ("marks", the first frame's number, marks of the frames read); ("cut", the frame's number, None)
#   ("segment" or "picture", the file's name, its bytes)
#   ("at", the frame's number, the state of the dream before it)
#   ("end", how many frames, the state after the last)
Message = tuple[str, Any, Any]


@dataclass(frozen=True)
class Look:
    """A look for cuts among frames `first` to `end - 1`; `end` None: to the last one. `seeks`: jump there."""

    first: int
    end: int | None
    seeks: bool = True

    @property
    def work(self) -> int:
        """Comes before any dream."""
        return 2**62


def look_for_cuts(reader: FrameReader, preset: Preset, look: Look) -> Generator[Message, None, None]:
    """Find the cuts: ("cut", frame, None) of each, and ("marks", first, marks) of all frames read.

    A look that does not begin at 0 reads the frame before as well: its mark shows that the jump led there.
    """
    number, marks = max(0, look.first - 1), []
    with reader, torch.no_grad():
        pictures = (frame.picture for frame in reader.frames(number, seek=look.seeks and number > 0))
        for picture, motion in motions(pictures, estimator(preset.flow), resets=preset.reset_on_cut, wrap=reader.wrap):
            marks.append(frame_mark(picture))
            if motion is None and number >= look.first:
                yield "cut", number, None
            number += 1
            if number == look.end:
                break
            if len(marks) >= MARKS_AT_ONCE:
                yield "marks", number - len(marks), marks
                marks = []
    yield "marks", number - len(marks), marks
    yield "end", number - look.first, b""
