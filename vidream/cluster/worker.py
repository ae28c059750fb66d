"""Worker: the process on a machine of the cluster that makes units. Ray runs it; nothing of Ray is used here."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vidream import __version__
from vidream.cluster.cut_search import Look, Message
from vidream.cluster.task import FileFact, FilmTask, UnitMaker
from vidream.cluster.units import Unit
from vidream.engine.dreamer import Dreamer
from vidream.errors import VidreamError
from vidream.media.disk import disk_trouble
from vidream.rendering.render_settings import file_print

__all__ = ["FOLDER_PREFIX", "Worker"]

FOLDER_PREFIX = "vidream-cluster-"


class Worker:
    """Makes units of films, one at a time. A `poll` works for a while, and brings what has come of it.

    Args:
        job: the name of the run; workers of one run on one machine share its folder.
        folder: where that lies; by default among the system's temporary files.
    """

    def __init__(self, job: str, folder: Path | None = None) -> None:
        self._root = Path(folder or tempfile.gettempdir()) / f"{FOLDER_PREFIX}{job}"
        self._dreamer: Dreamer | None = None
        self._dreamer_key: Any = None
        self._maker: UnitMaker | None = None
        self._running: Generator[Message, None, None] | None = None
        _clear_abandoned(self._root.parent)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            # Held for as long as this process lives, so that others know that the folder is in use.
            self._lock = FileLock(self._root / f"{os.getpid()}.lock", timeout=0)
            self._lock.acquire()
        except OSError as error:
            raise disk_trouble(self._root, error) from None
        from vidream.runtime.memory import keep_memory
        from vidream.runtime.waits import adapt_waits

        keep_memory()
        adapt_waits()

    def facts(self) -> dict[str, Any]:
        """What this machine is: workers of one film must have the same versions."""
        import cv2
        import torch

        return {
            "vidream": __version__,
            "torch": torch.__version__.partition("+")[0],
            "OpenCV": cv2.__version__,
            "threads": torch.get_num_threads(),
            "host": platform.node(),
            "process": os.getpid(),
        }

    def missing(self, files: Sequence[FileFact]) -> list[int]:
        """The numbers of those of `files` that must be sent."""
        here = self._places(files)
        return [
            number for number, fact in enumerate(files) if not _is_at(here[fact.path.parent] / fact.path.name, fact)
        ]

    def _places(self, files: Sequence[FileFact]) -> dict[Path, Path]:
        """The folder of a file as the task names it -> the one here: its own, where all its files are to be seen."""
        groups: dict[Path, list[FileFact]] = {}
        for fact in files:
            groups.setdefault(fact.path.parent, []).append(fact)
        return {
            folder: group[0].place.parent
            if all(_is_at(fact.place, fact) for fact in group)
            else (self._root / group[0].name).parent
            for folder, group in groups.items()
        }

    def receive(self, name: str, at: int, data: bytes) -> None:
        """Put `data` at byte `at` of a file of the folder here. TargetError where the disk does not take it."""
        path = self._root / name
        try:
            path.parent.mkdir(exist_ok=True)
            with path.open("r+b" if at else "wb") as file:
                file.seek(at)
                file.write(data)
        except OSError as error:
            raise disk_trouble(path, error) from None

    def prepare(self, task: FilmTask, files: Sequence[FileFact]) -> dict[str, Any]:
        """Get ready for the units of a film; returns what changes its frames: device and number format.

        Networks are loaded once, and again only for another look. Raises VidreamError.
        """
        task = task.at(self._places(files))
        key = (task.preset, task.weights, task.device, task.precision, task.tile, task.seed)
        if self._dreamer is None or key != self._dreamer_key:
            self._dreamer, self._dreamer_key = task.dreamer(), key
        self._maker = UnitMaker(task, self._dreamer, self._root)
        return {"device": self._dreamer.device.type, "precision": str(self._dreamer.net.dtype).removeprefix("torch.")}

    def begin(self, job: Unit | Look, marks: Mapping[int, str], states: Mapping[str, bytes]) -> None:
        """Take up a unit, or a look for cuts; `poll` makes it."""
        self.stop()
        assert self._maker is not None
        self._running = self._maker.look(job) if isinstance(job, Look) else self._maker.make(job, marks, states)

    def poll(self, seconds: float) -> list[Message]:
        """Work for `seconds`, or until the unit is done, and return what came; [] where nothing is to be done."""
        found: list[Message] = []
        if self._running is None:
            return found
        until = time.monotonic() + seconds
        frames, picture = 0, None
        for message in self._running:
            if message[0] == "frames":
                frames, picture = frames + message[1], message[2]
            else:
                found.append(message)
            if time.monotonic() >= until:
                break
        else:
            self._running = None
        return [("frames", frames, picture), *found]

    def stop(self) -> None:
        """Leave what is being made."""
        if self._running is not None:
            self._running.close()
            self._running = None

    def clear(self) -> None:
        """Stop, and leave nothing on the disk where no other worker needs it."""
        self.stop()
        self._lock.release()
        with contextlib.suppress(OSError):
            Path(self._lock.lock_file).unlink(missing_ok=True)
        if _is_abandoned(self._root):
            shutil.rmtree(self._root, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._root.rmdir()


def _is_at(path: Path, fact: FileFact) -> bool:
    with contextlib.suppress(VidreamError):
        return path.is_file() and file_print(path) == fact.known
    return False


def _clear_abandoned(folder: Path) -> None:
    """Clear away what killed workers of runs before have left."""
    for root in folder.glob(f"{FOLDER_PREFIX}*"):
        if _is_abandoned(root):
            shutil.rmtree(root, ignore_errors=True)


def _is_abandoned(root: Path) -> bool:
    """True where no process holds a lock of the folder. An empty one is just being made."""
    for path in root.glob("*.lock"):
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except (Timeout, OSError):
            return False
        lock.release()
    return any(root.iterdir())
