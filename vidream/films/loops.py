"""loops: clips whose last frame meets their first: there and back, or the end faded into the beginning."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from vidream.frames import PictureSpool

__all__ = ["LOOPS", "looped"]

LOOPS = ("boomerang", "crossfade")
FADE_SECONDS, FADE_SHARE = 1.0, 1 / 3
# Frames that are held for the seam, 16-bit floats, take at most this much memory.
HELD_BYTES = 2**30


class Sink(Protocol):
    """Where a looped film goes: a FrameWriter."""

    path: Path
    rate: Fraction

    def write(self, picture: Tensor) -> None:
        """Add a picture."""


@contextmanager
def looped(out: Sink, kind: str | None, *, frames: int | None = None) -> Iterator[Callable[[Tensor], None]]:
    """A way of writing pictures to `out` that makes a loop of them at the end of the `with` block.

    kind: "boomerang": there and back, the two ends once each.  "crossfade": the end fades into the
    beginning, over FADE_SECONDS at most; the film begins after that overlap and is shorter by it.  None: as
    they come.  frames: how many will come, where that is known.  ValueError for another kind.
    """
    if kind is None:
        yield out.write
    elif kind == "boomerang":
        with PictureSpool(out.path) as spool:

            def there(picture: Tensor) -> None:
                out.write(picture)
                spool.append(picture)

            yield there
            for place, picture in enumerate(spool.backwards()):
                if 0 < place < len(spool) - 1:
                    out.write(picture)
    elif kind == "crossfade":
        fade = _Crossfade(out, frames)
        yield fade.write
        fade.finish()
    else:
        raise ValueError(f"loop cannot be {kind!r}; allowed: {', '.join(LOOPS)}")


class _Crossfade:
    """Holds the head of a film and the newest frames, until the end is known."""

    def __init__(self, out: Sink, frames: int | None) -> None:
        self._out = out
        self._frames = frames
        self._length = 0
        self._head: list[Tensor] = []
        self._newest: deque[Tensor] = deque()

    def write(self, picture: Tensor) -> None:
        if not self._length:
            wished = min(round(FADE_SECONDS * self._out.rate), HELD_BYTES // (4 * picture.numel()))
            self._length = max(1, wished if self._frames is None else min(wished, int(self._frames * FADE_SHARE)))
        if len(self._head) < self._length:
            self._head.append(picture.half())
            return
        self._newest.append(picture.half())
        if len(self._newest) > self._length:
            self._out.write(self._newest.popleft().float())

    def finish(self) -> None:
        """Write the overlap. A film that was stopped before it had two lengths takes a shorter one."""
        if len(self._newest) < self._length:
            all_there = [*self._head, *self._newest]
            self._length = int(len(all_there) * FADE_SHARE)
            self._head = all_there[: self._length]
            self._newest = deque(all_there[self._length :])
            while len(self._newest) > self._length:
                self._out.write(self._newest.popleft().float())
        for place, (late, early) in enumerate(zip(self._newest, self._head, strict=True)):
            self._out.write(torch.lerp(late.float(), early.float(), _smooth((place + 1) / (self._length + 1))))


def _smooth(share: float) -> float:
    return share * share * (3.0 - 2.0 * share)
