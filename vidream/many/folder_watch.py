"""A folder that is watched: every clip or picture that comes into it is dreamed, once."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterable
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from vidream.errors import SourceError, VidreamError
from vidream.many.clip_batch import ClipBatch, ManyMade, ManyProgress
from vidream.many.clip_maker import ClipMaker, Make
from vidream.many.clip_sources import Seen, clips_in, seen_of

__all__ = ["FolderWatch", "check_watch_extra", "folder_changes", "watch_folder"]

SETTLE_SECONDS = 2.0
# Events get lost: on a share whose other end writes, or while a system is busy.
RESCAN_SECONDS = 30.0
# Where no events can be had at all.
BLIND_SECONDS = 2.0
_LONGEST_TICK_SECONDS = 0.5


def check_watch_extra() -> None:
    """Check that the package is installed that tells of changes in a folder.

    Raises:
        VidreamError: it is missing; with what to install.
    """
    if find_spec("watchfiles") is None:
        raise VidreamError("to watch a folder watchfiles is needed; install it with: pip install 'vidream[watch]'")


class FolderWatch:
    """Gives what lies in `folder` to `batch`, each content of a file once, when it has stopped growing.

    Args:
        folder: its own files are looked at, those of folders in it are not.
        batch: makes them; its journal knows what was made in runs before.
        settle_seconds: how long size and time of a file must not have changed.
        rescan_seconds: how often the folder is looked through where nothing told of a change.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        folder: Path,
        batch: ClipBatch,
        *,
        settle_seconds: float = SETTLE_SECONDS,
        rescan_seconds: float = RESCAN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._batch = folder, batch
        self._settle_seconds, self._rescan_seconds = settle_seconds, rescan_seconds
        self._clock = clock
        self._waiting: dict[Path, tuple[Seen, float]] = {}
        # What was tried in this run, or told to have failed in one before.
        self._tried: dict[Path, Seen] = {}
        self._looked_at = -float("inf")
        self._is_lost = False
        self._is_out_dir = os.path.realpath(folder) == os.path.realpath(batch.journal.out_dir)

    def run(self, ticks: Iterable[bool], *, once: bool = False) -> ManyMade:
        """Dream what is there and what comes, until `ticks` end or Ctrl-C; then what became of all.

        Args:
            ticks: an item now and then, True where something in the folder may have changed.
            once: end when all that is there was taken.

        Raises:
            PresetError, NetError, DeviceError: no clip can be made.
        """
        result = self._batch.result
        try:
            for is_changed in chain([True], ticks):
                if is_changed or self._waiting or self._clock() - self._looked_at >= self._rescan_seconds:
                    self._look()
                while (source := self._next_settled()) is not None:
                    self._batch.take(source)
                    if result.stopped:
                        return result
                    self._look()
                if once and not self._waiting:
                    break
        except KeyboardInterrupt:
            result.stopped = True
        return result

    def _look(self) -> None:
        """Note what lies in the folder and is still to be made, and since when it is as it is."""
        now = self._looked_at = self._clock()
        try:
            found = dict(clips_in(self._folder))
        except OSError as error:
            if not self._is_lost:
                self._batch.progress.noted(f'"{self._folder}" cannot be looked into ({error.strerror}); waiting for it')
            self._is_lost, self._waiting = True, {}
            return
        self._is_lost = False
        stems = {path.stem for path in found}
        before, self._waiting = self._waiting, {}
        for path, seen in found.items():
            if self._is_done(path, seen) or self._is_own(path, stems):
                continue
            since = before[path][1] if path in before and before[path][0] == seen else now
            self._waiting[path] = (seen, since)
        for path in self._tried.keys() - found.keys():
            del self._tried[path]  # what comes again under this name is new

    def _next_settled(self) -> Path | None:
        for path, (seen, since) in list(self._waiting.items()):
            if self._clock() - since < self._settle_seconds:
                continue
            del self._waiting[path]
            found = seen_of(path)
            if found == seen:
                self._tried[path] = seen
                return path
            if found is not None:
                self._waiting[path] = (found, self._clock())
        return None

    def _is_done(self, path: Path, seen: Seen) -> bool:
        if self._tried.get(path) == seen:
            return True
        entry = self._batch.journal.entry(path)
        if entry is None or entry.seen != seen or entry.state not in ("made", "broken"):
            return False
        self._tried[path] = seen
        if entry.state == "broken":
            self._batch.result.failed[path] = entry.why
            self._batch.progress.skipped(path, f"it failed before ({entry.why}), and is tried again when it changes")
        return True

    def _is_own(self, path: Path, stems: set[str]) -> bool:
        """True for dreams, which lie here where the folder of the dreams is this one."""
        if self._batch.journal.is_own(path):
            return True
        # The dream of another file that lies here, made by a run that noted nothing.
        return self._is_out_dir and path.stem.endswith("-dream") and path.stem.removesuffix("-dream") in stems


def folder_changes(
    folder: Path, *, poll: bool = False, tick_seconds: float = _LONGEST_TICK_SECONDS, tell: Callable[[str], None]
) -> Generator[bool, None, None]:
    """Yield True where something in `folder` changed, and False where a tick has passed; without end.

    Args:
        folder: what is watched, without the folders in it.
        poll: look at the files again and again, as on a share that tells of no changes.
        tick_seconds: how long to wait for a change.
        tell: takes a line where the system gives no events; the folder is then looked through every few seconds.
    """
    from watchfiles import watch

    milliseconds = max(1, round(tick_seconds * 1000))
    try:
        for changes in watch(
            folder, watch_filter=None, debounce=400, rust_timeout=milliseconds, yield_on_timeout=True,
            force_polling=poll or None, recursive=False, ignore_permission_denied=True,
        ):  # fmt: skip
            yield bool(changes)
    except (OSError, RuntimeError) as error:
        tell(f"the system tells of no changes ({error}); the folder is looked through every {BLIND_SECONDS:g} s")
    yield from _ticks(BLIND_SECONDS, is_changed=True)


def _ticks(seconds: float, *, is_changed: bool = False) -> Generator[bool, None, None]:
    while True:
        time.sleep(seconds)
        yield is_changed


def watch_folder(
    folder: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    make: Make | None = None,
    settle_seconds: float = SETTLE_SECONDS,
    once: bool = False,
    poll: bool = False,
    overwrite: bool = False,
    holds_stills: bool = False,
    video_suffix: str = ".mp4",
    progress: ManyProgress | None = None,
) -> ManyMade:
    """Dream every clip and picture that lies in a folder or comes into it, each content once, until Ctrl-C.

    A film that was begun in a run before is gone on with. A file that cannot be read is tried again when it changes.
    Nothing of the user's is moved or deleted. Left out are hidden files, unfinished ones (.part, .tmp ...) and the
    dreams themselves, where `out_dir` is the folder, or lies in it.

    Args:
        folder: its own files are dreamed, those of folders in it are not.
        out_dir: where to; it is created.
        make: makes one clip; by default `ClipMaker()`.
        settle_seconds: how long a file must not have changed.
        once: dream what is there, and end. This alone needs no package watchfiles.
        poll: look at the files again and again, as on a share that tells of no changes.
        overwrite: replace dreams that are there and were not noted, and begin unfinished ones again.
        holds_stills: `make` makes films of still pictures.
        video_suffix: of the films that `make` makes of videos.
        progress: is told of what happens.

    Returns:
        what was made, skipped, and what failed, with the reason; `stopped` after Ctrl-C.

    Raises:
        SourceError: there is no such folder.
        TargetError: `out_dir` cannot be written.
        PresetError, NetError, DeviceError: no clip can be made.
        VidreamError: the package watchfiles is missing.
    """
    path = Path(folder)
    if not path.is_dir():
        raise SourceError(f'no folder "{path}"; create it first, or name another')
    if settle_seconds < 0:
        raise ValueError(f"settle_seconds cannot be {settle_seconds}; give 0 or more")
    if not once:
        check_watch_extra()
    batch = ClipBatch(
        out_dir,
        make or ClipMaker(),
        overwrite=overwrite,
        resume=not overwrite,
        holds_stills=holds_stills,
        video_suffix=video_suffix,
        follows=True,
        progress=progress,
    )
    tick_seconds = min(_LONGEST_TICK_SECONDS, max(0.05, settle_seconds / 4))
    ticks = (
        _ticks(tick_seconds)
        if once
        else folder_changes(path, poll=poll, tick_seconds=tick_seconds, tell=batch.progress.noted)
    )
    batch.journal.prepare()
    try:
        with contextlib.closing(ticks):
            return FolderWatch(path, batch, settle_seconds=settle_seconds).run(ticks, once=once)
    finally:
        batch.journal.tidy()
