"""One clip after another: skip what is there, make the others, note what failed and go on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vidream.errors import DeviceError, NetError, PresetError, SourceError, TargetError
from vidream.many.clip_journal import ClipEntry, ClipJournal, ClipState
from vidream.many.clip_maker import ClipMaker, Make
from vidream.many.clip_sources import Seen, find_sources, seen_of
from vidream.media.numbered import NumberedName
from vidream.media.sources.reader import FrameReader, find_kind
from vidream.rendering.progress import Made
from vidream.rendering.work_folder import WorkFolder

__all__ = ["ClipBatch", "ManyMade", "ManyProgress", "dream_many"]

# A look, a network or a device that is not there fails with every clip.
_FAILS_ALL = (PresetError, NetError, DeviceError)


@dataclass
class ManyMade:
    """What became of many clips.

    Attributes:
        made: paths of the films and pictures that were made.
        skipped: sources whose dream was there already.
        failed: sources that failed, each with the reason.
        stopped: True where Ctrl-C ended it before the last clip.
    """

    made: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)
    stopped: bool = False


class ManyProgress:
    """What a caller may watch of many clips; every method does nothing here."""

    def planned(self, count: int) -> None:
        """So many clips are meant, where that is known."""

    def begun(self, source: Path, target: Path) -> None:
        """`source` is opened."""

    def made(self, source: Path, made: Made) -> None:
        """Its dream is finished, or, after Ctrl-C, ends with the frames so far."""

    def skipped(self, source: Path, why: str) -> None:
        """Nothing is done about `source`."""

    def failed(self, source: Path, error: Exception) -> None:
        """It could not be made; the next one follows."""

    def noted(self, words: str) -> None:
        """One line for the user that concerns no clip."""


class ClipBatch:
    """Takes clips one by one into `out_dir`.

    Args:
        out_dir: where to; it is created.
        make: makes one clip.
        overwrite: replace what is there.
        resume: go on with what is unfinished.
        holds_stills: `make` makes films of still pictures.
        follows: a source may get another content; what was made of the old one is then replaced.
        progress: is told of what happens.

    Attributes:
        result: what became of them so far.
        journal: of `out_dir`.

    Raises:
        TargetError: `out_dir` is a file.
    """

    def __init__(
        self,
        out_dir: str | os.PathLike[str],
        make: Make,
        *,
        overwrite: bool = False,
        resume: bool = False,
        holds_stills: bool = False,
        video_suffix: str = ".mp4",
        follows: bool = False,
        progress: ManyProgress | None = None,
    ) -> None:
        self.journal = ClipJournal(Path(out_dir), video_suffix=video_suffix)
        self.result = ManyMade()
        self.progress = progress or ManyProgress()
        self._make = make
        self._overwrite, self._resume = overwrite, resume
        self._holds_stills, self._follows = holds_stills, follows

    def take(self, source: Path, sources: Collection[Path] = ()) -> None:
        """Make the dream of `source`, or skip it, or say that it failed.

        Args:
            source: a clip or a picture.
            sources: all that are dreamed: none of them is overwritten.

        Raises:
            PresetError, NetError, DeviceError: no clip can be made.
        """
        seen, target = seen_of(source), None
        try:
            entry = self.journal.take(source, sources)
            kind = find_kind(source)
            target = self.journal.target(entry, source, "video" if kind == "picture" and self._holds_stills else kind)
            how = self._how(entry, seen, target)
            if how is None:
                self.journal.note(source, "made", seen=seen, target=target)
                self.result.skipped.append(source)
                self.progress.skipped(source, f'"{target}" is already there')
                return
            self.journal.note(source, "begun", seen=seen, target=target)
            if kind == "pictures":
                target.parent.mkdir(exist_ok=True)
            self.progress.begun(source, target)
            made = self._make(source, target, resume=how[0], overwrite=how[1])
            if made.finished:
                self.journal.note(source, "made", seen=seen, target=target, written=seen_of(made.path))
        except _FAILS_ALL:
            self._clear(source, "failed", seen, target)
            raise
        except KeyboardInterrupt:
            self.result.stopped = True
            return
        except Exception as error:
            self._failed(source, error, seen, target)
            return
        self.result.failed.pop(source, None)
        self.result.made.append(made.path)
        self.result.stopped = not made.finished
        self.progress.made(source, made)

    def _how(self, entry: ClipEntry, seen: Seen | None, target: Path) -> tuple[bool, bool] | None:
        """(resume, overwrite) for `make`; None where there is nothing to do. Raises TargetError."""
        if self._overwrite:
            return self._resume, True
        is_new_content = self._follows and entry.state != "new" and entry.seen != seen
        if NumberedName.matches(target):
            return None if NumberedName(target).existing() else (self._resume, False)
        if not target.exists():
            # What was begun with another content is of no use.
            return (False, True) if is_new_content else (self._resume, False)
        work = WorkFolder(target, resume=True)
        if is_new_content:
            if not work.replaces_target and entry.written != seen_of(target):
                raise TargetError(
                    f'"{target}" is not as it was made, and is left so; move it away', use={"overwrite": True}
                )
            return False, True
        return (self._resume, False) if work.frames_held else None

    def _failed(self, source: Path, error: Exception, seen: Seen | None, target: Path | None) -> None:
        why = (str(error).splitlines() or [""])[0] or type(error).__name__
        self.result.failed[source] = why
        state: ClipState = "broken" if isinstance(error, SourceError) and _is_broken(source) else "failed"
        self._clear(source, state, seen, target, why)
        self.progress.failed(source, error)

    def _clear(self, source: Path, state: ClipState, seen: Seen | None, target: Path | None, why: str = "") -> None:
        # Where the disk takes nothing more, the next clip says so as well.
        with contextlib.suppress(TargetError, KeyError):
            self.journal.note(source, state, seen=seen, why=why)
        if target is not None and NumberedName.matches(target):
            with contextlib.suppress(OSError):
                target.parent.rmdir()  # where it is empty


def _is_broken(source: Path) -> bool:
    """True where the file itself cannot be read, whatever is asked of it."""
    try:
        with FrameReader(source) as reader:
            next(reader.frames(seek=False))
    except (SourceError, StopIteration):
        return True
    return False


def dream_many(
    sources: Iterable[str | os.PathLike[str]],
    out_dir: str | os.PathLike[str],
    *,
    make: Make | None = None,
    overwrite: bool = False,
    resume: bool = False,
    holds_stills: bool = False,
    video_suffix: str = ".mp4",
    progress: ManyProgress | None = None,
) -> ManyMade:
    """Dream many clips into a folder, with networks that are loaded once.

    `walk.mp4` becomes `walk-dream.mp4` there; sources of one name get different ones, the same in every run. What is
    there already is skipped, so the same call goes on with a run that was stopped. A clip that fails does not end it.
    On KeyboardInterrupt the clip that is being made is finished with the frames so far, and no other is begun.

    Args:
        sources: names of clips, pictures and numbered pictures, and patterns such as "clips/*.mp4".
        out_dir: where to; it is created.
        make: makes one clip; by default `ClipMaker()`.
        overwrite: make again what is there.
        resume: go on with what is unfinished; without it, an unfinished film is a failure that says so.
        holds_stills: `make` makes films of still pictures, as with `duration_seconds`.
        video_suffix: of the films that `make` makes of videos.
        progress: is told of what happens.

    Returns:
        what was made, skipped, and what failed, with the reason.

    Raises:
        SourceError: a pattern fits no file.
        TargetError: `out_dir` cannot be written.
        PresetError, NetError, DeviceError: no clip can be made.
    """
    batch = ClipBatch(
        out_dir,
        make or ClipMaker(),
        overwrite=overwrite,
        resume=resume,
        holds_stills=holds_stills,
        video_suffix=video_suffix,
        progress=progress,
    )
    try:
        found = find_sources(sources, is_own=batch.journal.is_own)
        batch.journal.prepare()
        batch.progress.planned(len(found))
        for source in found:
            batch.take(source, found)
            if batch.result.stopped:
                break
    except KeyboardInterrupt:
        batch.result.stopped = True
    finally:
        batch.journal.tidy()
    return batch.result
