"""shots: a film's units of work. Each can be dreamed apart from the others, and joined without a seam.

A dream is carried from frame to frame within a shot only, and what is drawn at random depends on the frame's
number alone, so a shot comes out the same wherever and whenever it is made.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import Tensor

from vidream.errors import TargetError, VidreamError
from vidream.looks.preset import Preset
from vidream.media.disk import beside, disk_trouble, save_whole
from vidream.motion.estimators import estimator
from vidream.motion.wrap import Wrap
from vidream.rendering.flash_states import TEMPERED
from vidream.rendering.saved_state import State, load_state
from vidream.rendering.work_folder import STATE, WorkFolder
from vidream.temporal.carry import motions
from vidream.temporal.flashes import begins_afresh

__all__ = ["Shares", "Shot", "find_shots", "joined_state", "stretches"]

SUMS = ("frames", "cuts", "strength_sum", "warp_error_sum", "pairs", "dreamed")


@dataclass(frozen=True)
class Shot:
    """Frames `first` to `first + frames - 1` of a film, counted from 0."""

    first: int
    frames: int


def find_shots(frames: Iterable[Tensor], preset: Preset, *, wrap: Wrap = Wrap.NONE) -> list[Shot]:
    """The shots of `frames`, pictures [1,3,H,W] RGB 0..1, cut where a dream by `preset` begins afresh.

    A look at every pair of frames: their colours and, by the preset's flow, whether one explains the other.
    """
    starts, count = [], 0
    estimate = estimator(preset.flow)
    with torch.no_grad():
        for count, (_, motion) in enumerate(motions(frames, estimate, resets=preset.reset_on_cut, wrap=wrap), 1):
            if motion is None:
                starts.append(count - 1)
    return [Shot(first, end - first) for first, end in zip(starts, [*starts[1:], count], strict=True)]


def stretches(shots: Sequence[Shot], rate: float | Fraction) -> list[Shot]:
    """Runs of `shots`, each as if it were one: what is to be made apart where flashes are limited.

    The count of flashes goes on over a cut after a short shot, so no stretch begins there.
    """
    found: list[Shot] = []
    for before, shot in zip([None, *shots], shots, strict=False):
        if before is not None and not begins_afresh(before.frames, rate):
            found[-1] = Shot(found[-1].first, found[-1].frames + shot.frames)
        else:
            found.append(shot)
    return found


def joined_state(
    parts: Sequence[tuple[Mapping[str, Tensor], Mapping[str, Any], Mapping[str, Any]]],
) -> tuple[State, dict[str, Any]]:
    """(state, position) of a film from those of its parts, which follow one another, as `load_state` gives them."""
    tensors, numbers, position = (dict(each) for each in parts[-1])
    for name in SUMS:
        numbers[name] = sum(each[1][name] for each in parts)
    if any(TEMPERED in each[1] for each in parts):
        numbers[TEMPERED] = sum(each[1].get(TEMPERED, 0) for each in parts)
    tensors["track"] = torch.cat([each[0]["track"] for each in parts])
    position["frames"] = sum(each[2]["frames"] for each in parts)
    if "cuts" in position:
        # Each part begins where the one before it ends.
        position["cuts"] = [0, *(cut for each in parts for cut in each[2]["cuts"][1:])]
    return (tensors, numbers), position


class Shares:
    """The film at `target` made in `of` shares, of which this run makes number `number`, counted from 1.

    A share is a run of whole shots; shares are as equal in frames as the cuts allow, and may be empty.
    Each has a folder beside the target, and whoever finds all of them done joins the film.
    """

    def __init__(self, target: Path, number: int, of: int) -> None:
        """Raises VidreamError unless 1 <= number <= of."""
        if not 1 <= number <= of:
            raise VidreamError(f"shots {number}/{of}: give the share's number and how many there are, such as 2/4")
        self._target, self.number, self.of = target, number, of
        self._list = beside(target, ".shots.json")
        self._lock = beside(target, ".shots.lock")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Within the block no other run over this film looks for shots or joins: it waits. Raises TargetError.

        Shares that begin together then find the shots once, and of those that end together one joins the film.
        """
        lock = FileLock(self._lock, thread_local=False)
        try:
            lock.acquire()
        except OSError as error:
            raise disk_trouble(self._lock, error) from None
        try:
            yield
        finally:
            if not self._list.exists():  # the film is done
                with contextlib.suppress(OSError):
                    self._lock.unlink(missing_ok=True)
            lock.release()

    def shots(self, settings: Mapping[str, Any], find: Callable[[], list[Shot]]) -> list[Shot]:
        """The film's shots: those another share has found for the same `settings`, or else by `find`.

        Run it `alone`.
        """
        wanted = json.loads(json.dumps(dict(settings)))
        try:
            found = json.loads(self._list.read_text(encoding="utf-8"))
            if found["settings"] == wanted:
                return [Shot(int(first), int(frames)) for first, frames in found["shots"]]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        shots = find()
        try:
            text = json.dumps({"shots": [(shot.first, shot.frames) for shot in shots], "settings": wanted})
            save_whole(self._list, text.encode())
        except OSError as error:
            raise disk_trouble(self._list, error) from None
        return shots

    def part(self, shots: Sequence[Shot]) -> tuple[int, int]:
        """(first frame, end) of this run's share."""
        total = shots[-1].first + shots[-1].frames
        starts = [shot.first for shot in shots] + [total]
        begins, ends = (
            min(starts, key=lambda start: abs(start - total * number / self.of))
            for number in (self.number - 1, self.number)
        )
        return begins, ends

    def folder(self, number: int | None = None, *, resume: bool = True, overwrite: bool = False) -> WorkFolder:
        """Where share `number`, by default this run's, is made."""
        part = f"{self.number if number is None else number}-of-{self.of}"
        return WorkFolder(self._target, resume=resume, overwrite=overwrite, part=part)

    @property
    def replace_target(self) -> bool:
        """True where what lies at the target was put there by a share: numbered pictures are, as they are made."""
        return any(self.folder(number).replaces_target for number in range(1, self.of + 1))

    def check(self, settings: Mapping[str, Any]) -> None:
        """Raises TargetError, with the difference, where a share was begun with other settings."""
        for number in range(1, self.of + 1):
            folder = self.folder(number)
            changed = folder.changes(settings)
            if changed:
                raise TargetError(
                    f'share {number} in "{folder.folder}" was started with other settings: {changed}; '
                    "give all shares the same settings",
                    use={"overwrite": True},
                )

    def left(self) -> tuple[int, ...]:
        """The shares that are not done yet."""
        return tuple(number for number in range(1, self.of + 1) if not self.folder(number).is_done)

    def join(self, settings: Mapping[str, Any], machine: Mapping[str, Any]) -> None:
        """Make one work folder of all shares, as a single run over the film would have left it. TargetError.

        Run it `alone`, after a look whether any are `left`.
        """
        parts = [self.folder(number) for number in range(1, self.of + 1)]
        loaded = []
        for part in parts:
            if (part.folder / STATE).exists():
                try:
                    loaded.append(load_state(part.folder / STATE))
                except ValueError as error:
                    raise TargetError(
                        f'the state in "{part.folder}" is damaged ({error}); make that share anew'
                    ) from None
        state, position = joined_state(loaded)
        with WorkFolder(self._target, overwrite=True) as whole:
            whole.open(settings, machine, joining=True)
            whole.join(parts, state, position)

    def clear(self) -> None:
        """Clear away what the shares left, now that the film is done."""
        for number in range(1, self.of + 1):
            self.folder(number).remove()
        self._list.unlink(missing_ok=True)
