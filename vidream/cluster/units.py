"""Units: what one worker makes at a time: a run of whole shots, a piece of a long one, or the joint of two pieces.

A dream is carried within a shot only, so whole shots come out the same wherever they are made. A shot that is longer
than a chunk is cut in pieces. A piece begins some frames early, so that its dream has settled by the time it is seen.
At the joint the dream of the piece before goes on for a while, and leans to that of the piece after from frame to
frame (`vidream.cluster.joint`):

    piece before   ------------------|
    joint                            |=======|
    piece after           . . . . . .        |-----------------
                          early      at      first
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from vidream.errors import VidreamError
from vidream.rendering.shots import Shot
from vidream.temporal.flashes import begins_afresh

__all__ = ["DEFAULT_CHUNK_SECONDS", "LEAST_CHUNK_SECONDS", "Unit", "chunk_frames", "units_of"]

# Short shots go together: to open a clip and jump to a place in it takes as long as a few frames.
LEAST_UNIT_SECONDS = 8
LEAST_UNIT_SHARE = 1 / 16
DEFAULT_CHUNK_SECONDS, LEAST_CHUNK_SECONDS = 20.0, 4.0
EARLY_SECONDS, JOINT_SECONDS = Fraction(1, 2), Fraction(3, 2)


@dataclass(frozen=True)
class Unit:
    """Frames `first` to `end - 1` of a film, counted from 0.

    Attributes:
        first, end: which frames.
        kind: "shots", "piece" (of a shot, after a joint) or "joint".
        early: of a piece, the frame that its dream begins with, before `first`.
        at: of a piece, the frame that the joint before it begins with; its dream's state there is kept for the joint.
        keeps_end: the state of the dream at its end is needed: a joint follows, or nothing.
    """

    first: int
    end: int
    kind: str = "shots"
    early: int = 0
    at: int = 0
    keeps_end: bool = False

    @property
    def frames(self) -> int:
        """How many of the film it makes."""
        return self.end - self.first

    @property
    def work(self) -> int:
        """How many frames are dreamed for it."""
        return (
            self.end - self.early if self.kind == "piece" else 2 * self.frames if self.kind == "joint" else self.frames
        )


def chunk_frames(chunk_seconds: float, rate: Fraction) -> int:
    """How many frames a shot may have before it is shared in pieces. VidreamError where that is too short."""
    if not (math.isfinite(chunk_seconds) and chunk_seconds >= LEAST_CHUNK_SECONDS):
        raise VidreamError(
            f"cannot be {chunk_seconds:g}; give {LEAST_CHUNK_SECONDS:g} seconds or more, or 0 to share no shot",
            argument="chunk_seconds",
        )
    return max(1, round(chunk_seconds * rate))


def units_of(
    shots: Sequence[Shot], rate: Fraction, chunk_seconds: float = 0.0, *, keeps_count: bool = False
) -> list[Unit]:
    """The units of a film, in the film's order.

    Args:
        shots: all of them, in order.
        rate: frames a second.
        chunk_seconds: a longer shot is shared in pieces; 0 shares none.
        keeps_count: no unit begins at a cut over which flashes are counted; see `FlashLimiter`.

    Raises:
        VidreamError: chunk_seconds is too short for a piece.
    """
    most = chunk_frames(chunk_seconds, rate) if chunk_seconds else math.inf
    total = shots[-1].first + shots[-1].frames
    least = min(LEAST_UNIT_SECONDS * float(rate), total * LEAST_UNIT_SHARE)
    units: list[Unit] = []
    grows = False
    for before, shot in zip([None, *shots], shots, strict=False):
        goes_on = keeps_count and before is not None and not begins_afresh(before.frames, rate)
        if shot.frames > most:
            pieces = list(_pieces(shot, math.ceil(shot.frames / most), rate))
            # The shots before are then too short to be pieces themselves.
            units += [replace(pieces[0], first=units.pop().first) if goes_on else pieces[0], *pieces[1:]]
            grows = False
            continue
        if grows or goes_on:
            units[-1] = Unit(units[-1].first, shot.first + shot.frames)
        else:
            units.append(Unit(shot.first, shot.first + shot.frames))
        grows = units[-1].frames < least
    # The film's own state at the end is the last unit's.
    return [*units[:-1], replace(units[-1], keeps_end=True)]


def _pieces(shot: Shot, count: int, rate: Fraction) -> Iterable[Unit]:
    starts = [shot.first + shot.frames * number // count for number in range(count + 1)]
    early, joint = (max(1, round(seconds * rate)) for seconds in (EARLY_SECONDS, JOINT_SECONDS))
    yield Unit(starts[0], starts[1], keeps_end=True)
    for number in range(1, count):
        at, end = starts[number], starts[number + 1]
        first = at + min(joint, (end - at) // 2)
        yield Unit(at, first, "joint")
        yield Unit(first, end, "piece", early=at - min(early, at - starts[number - 1]), at=at,
                   keeps_end=number < count - 1)  # fmt: skip
