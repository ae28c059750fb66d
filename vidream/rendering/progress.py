"""What a caller can watch while a film is made, and what it gets at the end."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from vidream.media import FrameReader

if TYPE_CHECKING:
    from vidream.engine.dreamer import Dreamer

__all__ = ["FilmPlan", "Made", "Progress"]


@dataclass(frozen=True)
class Made:
    """What was made.

    Attributes:
        path: of the film.
        frames: how many it has.
        cuts: how many were found in it.
        rate: frames a second.
        strength: mean |dream - frame|, 0..1; NaN for a zoom.
        warp_error: mean over the pairs of frames within a shot (Lai et al. 2018); None for a zoom or a single frame.
        seconds: how long this run took.
        finished: False where Ctrl-C ended it before the last frame.
        warnings: one line for each thing that the user should know.
        shares_left: of a film made in shares, those that are still to be made before it can be joined.
        note: one line about how it was made to fit a limit, or None.
        workers: on a cluster, a line on what each worker made, and how the source came to them.
    """

    path: Path
    frames: int
    cuts: int
    rate: Fraction
    strength: float
    warp_error: float | None
    seconds: float
    finished: bool = True
    warnings: tuple[str, ...] = ()
    shares_left: tuple[int, ...] = ()
    note: str | None = None
    workers: tuple[str, ...] = ()

    @property
    def duration_seconds(self) -> float:
        """Of the film."""
        return float(self.frames / self.rate)

    @property
    def warning(self) -> str | None:
        """All warnings on one line, or None."""
        return "; ".join(self.warnings) or None


@dataclass(frozen=True)
class FilmPlan:
    """A film that has no source to go by, a zoom.

    Attributes:
        name: of what it begins with.
        width, height: px.
        rate: frames a second.
        frame_count: of the whole film.
    """

    name: str
    width: int
    height: int
    rate: Fraction
    frame_count: int


class Progress:
    """What a caller may watch; every method does nothing here. Subclass and pass to `dream` or `zoom_film`.

    Attributes:
        wants_pictures: on a cluster, workers send small pictures of what they make.
    """

    wants_pictures: bool = False

    def started(self, reader: FrameReader, dreamer: Dreamer) -> None:
        """The source is open and the network is loaded."""

    def planned(self, plan: FilmPlan, dreamer: Dreamer) -> None:
        """The same for a zoom, which has no source to read."""

    def resumed(self, frames: int, machine_changes: str | None) -> None:
        """After `started`: the film goes on after `frames` that were there, perhaps on another machine."""

    def share(self, first: int, frames: int) -> None:
        """After `started`: only `frames` from number `first` on are made here."""

    def frame(self, picture: Tensor, frames: int) -> None:
        """`picture` [1,3,H,W] was written; it is number `frames`, counted from 1."""

    def heard(self, words: str) -> None:
        """The sound that the film follows was listened to, which may take some time: what came of it."""

    def said(self, words: str) -> None:
        """Something happened that the user should know, such as a worker that was lost."""

    def frames_of_workers(self, frames: int, total: int, workers: int, picture: Tensor | None) -> None:
        """On a cluster, in place of `frame`: so many frames of all are made; so many workers are at work.

        picture: a small one [1,3,h,w] uint8 of the newest frame, where `wants_pictures`; they come from any worker.
        """
