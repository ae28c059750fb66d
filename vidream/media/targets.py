"""What may be written where: kinds of target by suffix, checked before any work is done."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vidream.errors import TargetError
from vidream.media.disk import beside, disk_trouble, longest_name_bytes
from vidream.media.ffmpeg import ffmpeg_path
from vidream.media.formats import format_of, suffixes
from vidream.media.numbered import NumberedName

if TYPE_CHECKING:
    from vidream.media.sources.reader import FrameReader

__all__ = [
    "TargetKind",
    "as_target",
    "check_target",
    "default_target",
    "free_name",
    "one_picture_only",
    "target_kind",
    "temporary_name",
]

TargetKind = Literal["video", "gif", "picture", "pictures"]


def default_target(source: Path, kind: str, *, video_suffix: str = ".mp4") -> Path:
    """Where the dream of `source` goes if nothing else was said; `kind` is FrameReader.kind.

    walk.mov -> walk-dream.mp4, or with another `video_suffix`; gif -> -dream.gif; picture -> -dream.png, but jpg
    stays jpg, and .jfif becomes it;
    shots/%04d.png -> shots-dream/%04d.png, a folder that FrameWriter then creates.
    """
    source = Path(source)
    if kind == "pictures":
        suffix = source.suffix if source.suffix.lower() in (".jpg", ".jpeg") else ".png"
        folder = source.parent
        name = f"{folder.name}-dream" if folder.name not in ("", "..") else "dream"
        return (folder / name if folder.name in ("", "..") else folder.with_name(name)) / f"{source.stem}{suffix}"
    stem = source.with_name(source.stem)
    if kind == "gif":
        return beside(stem, "-dream.gif")
    if kind == "picture":
        is_jpeg = source.suffix.lower() in (".jpg", ".jpeg")
        suffix = source.suffix if is_jpeg else ".jpg" if source.suffix.lower() in (".jfif", ".jpe") else ".png"
        target = beside(stem, f"-dream{suffix}")
        return target.with_name(target.name.replace("%", "")) if NumberedName.matches(target) else target
    return beside(stem, f"-dream{video_suffix}")


def temporary_name(target: Path, suffix: str) -> Path:
    """A hidden, unused path in the folder of `target`: what is moved within a folder appears whole."""
    return target.with_name(f".vidream-{secrets.token_hex(6)}{suffix}")


def free_name(target: Path) -> Path:
    """`target` with the first number behind its stem that no file has: out-2.mp4."""
    number = 2
    while (found := beside(target.with_suffix(""), f"-{number}{target.suffix}")).exists():
        number += 1
    return found


def one_picture_only(target: Path, frames: int | str) -> TargetError:
    """The error for a still picture as the target of `frames` frames, with ways out."""
    pattern = target.with_name(f"{target.stem}-%04d{target.suffix}")
    return TargetError(
        f'"{target.name}" holds one picture, but {frames} will come; write to "{pattern.name}" or to .mp4'
    )


def as_target(target: str | os.PathLike[str]) -> Path:
    """`target` as a path that names a file. TargetError where it names a folder, or nothing, or is too long."""
    path, said = Path(target), os.fspath(target)
    if not said:
        raise TargetError("the target has no name; give a file, such as dream.mp4")
    names_folder = said.endswith((os.sep, "/")) or path.name in ("", "..")
    try:
        is_folder = path.is_dir()
        if is_folder or names_folder:
            verb = "is" if is_folder else "names"
            raise TargetError(f'"{said}" {verb} a folder; give a file in it, such as {path / "dream.mp4"}')
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) != errno.ENAMETOOLONG:
            raise TargetError(f"{said!r} cannot be a file ({error}); give another name") from None
    length, longest = len(os.fsencode(path.name)), longest_name_bytes(path.parent)
    if length > longest:
        raise TargetError(f"the target's name has {length} bytes; allowed are {longest}. Give a shorter one")
    return path


def target_kind(target: Path, frames: int | None = None) -> TargetKind:
    """What kind `target` is by its name, for so many `frames`, as `check_target` says. Raises TargetError."""
    found = format_of(target)
    if found is None:
        raise TargetError(f'"{target.name}" cannot be written; give it one of {", ".join(suffixes())}')
    is_film = frames is not None and frames > 1
    if found.is_picture and NumberedName.matches(target):
        return "pictures"
    if found.is_animation and (is_film or not found.is_picture):
        return "gif"
    if found.is_picture and is_film:
        assert frames is not None
        raise one_picture_only(target, frames)
    return "video" if found.is_video else "picture"


def check_target(target: Path, *, like: FrameReader | None, overwrite: bool, frames: int | None = None) -> TargetKind:
    """What kind `target` is, after making sure that it can be written.

    Args:
        target: where to.
        like: the source, which must not be overwritten.
        overwrite: what is there may be replaced.
        frames: how many will come, where that is known: a .webp of several is an animation.

    Returns:
        the kind; animations of all formats are "gif".

    Raises:
        TargetError: one line.
    """
    target = as_target(target)
    kind = target_kind(target, frames)
    if kind == "video":
        ffmpeg_path()  # an IMAGEIO_FFMPEG_EXE that leads nowhere is reported before any work
    _check_not_source(target, like)
    _check_folder(target, may_create=_is_default_folder(target, like, kind))
    if overwrite:
        return kind
    there = [path for _, path in NumberedName(target).existing()] if kind == "pictures" else [target]
    if there and there[0].exists():
        raise TargetError(f'"{there[0]}" is already there; write to another name', use={"overwrite": True})
    return kind


def _check_not_source(target: Path, like: FrameReader | None) -> None:
    if like is None:
        return
    same = target.absolute() == like.source.absolute()
    if not same and target.exists() and like.source.exists():
        same = target.samefile(like.source)
    if same:
        raise TargetError(f'"{target}" is the source itself; write to another name')


def _is_default_folder(target: Path, like: FrameReader | None, kind: TargetKind) -> bool:
    if like is None or kind != "pictures" or like.kind != "pictures":
        return False
    return target.absolute().parent == default_target(like.source, like.kind).absolute().parent


def _check_folder(target: Path, *, may_create: bool) -> None:
    folder = target.parent
    if not folder.is_dir():
        if folder.exists():
            raise TargetError(f'"{folder}" is a file, not a folder; write somewhere else')
        if not may_create:
            raise TargetError(f'no folder "{folder}"; create it first, or write somewhere else')
        try:
            folder.mkdir()
        except OSError as error:
            raise disk_trouble(folder, error) from None
    # Permission bits say little on Windows, network drives or as root: only writing tells.
    trial = temporary_name(target, ".tmp")
    try:
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise disk_trouble(target, error) from None
