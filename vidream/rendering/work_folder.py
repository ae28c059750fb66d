"""The folder beside a render in progress: the film's frames so far, and the state of what makes them.

Whatever ends a run, the next one with `resume` continues from the last state on the disk. The finished film is then,
frame for frame, that of an unbroken run. The folder is removed when the film is done.

    with WorkFolder(target, resume=resume, overwrite=overwrite) as work:
        with FrameWriter(target, overwrite=overwrite or work.replaces_target, work=work) as writer:
            work.open(settings)
            FrameLoop(maker, writer, work=work).run()
        work.finished()
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout
from torch import Tensor

from vidream.errors import TargetError
from vidream.media import FrameCache, FrameWriter
from vidream.media.disk import beside, disk_trouble, save_whole
from vidream.media.numbered import NumberedName
from vidream.media.targets import as_target
from vidream.media.writers.segments import is_finished_segment, is_work_file
from vidream.rendering.render_settings import differences
from vidream.rendering.saved_state import State, load_state, load_words, save_state
from vidream.rendering.state_saver import StateSaver

__all__ = ["JOURNAL", "STATE", "UNITS", "UNIT_AT", "UNIT_END", "WorkFolder"]

JOURNAL, STATE, LOCK, CACHE, UNITS = "journal.json", "state.safetensors", "lock", "loop.rgb", "units.json"
# Endings of states that lie beside segments: of a unit of the film, and of the dream where a joint of two begins.
UNIT_END, UNIT_AT = ".done", ".at"
_FORMAT = 2
_OWN = {JOURNAL, STATE, LOCK, CACHE, UNITS, f"{JOURNAL}.part", f"{STATE}.part", f"{UNITS}.part"}


class WorkFolder:
    """`walk-dream.mp4.vidream` beside `walk-dream.mp4`: see the module.

    `folder`: its path.  `machine_changes`: one line or None, of what about the machine was another when the
    film was begun.  `replaces_target`: what lies at the target is an unfinished film of this folder.
    """

    def __init__(self, target: Path, *, resume: bool = False, overwrite: bool = False, part: str = "") -> None:
        """Look whether there is one. TargetError, with both ways on, where there is and neither was asked for.

        part: ends the folder's name, where several runs make parts of one film.
        """
        target = as_target(target)
        self.folder = beside(target, f"{part and '.'}{part}.vidream")
        self.machine_changes: str | None = None
        self._target = target
        self._is_film = not NumberedName.matches(target)
        self._journal: dict[str, Any] = self._read_journal() if self.folder.is_dir() else {}
        self._saver = StateSaver(self.folder / STATE, frames_safe=self._held() if self._journal else 0)
        self._resumes = resume and bool(self._journal)
        self._clears = self.folder.is_dir() and not self._resumes
        self._lock = FileLock(self.folder / LOCK, timeout=0, thread_local=False)
        if self._journal and not resume and not overwrite:
            if (self.folder / LOCK).exists():
                with contextlib.suppress(OSError):
                    self._take_lock()
                    self._lock.release()
            begun = self._journal.get("begun", "some time ago")
            raise TargetError(
                f'"{self.folder}" holds an unfinished film ({self._saver.frames_safe} frames, begun {begun})',
                use={"resume": True, "overwrite": True},
            )
        self._is_begun = self._is_finished = False
        self._cache: FrameCache | None = None

    @property
    def frames_held(self) -> int:
        """How many frames the run goes on after."""
        return self._saver.frames_safe if self._resumes else 0

    @property
    def replaces_target(self) -> bool:
        if not self._resumes or not self._is_film:
            return self._resumes
        try:
            found = self._target.stat()
        except OSError:
            return False
        return self._journal.get("made") == [found.st_size, found.st_mtime_ns]

    def open(
        self, settings: Mapping[str, Any], machine: Mapping[str, Any] | None = None, *, joining: bool = False
    ) -> None:
        """Begin the folder, or take it up where it was begun with the same settings.

        joining: what lies in it stays, as pieces that `join` has already brought there.  settings: all that the
        frames depend on, plain values by name.  machine: what changes them by no more than rounding, and may be
        another when the film goes on.  TargetError where the settings differ, where another run is at work on it, or
        where it cannot be written.
        """
        settings, machine = (json.loads(json.dumps(each or {})) for each in (settings, machine))
        if self._resumes:
            self._take_lock()
            changed = differences(self._journal["settings"], settings)
            if changed:
                raise TargetError(
                    f'the unfinished film in "{self.folder}" was started with other settings: {changed}; '
                    "continue with those",
                    use={"overwrite": True},
                )
            self.machine_changes = differences(self._journal.get("machine", {}), machine) or None
            self._is_begun = True
            return
        try:
            self.folder.mkdir(exist_ok=True)
            self._take_lock()
            self._saver.frames_safe = 0
            if self._clears and not joining:
                self._clear(_OWN)
            begun = datetime.now().isoformat(" ", "minutes")
            self._journal = {"format": _FORMAT, "begun": begun, "settings": settings, "machine": machine}
            if joining:
                self._journal["joining"] = True
            else:
                self._write_journal()
            self._is_begun = True
        except OSError as error:
            raise disk_trouble(self.folder, error) from None

    def _take_lock(self) -> None:
        """One run at a time; the system frees the lock of a run that was killed. TargetError, or OSError."""
        try:
            self._lock.acquire()
        except Timeout:
            raise TargetError(f'"{self._target}": another run is at work on it; wait for it, or stop it') from None

    def changes(self, settings: Mapping[str, Any]) -> str:
        """How `settings` differ from those it was begun with, in words, where it has these; else ""."""
        was = self._journal.get("settings", {})
        wanted = json.loads(json.dumps(dict(settings)))
        return differences({name: value for name, value in was.items() if name in wanted}, wanted) if was else ""

    def restore(self, writer: FrameWriter) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Put `writer` where the last state was saved; returns the maker's state, or None where there is none."""
        if not self._resumes or not (self.folder / STATE).exists():
            return None
        try:
            tensors, numbers, position = load_state(self.folder / STATE)
            writer.restore(position)
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise TargetError(
                f'the state in "{self.folder}" is damaged ({error}), so the film cannot be continued',
                use={"overwrite": True},
            ) from None
        return tensors, numbers

    def open_cache(self, height: int, width: int, frames: int) -> FrameCache:
        """The pile of pictures that lies in the folder, for a film that shows some twice; closed with the folder."""
        self._cache = FrameCache(self.folder / CACHE, height, width, frames=frames)
        return self._cache

    def keep(self, state: State, writer: FrameWriter) -> None:
        """Note `state`, which belongs to the frame just written; see `StateSaver.keep`. Raises TargetError."""
        self._saver.keep(state, writer)

    def save_now(self) -> None:
        """Have the newest state on the disk before returning. TargetError where it does not take it."""
        self._saver.save_now()

    def made(self, path: Path) -> None:
        """Note the finished file before it gets its name, so that it is known for our own later."""
        found = path.stat()
        self._journal["made"] = [found.st_size, found.st_mtime_ns]
        self._write_journal()

    @property
    def is_joined(self) -> bool:
        """True where all parts of a film were brought here, and only the film itself is still to be written."""
        return self._resumes and bool(self._journal.get("joining")) and self.frames_held > 0

    @property
    def is_begun_before(self) -> bool:
        """True where a run before has begun it."""
        return bool(self._journal)

    @property
    def is_done(self) -> bool:
        """True where this part of a film is made, and waits for the others."""
        return self._resumes and bool(self._journal.get("done"))

    def part_is_done(self) -> None:
        """Keep the folder when the block ends: its part of the film is made."""
        self.save_now()
        self._journal["done"] = True
        self._write_journal()

    def join(
        self, parts: Sequence[WorkFolder], state: State, position: Mapping[str, Any], *, moves: bool = True
    ) -> None:
        """Become the folder of the whole film, of which `parts` hold the pieces; `open` must come first.

        moves: the parts go. Without it they stay as they are, and this is a film of what they hold so far.
        Every step may be done again: what ends a run in the middle of this only delays it. Raises TargetError.
        """
        try:
            for part in parts:
                for piece in part.folder.iterdir() if part.folder.is_dir() else ():
                    if is_finished_segment(piece.name) and piece.suffix not in (UNIT_END, UNIT_AT):
                        (piece.replace if moves else partial(_copy, piece))(self.folder / piece.name)
            save_state(self.folder / STATE, state, position)
            self._write_journal()
        except OSError as error:
            raise disk_trouble(self._target, error) from None
        for part in parts if moves else ():
            part.remove()

    def remove(self) -> None:
        """Clear the folder away, but for what is not vidream's."""
        if self.folder.is_dir():
            self._clear(_OWN)
            with contextlib.suppress(OSError):
                (self.folder / LOCK).unlink(missing_ok=True)
                self.folder.rmdir()

    def finished(self) -> None:
        """The film is done: the folder goes when the block ends."""
        self._is_finished = True

    def close(self) -> str | None:
        """Keep what was made, or clear up where nothing was. Returns words on what is kept, for an error's end."""
        try:
            if not self._is_finished:
                # Where the disk or the memory is full, the state before it stays, and so do its frames.
                with contextlib.suppress(Exception):
                    self.save_now()
        finally:
            self._saver.close()
            if self._cache is not None:
                self._cache.close()
        held, mine = self._saver.frames_safe, self._lock.is_locked
        is_shared = (self.folder / UNITS).exists()
        held = self._held() if is_shared else held
        is_needed = is_shared or (self.folder / STATE).exists() or "done" in self._journal or "joining" in self._journal
        self._lock.release()
        if mine and (self._is_finished or not is_needed):
            self.remove()
        return (
            f"the {held} frames made so far are kept: continue with resume=True"
            if held and self.folder.is_dir()
            else None
        )

    def __enter__(self) -> WorkFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        kept = self.close()
        if error is not None and kept and self._is_begun:
            # As add_note, which Python 3.10 lacks.
            error.__dict__["__notes__"] = [*getattr(error, "__notes__", []), kept]

    def _held(self) -> int:
        if (self.folder / UNITS).exists():
            return sum(int(load_words(path)[0]["frames"]) for path in self.folder.glob(f"*{UNIT_END}"))
        try:
            return int(load_words(self.folder / STATE)[0]["frames"])
        except ValueError:
            return 0

    def _read_journal(self) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / JOURNAL).read_text(encoding="utf-8"))
            return found if found["format"] == _FORMAT and isinstance(found["settings"], dict) else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _write_journal(self) -> None:
        save_whole(self.folder / JOURNAL, json.dumps(self._journal, indent=1).encode())

    def _clear(self, names: set[str]) -> None:
        for path in self.folder.iterdir():
            if path.name in names - {LOCK} or is_work_file(path.name):
                with contextlib.suppress(OSError):
                    path.unlink()


def _copy(path: Path, target: Path) -> None:
    """The same bytes under another name: without copying them where the disk can do that."""
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
