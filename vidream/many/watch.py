"""watch: dreams whatever comes into a folder, once it has stopped growing."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vidream.errors import SourceError, VidreamError
from vidream.many.many_clips import Clips

__all__ = ["watch"]

SETTLE_SECONDS = 2.0
# Events may be lost, on network drives above all: the folder is looked through this often as well.
LOOK_SECONDS = 5.0
# Of files that are being written, and of those that are no pictures.
UNFINISHED = {".part", ".crdownload", ".tmp", ".download", ".partial", ".filepart", ".opdownload"}
OTHERS = {
    ".txt",
    ".json",
    ".md",
    ".html",
    ".htm",
    ".log",
    ".xml",
    ".csv",
    ".pdf",
    ".zip",
    ".db",
    ".ini",
    ".lnk",
    ".srt",
}


def watch(
    folder: Path,
    clips: Clips,
    *,
    settle_seconds: float = SETTLE_SECONDS,
    polls: bool = False,
    once: bool = False,
    tried: Callable[[Path], None] = lambda source: None,
) -> None:
    """Dream every clip and picture in `folder`, and those that come, until KeyboardInterrupt.

    Args:
        folder: it is only read.
        clips: makes them, each once.
        settle_seconds: a file is taken when its size and time have not changed for so long.
        polls: look for changes in place of asking the system for them: for network drives.
        once: end when all that is there is done.
        tried: called with each source after it was made, or failed.

    Raises:
        SourceError: there is no such folder.
        VidreamError: watchfiles is not installed.
    """
    if not folder.is_dir():
        raise SourceError(f'no folder "{folder}"; check the path')
    settling: dict[Path, tuple[Any, float]] = {}
    changes = _changes(folder, min(settle_seconds, LOOK_SECONDS), polls=polls)
    for _ in changes:
        waiting = False
        for source in _candidates(folder, clips):
            if not _has_settled(source, settling, settle_seconds):
                waiting = True
            elif not clips.is_known(source):
                made = clips.make(source)
                tried(source)
                if made is not None and not made.finished:
                    raise KeyboardInterrupt
        if once and not waiting:
            return


def _candidates(folder: Path, clips: Clips) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise SourceError(f'"{folder}" cannot be read ({error.strerror or error}); check the folder') from None
    return [
        path
        for path in found
        if not path.name.startswith((".", "~"))
        and not path.name.endswith("~")
        and path.suffix.lower() not in UNFINISHED | OTHERS
        and path.is_file()
        and not clips.is_target(path)
    ]


def _has_settled(source: Path, settling: dict[Path, tuple[Any, float]], settle_seconds: float) -> bool:
    try:
        found = source.stat()
    except OSError:
        return False
    state, now = (found.st_size, found.st_mtime_ns), time.monotonic()
    before, since = settling.get(source, (None, now))
    if before != state:
        settling[source] = state, now
        return settle_seconds <= 0 and found.st_size > 0
    return now - since >= settle_seconds and found.st_size > 0


def _changes(folder: Path, every_seconds: float, *, polls: bool) -> Iterator[Any]:
    """Something now and then: whenever the folder changes, and every few seconds."""
    if importlib.util.find_spec("watchfiles") is None:
        raise VidreamError("to watch a folder needs watchfiles; install it with: pip install 'vidream[watch]'")
    import watchfiles

    yield None
    yield from watchfiles.watch(
        folder,
        watch_filter=None,
        step=50,
        debounce=200,
        rust_timeout=max(100, round(every_seconds * 1000)),
        yield_on_timeout=True,
        force_polling=polls or None,
        recursive=False,
        raise_interrupt=True,
    )
