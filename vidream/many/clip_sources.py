"""Which files are meant: names, patterns such as clips/*.mp4, and what lies in a folder."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from vidream.errors import SourceError
from vidream.media.ffmpeg import MOVING_SUFFIXES
from vidream.media.picture_files import READABLE_SUFFIXES

__all__ = ["Seen", "clips_in", "find_sources", "is_pattern", "seen_of"]

# What programs call a file that they have not written to its end, before or behind its suffix.
_UNFINISHED = (".part", ".crdownload", ".tmp", ".temp", ".download", ".partial")
# Size in bytes and time of the last change in ns: what tells a file's content from another that it had.
Seen = tuple[int, int]


def find_sources(
    names: Iterable[str | os.PathLike[str]], *, is_own: Callable[[Path], bool] = lambda path: False
) -> list[Path]:
    """The files that `names` mean, each once, in this order; those of a pattern are sorted.

    Args:
        names: of files, of numbered pictures ("shots/%04d.png"), or patterns ("clips/*.mp4", "clips/**/*.mov"). What
            is really called so counts before a pattern.
        is_own: True for files that a pattern must not find.

    Raises:
        SourceError: a pattern fits no file.
    """
    found: dict[str, Path] = {}
    for each in names:
        name = os.fspath(each)
        paths = _fitting(name, is_own) if is_pattern(name) else [Path(name)]
        for path in paths:
            found.setdefault(os.path.abspath(path), path)  # noqa: PTH100, a link is a source of its own
    return list(found.values())


def is_pattern(name: str) -> bool:
    """True for a name with *, ? or [...] that no file has."""
    return glob.has_magic(name) and not os.path.lexists(name)


def _fitting(pattern: str, is_own: Callable[[Path], bool]) -> list[Path]:
    paths = map(Path, glob.iglob(pattern, recursive=True))  # noqa: PTH207, a Path would change what was written
    found = sorted(path for path in paths if path.is_file() and not is_own(path))
    if not found:
        raise SourceError(f'no file fits "{pattern}"; check the folder and the pattern')
    return found


def seen_of(path: Path) -> Seen | None:
    """Size and time of `path`; None where it is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if path.is_file() else None


def clips_in(folder: Path) -> Iterator[tuple[Path, Seen]]:
    """The clips and pictures that lie in `folder` itself, by name; hidden and unfinished ones are left out.

    An empty file beside one with .part or the like behind its name is still being fetched. Raises OSError.
    """
    with os.scandir(folder) as entries:
        names = {entry.name for entry in entries}
    for name in sorted(names):
        path = folder / name
        if path.suffix.lower() not in (*READABLE_SUFFIXES, *MOVING_SUFFIXES) or name.startswith((".", "~")):
            continue
        seen = seen_of(path)
        if seen is None or path.stem.lower().endswith(_UNFINISHED):
            continue
        if seen[0] or not any(name + ending in names for ending in _UNFINISHED):
            yield path, seen
