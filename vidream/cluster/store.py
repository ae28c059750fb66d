"""UnitStore: the folder beside a film that is made on a cluster: the units so far, and how they become one film.

`walk-dream.mp4.cluster.vidream` holds a journal as every work folder does, the list of units, and of each unit that is
done its segments and a file with its state. Units come in any order; each is there whole, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vidream.cluster.units import Unit
from vidream.errors import TargetError
from vidream.media.disk import disk_trouble, save_whole
from vidream.media.numbered import NumberedName
from vidream.rendering.saved_state import load_state
from vidream.rendering.shots import joined_state
from vidream.rendering.work_folder import UNIT_AT, UNIT_END, UNITS, WorkFolder

__all__ = ["PART", "UnitStore"]

# Of the folder's name.
PART = "cluster"


class UnitStore:
    """The units of the film at `target`.

    Args:
        target: of the film.
        resume: go on with the units that are there.
        overwrite: begin anew.

    Raises:
        TargetError: an unfinished film lies there, and neither was asked for.
    """

    def __init__(self, target: Path, *, resume: bool, overwrite: bool) -> None:
        self.target = target
        self.work = WorkFolder(target, resume=resume, overwrite=overwrite, part=PART)
        self.units: list[Unit] = []
        self.marks: dict[int, str] = {}
        # What computed, once that is known.
        self.machine: dict[str, Any] = {}

    @property
    def folder(self) -> Path:
        return self.work.folder

    def open(self, settings: Mapping[str, Any]) -> None:
        """Begin, or go on where the settings are the same, as `WorkFolder.open`. TargetError."""
        self.work.open(settings)
        try:
            found = json.loads((self.folder / UNITS).read_text(encoding="utf-8"))
            self.units = [Unit(**each) for each in found["units"]]
            self.marks = {int(number): mark for number, mark in found["marks"].items()}
            self.machine = dict(found["machine"])
        except (OSError, ValueError, KeyError, TypeError):
            self.units, self.marks = [], {}

    def plan(self, units: Sequence[Unit], marks: Mapping[int, str], machine: Mapping[str, Any]) -> None:
        """Keep the list of units, the marks of the frames that they begin to read at, and what computes."""
        needed = {each for unit in units for each in (unit.first, unit.early) if each}
        self.machine = dict(machine)
        self.units, self.marks = list(units), {number: marks[number] for number in sorted(needed) if number in marks}
        text = json.dumps({"units": [asdict(unit) for unit in units], "marks": self.marks, "machine": self.machine})
        self._save(UNITS, text.encode())

    def is_done(self, unit: Unit) -> bool:
        return self._path(unit.first, UNIT_END).exists()

    @property
    def left(self) -> list[Unit]:
        """The units that are still to be made."""
        return [unit for unit in self.units if not self.is_done(unit)]

    @property
    def frames_done(self) -> int:
        return sum(unit.frames for unit in self.units if self.is_done(unit))

    def states_for(self, unit: Unit) -> dict[str, bytes] | None:
        """Of a joint, both dreams before it; {} for other units. None where they are not there yet."""
        if unit.kind != "joint":
            return {}
        before = next(each for each in self.units if each.end == unit.first)
        found = {"before": self._path(before.first, UNIT_END), "after": self._path(unit.first, UNIT_AT)}
        if not all(path.exists() for path in found.values()):
            return None
        return {name: path.read_bytes() for name, path in found.items()}

    def keep(self, kind: str, name: Any, data: bytes) -> None:
        """Keep what a worker has sent; see `Message`. TargetError where the disk does not take it."""
        if kind == "picture":
            name = Path(name).name
            if not NumberedName.matches(self.target):
                raise ValueError(name)
            try:
                save_whole(self.target.parent / name, data)
            except OSError as error:
                raise disk_trouble(self.target, error) from None
        else:
            self._save(Path(name).name if kind == "segment" else self._path(name, UNIT_AT).name, data)

    def finish(self, unit: Unit, state: bytes) -> None:
        """All of `unit` has been kept. TargetError."""
        self._save(self._path(unit.first, UNIT_END).name, state)

    def _save(self, name: str, data: bytes) -> None:
        try:
            save_whole(self.folder / name, data)
        except OSError as error:
            raise disk_trouble(self.target, error) from None

    def _path(self, frame: int, ending: str) -> Path:
        return self.folder / f"{frame:08d}{ending}"

    @property
    def leading(self) -> list[Unit]:
        """The units that are done from the film's first frame on, without a gap."""
        found: list[Unit] = []
        for unit in self.units:
            if not self.is_done(unit):
                break
            found.append(unit)
        return found

    def join(self, units: Iterable[Unit], settings: Mapping[str, Any]) -> None:
        """Make the film's own work folder of `units`, as a single run over them would have left it. TargetError.

        Where they are all units of the film, their segments move there, and this folder goes.
        """
        units = list(units)
        loaded = [self._load(unit) for unit in units]
        state, position = joined_state(loaded)
        is_whole = len(units) == len(self.units)
        with WorkFolder(self.target, overwrite=True) as whole:
            whole.open(settings, self.machine, joining=True)
            whole.join([self.work], state, position, moves=is_whole)

    def _load(self, unit: Unit) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        path = self._path(unit.first, UNIT_END)
        try:
            return load_state(path)
        except ValueError as error:
            path.unlink(missing_ok=True)
            raise TargetError(
                f'frames {unit.first + 1} to {unit.end} in "{self.folder}" are damaged ({error}); make them again',
                use={"resume": True},
            ) from None
