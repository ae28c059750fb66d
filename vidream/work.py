"""work: the folder beside a film in the making: its frames, and the state of what makes them.

Whatever ends a run, the next one with `resume` goes on from the last state on the disk, and the finished
film is, frame for frame, that of an unbroken run. The folder goes when the film is done.

    with WorkFolder(target, resume=resume, overwrite=overwrite) as work:
        with FrameWriter(target, overwrite=overwrite or work.replaces_target, work=work) as writer:
            work.open(settings)
            state = work.restore(writer)          # None at the beginning of a film
            if state is not None:
                maker.restore(*state)
            for ... in range(writer.frames_written, total):
                writer.write(maker.next())
                work.keep(maker.state(), writer)
        work.finished()
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidream.errors import TargetError
from vidream.frames import FrameWriter
from vidream.frames.disk import disk_trouble, is_full, save_whole
from vidream.frames.numbered import NumberedName
from vidream.frames.segments import is_work_file

__all__ = ["State", "WorkFolder", "differences"]

# Named tensors (or what gives one, asked when it is needed) and plain numbers, as JSON has them.
State = tuple[Mapping[str, "Tensor | Callable[[], Tensor]"], Mapping[str, Any]]

SAVE_SECONDS = 5.0
# At 4K a state has some 200 MB: it is then saved less often, so that saving stays a small share of the work.
SAVE_SHARE = 1 / 20
MOST_DIFFERENCES = 4
JOURNAL, STATE, LOCK = "journal.json", "state.safetensors", "lock"
_FORMAT = 1
_OWN = {JOURNAL, STATE, LOCK, f"{JOURNAL}.part", f"{STATE}.part"}


class WorkFolder:
    """`walk-dream.mp4.vidream` beside `walk-dream.mp4`: see the module.

    `folder`: its path.  `begun_otherwise`: one line or None, of what about the machine was another when the
    film was begun.  `replaces_target`: what lies at the target is an unfinished film of this folder.
    """

    def __init__(self, target: Path, *, resume: bool = False, overwrite: bool = False) -> None:
        """Look whether there is one. TargetError, with both ways on, where there is and neither was asked for."""
        self.folder = target.with_name(f"{target.name}.vidream")
        self.begun_otherwise: str | None = None
        self._target = target
        self._is_film = not NumberedName.matches(target)
        self._journal: dict[str, Any] = self._read_journal() if self.folder.is_dir() else {}
        self._resumes = resume and bool(self._journal)
        self._clears = self.folder.is_dir() and not self._resumes
        if self._journal and not resume and not overwrite:
            begun = self._journal.get("begun", "some time ago")
            raise TargetError(
                f'"{self.folder}" holds an unfinished film ({self._held()} frames, begun {begun}); '
                "go on with --resume, or begin again with --overwrite"
            )
        self._lock: IO[bytes] | None = None
        self._latest: tuple[State, dict[str, Any], FrameWriter] | None = None
        self._saving: Future[float] | None = None
        self._saver = ThreadPoolExecutor(1, "vidream-keep")
        self._saved_at = time.monotonic()
        self._pause_seconds = SAVE_SECONDS
        self._is_begun = self._is_finished = False

    @property
    def frames_held(self) -> int:
        """How many frames the run goes on after."""
        return self._held() if self._resumes else 0

    @property
    def replaces_target(self) -> bool:
        if not self._resumes or not self._is_film:
            return self._resumes
        try:
            found = self._target.stat()
        except OSError:
            return False
        return self._journal.get("made") == [found.st_size, found.st_mtime_ns]

    def open(self, settings: Mapping[str, Any], machine: Mapping[str, Any] | None = None) -> None:
        """Begin the folder, or take it up where it was begun with the same settings.

        settings: all that the frames depend on, plain values by name.  machine: what changes them by no
        more than rounding, and may be another when the film goes on.  TargetError where the settings
        differ (saying how), where another run is at work in it, or where it cannot be written.
        """
        settings, machine = (json.loads(json.dumps(each or {})) for each in (settings, machine))
        if self._resumes:
            self._take_lock()
            changed = differences(self._journal["settings"], settings)
            if changed:
                raise TargetError(
                    f'the unfinished film in "{self.folder}" was begun otherwise: {changed}; '
                    "go on with what it was begun with, or begin again with --overwrite"
                )
            self.begun_otherwise = differences(self._journal.get("machine", {}), machine) or None
            self._is_begun = True
            return
        try:
            self.folder.mkdir(exist_ok=True)
            self._take_lock()
            if self._clears:
                self._clear(_OWN - {LOCK})
            begun = datetime.now().isoformat(" ", "minutes")
            self._journal = {"format": _FORMAT, "begun": begun, "settings": settings, "machine": machine}
            self._write_journal()
            self._is_begun = True
        except OSError as error:
            raise disk_trouble(self.folder, error) from None

    def restore(self, writer: FrameWriter) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Put `writer` where the last state was saved; returns the maker's state, or None where there is none."""
        if not self._resumes or not (self.folder / STATE).exists():
            return None
        try:
            with safe_open(self.folder / STATE, framework="pt") as file:
                words = file.metadata()
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            position, numbers = json.loads(words["position"]), json.loads(words["numbers"])
            writer.restore(position)
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise TargetError(
                f'the state in "{self.folder}" is damaged ({error}); begin again with --overwrite'
            ) from None
        return {_plain(name): _unpacked(name, tensor) for name, tensor in tensors.items()}, numbers

    def keep(self, state: State, writer: FrameWriter) -> None:
        """Note `state`, which belongs to the frame just written; every few seconds it goes to the disk.

        Another thread does that, so its tensors must not be changed in place. TargetError where the disk
        did not take the last one.
        """
        self._latest = (state, writer.position(), writer)
        if self._saving is not None and self._saving.done():
            cost_seconds = self._result()
            self._saved_at = time.monotonic()
            self._pause_seconds = max(SAVE_SECONDS, cost_seconds / SAVE_SHARE)
        elif self._saving is None and time.monotonic() - self._saved_at >= self._pause_seconds:
            self._saving = self._saver.submit(self._save, *self._latest)

    def save_now(self) -> None:
        """Have the newest state on the disk before returning. TargetError where it does not take it."""
        self._result()
        if self._latest is not None:
            latest, self._latest = self._latest, None
            self._saver.submit(self._save, *latest).result()

    def _result(self) -> float:
        if self._saving is None:
            return 0.0
        waiting, self._saving = self._saving, None
        return waiting.result()

    def _save(self, state: State, position: dict[str, Any], writer: FrameWriter) -> float:
        """Frames first, then the state that counts on them, then what only the state before needed."""
        begun = time.monotonic()
        tensors = {}
        for name, held in state[0].items():
            tensor = (held if isinstance(held, Tensor) else held()).detach().cpu().contiguous()
            tensors.update(_packed(name, tensor))
        words = {"position": json.dumps(position), "numbers": json.dumps(dict(state[1]))}
        try:
            writer.sync(position)
            save_whole(self.folder / STATE, save(tensors, words))
            writer.release(position)
        except OSError as error:
            raise writer.trouble(error) from None
        return time.monotonic() - begun

    def made(self, path: Path) -> None:
        """Note the finished file before it gets its name, so that it is known for our own later."""
        found = path.stat()
        self._journal["made"] = [found.st_size, found.st_mtime_ns]
        self._write_journal()

    def finished(self) -> None:
        """The film is done: the folder goes when the block ends."""
        self._is_finished = True

    def close(self) -> str | None:
        """Keep what was made, or clear up where nothing was. Returns words on what is kept, for an error's end."""
        try:
            if not self._is_finished:
                with contextlib.suppress(TargetError):  # the state before it stays, and so do its frames
                    self.save_now()
        finally:
            self._saver.shutdown(wait=True)
        held = self._held()
        mine = self._lock is not None
        if mine and (self._is_finished or not (self.folder / STATE).exists()):
            self._clear(_OWN)
        self._release_lock()
        if mine and self.folder.is_dir():
            with contextlib.suppress(OSError):
                (self.folder / LOCK).unlink(missing_ok=True)
                self.folder.rmdir()
        return f"the {held} frames made so far are kept: go on with --resume" if held and self.folder.is_dir() else None

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
        try:
            with safe_open(self.folder / STATE, framework="pt") as file:
                return int(json.loads(file.metadata()["position"])["frames"])
        except (SafetensorError, OSError, KeyError, ValueError, TypeError):
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

    def _take_lock(self) -> None:
        """One run at a time: the system frees the lock of a run that was killed."""
        self._lock = (self.folder / LOCK).open("ab")
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(self._lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            else:
                import fcntl

                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._release_lock()
            if is_full(error):
                raise
            raise TargetError(f'another run is at work in "{self.folder}"; wait for it, or stop it first') from None

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What is not the same in two sets of settings, in words; "" where all is."""
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    said = [f"{name} was {_short(was.get(name))}, is now {_short(now.get(name))}" for name in names[:MOST_DIFFERENCES]]
    more = len(names) - MOST_DIFFERENCES
    return ", ".join(said) + (f", and {more} more" if more > 0 else "")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return text if 0 < len(text) <= 60 else f"{text[:57]}..." if text else "nothing"


def _packed(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """Frames came from 8 or 16 bits: where that gives every number back to the bit, it takes a quarter or a half."""
    if tensor.dtype == torch.float32:
        for most, kind, mark in ((255, torch.uint8, "8"), (65535, torch.int32, "16")):
            whole = (tensor * most).round()
            if bool(((whole >= 0) & (whole <= most)).all()) and torch.equal(_scaled(whole, most), tensor):
                # safetensors has 16 bits with a sign only: shifted by half of the range.
                small = whole.to(kind) if most == 255 else (whole.to(kind) - 32768).to(torch.int16)
                return {f"{name}:{mark}": small}
    # A clone: safetensors refuses tensors that share their memory.
    return {name: tensor.clone()}


def _unpacked(name: str, tensor: Tensor) -> Tensor:
    if name.endswith(":8"):
        return _scaled(tensor.float(), 255)
    return _scaled((tensor.int() + 32768).float(), 65535) if name.endswith(":16") else tensor


def _plain(name: str) -> str:
    return name.removesuffix(":8").removesuffix(":16")


def _scaled(whole: Tensor, most: int) -> Tensor:
    return whole * torch.tensor(1 / most, dtype=torch.float32)
