"""Clips: dreams many sources into one folder, and keeps a list there of what was made of what."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vidream.errors import SourceError, TargetError, VidreamError
from vidream.media import FrameReader, default_target
from vidream.media.disk import disk_trouble, save_whole
from vidream.media.numbered import NumberedName
from vidream.rendering.progress import Made
from vidream.rendering.render_settings import file_print

__all__ = ["LEDGER", "Clips", "expand"]

LEDGER, LOCK = ".vidream-clips.json", ".vidream-clips.lock"


def expand(words: Iterable[str]) -> list[Path]:
    """The sources that `words` name: paths, numbered pictures, and patterns such as "clips/*.mp4", which are looked up.

    Raises:
        SourceError: no file fits a pattern.
    """
    found: list[Path] = []
    for word in words:
        path = Path(word)
        if path.exists() or NumberedName.matches(path) or not glob.has_magic(word):
            found.append(path)
            continue
        fitting = sorted(path for path in map(Path, glob.glob(word, recursive=True)) if path.is_file())  # noqa: PTH207 - a pattern may be absolute
        if not fitting:
            raise SourceError(f'no file fits "{word}"; check the folder and the pattern')
        found += fitting
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class _Entry:
    """What became of a source: the content it had, the name of its target, the look, and why it failed, or ""."""

    content: str
    target: str
    look: str
    why: str = ""


class Clips:
    """The dreams of many clips in `folder`, each made once.

        with Clips("dreams", make) as clips:
            for source in sources:
                clips.make(source)

    Which source became which file is kept in the folder, so a run that was stopped goes on where it was. A source
    whose content has changed is dreamed again, in place of its old dream.

    Args:
        folder: where the dreams go; it is made where there is none.
        make: dreams one: (source, target, overwrite) -> `Made`. One that ended early is not counted as done.
        look: words that differ between looks: a dream that is there with another one is not taken for this one.
        overwrite: make what is there anew.

    Attributes:
        made: what was made in this run.
        there: targets that were there already.
        failed: source -> the error; those of this run.

    Raises:
        TargetError: the folder cannot be written, or another run is at work in it.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        make: Callable[[Path, Path, bool], Made],
        *,
        look: str = "",
        overwrite: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.made: list[Made] = []
        self.there: list[Path] = []
        self.failed: dict[Path, VidreamError] = {}
        self._make, self._look, self._overwrites = make, look, overwrite
        self._failed_as: dict[Path, str] = {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.folder / LOCK, timeout=0)
            self._lock.acquire()
        except Timeout:
            raise TargetError(f'"{self.folder}": another run is at work in it; wait for it, or stop it') from None
        except OSError as error:
            raise disk_trouble(self.folder / LEDGER, error) from None
        self._entries = self._read()

    def _read(self) -> dict[str, _Entry]:
        try:
            found = json.loads((self.folder / LEDGER).read_text(encoding="utf-8"))
            return {str(source): _Entry(**entry) for source, entry in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def is_target(self, path: Path) -> bool:
        """True for a file that was made here."""
        return path.parent.resolve() == self.folder.resolve() and any(
            entry.target == path.name for entry in self._entries.values()
        )

    def is_known(self, source: Path) -> bool:
        """True where nothing is to be done for `source`: it was dreamed as it is, or has failed as it is.

        Its dream need not be in the folder any more: somebody may have taken it away.
        """
        entry = self._entries.get(_key(source))
        try:
            content = file_print(source)
        except SourceError:
            return False
        if self._failed_as.get(source) == content:
            return True
        return entry is not None and entry.look == self._look and entry.content == content and not self._overwrites

    def make(self, source: Path) -> Made | None:
        """Dream `source`; None where its dream is there already, or it failed. KeyboardInterrupt goes on."""
        entry = self._entries.get(_key(source))
        try:
            content = file_print(source)
            if entry is not None and not entry.why and not self._overwrites and self._is_there(entry, content):
                self.there.append(self.folder / entry.target)
                return None
            target = self._target(source)
            again = self._overwrites or (entry is not None and entry.content != content)
            if target.exists() and not again and not (entry is not None and entry.target == target.name and entry.why):
                raise TargetError(f'"{target}" is already there; write to another folder', use={"overwrite": True})
            made = self._make(source, target, again)
        except VidreamError as error:
            self._fail(source, error)
            return None
        self.made.append(made)
        self.failed.pop(source, None)
        if made.finished:
            self._keep(source, _Entry(content, self._name(target), self._look))
        return made

    def _is_there(self, entry: _Entry, content: str) -> bool:
        target = self.folder / entry.target
        if entry.content != content or not (target.exists() or NumberedName.matches(target)):
            return False
        if entry.look != self._look:
            raise TargetError(
                f'"{target}" was made with another look; write to another folder', use={"overwrite": True}
            )
        return True

    def _fail(self, source: Path, error: VidreamError) -> None:
        self.failed[source] = error
        try:
            content = file_print(source)
        except SourceError:
            return
        self._failed_as[source] = content
        entry = self._entries.get(_key(source))
        if entry is None or entry.why or entry.content != content:
            self._keep(source, _Entry(content, entry.target if entry else "", self._look, str(error)))

    def _keep(self, source: Path, entry: _Entry) -> None:
        self._entries[_key(source)] = entry
        text = json.dumps({source: vars(entry) for source, entry in self._entries.items()}, indent=1)
        try:
            save_whole(self.folder / LEDGER, text.encode())
        except OSError as error:
            raise disk_trouble(self.folder / LEDGER, error) from None

    def _name(self, target: Path) -> str:
        """Of numbered pictures the folder belongs to the name."""
        return target.relative_to(self.folder).as_posix()

    def _target(self, source: Path) -> Path:
        """Where the dream of `source` goes: where it went before, or under a name that no other source has taken."""
        entry = self._entries.get(_key(source))
        if entry is not None and entry.target:
            return self.folder / entry.target
        with FrameReader(source) as reader:
            named = default_target(source, reader.kind)
        is_numbered = NumberedName.matches(named) and reader.kind == "pictures"
        taken = {each.target for key, each in self._entries.items() if key != _key(source)}
        wanted = f"{named.parent.name}/{named.name}" if is_numbered else named.name
        name, number = wanted, 1
        while name in taken:
            # a.mov beside a.mp4, or a.mp4 of two folders.
            mark = source.suffix.lstrip(".") if number == 1 else str(number)
            name = f"{source.stem}-{mark}-dream{named.suffix}" if not is_numbered else f"{number + 1}-{wanted}"
            number += 1
        target = self.folder / name
        target.parent.mkdir(exist_ok=True)
        return target

    def __enter__(self) -> Clips:
        return self

    def __exit__(self, *_: Any) -> None:
        self._lock.release()


def _key(source: Path) -> str:
    return str(source.absolute())
