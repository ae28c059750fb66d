"""The journal of many clips: which of them got which name, and what became of each."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from vidream.errors import TargetError
from vidream.many.clip_sources import Seen
from vidream.media.disk import disk_trouble, save_whole
from vidream.media.numbered import NumberedName
from vidream.media.targets import default_target

__all__ = ["ClipEntry", "ClipJournal", "ClipState"]

ClipState = Literal["new", "begun", "made", "broken", "failed"]
JOURNAL_NAME, _LOCK_NAME = ".vidream-clips.json", ".vidream-clips.lock"
_FORMAT = 1
_LOCK_SECONDS = 30.0


@dataclass(frozen=True)
class ClipEntry:
    """What the journal says of one source.

    Attributes:
        label: what its target is called before "-dream"; no other source has it.
        state: broken is what cannot be read; failed is what may go well another time.
        seen: of the source, when the state was noted.
        target: name in the folder, where one was begun.
        written: of the target, when it was made.
        why: it failed.
    """

    label: str
    state: ClipState = "new"
    seen: Seen | None = None
    target: str = ""
    written: Seen | None = None
    why: str = ""


class ClipJournal:
    """The journal in `out_dir`, shared by all runs that write there.

    It is read at the beginning and at each change, and written whole. Sources are known by their way from `out_dir`, so
    that both may be moved together.
    """

    def __init__(self, out_dir: Path, *, video_suffix: str = ".mp4") -> None:
        """Read what there is. video_suffix: of films made of videos. TargetError where `out_dir` is a file."""
        self.out_dir, self._video_suffix = out_dir, video_suffix
        if out_dir.is_file():
            raise TargetError(f'"{out_dir}" is a file, not a folder; write somewhere else')
        self._entries: dict[str, ClipEntry] = {}
        self._own: set[str] = set()
        self._created: list[Path] = []
        self._read()

    def prepare(self) -> None:
        """Create the folder, and see that it can be written. Raises TargetError."""
        with self._changing():
            pass

    def tidy(self) -> None:
        """Take the journal away again where it tells of nothing made, and folders created for it."""
        if not self._entries or {entry.state for entry in self._entries.values()} <= {"new", "failed"}:
            with contextlib.suppress(OSError):
                for name in (JOURNAL_NAME, _LOCK_NAME):
                    (self.out_dir / name).unlink(missing_ok=True)
                for folder in self._created:
                    folder.rmdir()  # where nothing else is in it

    def entry(self, source: Path) -> ClipEntry | None:
        """What was noted of `source` last."""
        return self._entries.get(self._key(source))

    def is_own(self, path: Path) -> bool:
        """True for what was made here, or is being made."""
        return _plain(path.name) in self._own and os.path.abspath(path.parent) == os.path.abspath(self.out_dir)  # noqa: PTH100

    def take(self, source: Path, sources: Collection[Path] = ()) -> ClipEntry:
        """The entry of `source`; a new one gets a label that no other has.

        Args:
            source: a clip or a picture.
            sources: all that are dreamed; none of them is overwritten by the target of another.

        Raises:
            TargetError: the journal cannot be written.
        """
        found = self.entry(source)
        if found is None:
            with self._changing():
                key = self._key(source)
                found = self._entries.setdefault(key, ClipEntry(self._free_label(source, sources)))
        return found

    def target(self, entry: ClipEntry, source: Path, kind: str) -> Path:
        """Where the dream of `source` goes, by the rule of `default_target`. kind: `FrameReader.kind`."""
        if kind == "pictures":
            return default_target(self.out_dir / entry.label / source.name, kind, video_suffix=self._video_suffix)
        return default_target(self.out_dir / f"{entry.label}{source.suffix}", kind, video_suffix=self._video_suffix)

    def note(
        self,
        source: Path,
        state: ClipState,
        *,
        seen: Seen | None,
        target: Path | None = None,
        written: Seen | None = None,
        why: str = "",
    ) -> None:
        """Note what became of `source`, which was taken before. Raises TargetError."""
        with self._changing():
            key = self._key(source)
            before = self._entries[key]
            name = target.relative_to(self.out_dir).parts[0] if target is not None else before.target
            # What was made of an older content stays known as ours.
            written = written or before.written
            self._entries[key] = replace(before, state=state, seen=seen, target=name, written=written, why=why)

    def _key(self, source: Path) -> str:
        path = os.path.abspath(source)  # noqa: PTH100, a link is a source of its own
        with contextlib.suppress(ValueError):  # Windows: another drive
            path = os.path.relpath(path, self.out_dir)
        return Path(path).as_posix()

    def _free_label(self, source: Path, sources: Collection[Path]) -> str:
        here = os.path.abspath(self.out_dir)  # noqa: PTH100
        taken = {_plain(entry.label): key for key, entry in self._entries.items()}
        names = {_plain(each.stem) for each in sources if os.path.abspath(each.parent) == here}  # noqa: PTH100

        def is_free(label: str) -> bool:
            return _plain(label) not in taken and _plain(f"{label}-dream") not in names

        path = source.absolute()
        is_numbered = NumberedName.matches(path) and not path.exists()
        name = (path.parent.name or "pictures") if is_numbered else path.stem
        holder, kind = taken.get(_plain(name), ""), path.suffix[1:].lower()
        other_kind = [f"{name}-{kind}"] if kind and Path(holder).suffix[1:].lower() != kind else []
        folder = path.parent.parent.name if is_numbered else path.parent.name
        for label in (name, *other_kind, *([f"{name}-{folder}"] if folder else [])):
            if is_free(label):
                return label
        return (
            f"{name}-{hashlib.blake2b(self._key(source).encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"
        )

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Within the block the entries are those on the disk, and what is changed goes there at its end."""
        path = self.out_dir / JOURNAL_NAME
        try:
            self._created += [each for each in (self.out_dir, *self.out_dir.parents) if not each.exists()]
            self.out_dir.mkdir(parents=True, exist_ok=True)
            with FileLock(self.out_dir / _LOCK_NAME, timeout=_LOCK_SECONDS):
                self._read()
                yield
                self._own = self._targets()
                clips = {key: asdict(entry) for key, entry in self._entries.items()}
                save_whole(path, json.dumps({"format": _FORMAT, "clips": clips}, indent=1).encode())
        except Timeout:
            raise TargetError(f'"{path}" is held by another run; wait for it, or stop it') from None
        except OSError as error:
            raise disk_trouble(path, error) from None

    def _read(self) -> None:
        try:
            found = json.loads((self.out_dir / JOURNAL_NAME).read_text(encoding="utf-8"))
            if found["format"] != _FORMAT:
                return
            self._entries = {key: _entry(values) for key, values in found["clips"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return  # a damaged one is written anew; what was made is then found by its name
        self._own = self._targets()

    def _targets(self) -> set[str]:
        return {_plain(entry.target) for entry in self._entries.values() if entry.target}


def _entry(values: dict[str, Any]) -> ClipEntry:
    """Raises KeyError, TypeError or ValueError where these are no entry's."""
    seen, written = (
        (int(value[0]), int(value[1])) if (value := values[name]) else None for name in ("seen", "written")
    )
    if values["state"] not in get_args(ClipState):
        raise ValueError
    label, target, why = (str(values[name]) for name in ("label", "target", "why"))
    if not label or Path(label).name != label:
        raise ValueError  # it would lead out of the folder
    return ClipEntry(label, values["state"], seen=seen, target=target, written=written, why=why)


def _plain(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", name).casefold()
