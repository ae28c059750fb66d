"""What may be written where: kinds of target by suffix, checked before any work is done."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vidream.errors import TargetError
from vidream.media.disk import disk_trouble
from vidream.media.images import STILL_SUFFIXES
from vidream.media.numbered import NumberedName

if TYPE_CHECKING:
    from vidream.media.sources.reader import FrameReader

__all__ = ["VIDEO_SUFFIXES", "TargetKind", "check_target", "default_target", "free_name", "temporary_name"]

TargetKind = Literal["video", "gif", "picture", "pictures"]
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")


def default_target(source: Path, kind: str) -> Path:
    """Where the dream of `source` goes if nothing else was said; `kind` is FrameReader.kind.

    walk.mov -> walk-dream.mp4; gif -> -dream.gif; picture -> -dream.png, but jpg stays jpg, and .jfif becomes it;
    shots/%04d.png -> shots-dream/%04d.png, a folder that FrameWriter then creates.
    """
    source = Path(source)
    if kind == "pictures":
        suffix = source.suffix if source.suffix.lower() in (".jpg", ".jpeg") else ".png"
        folder = source.parent
        name = f"{folder.name}-dream" if folder.name not in ("", "..") else "dream"
        return (folder / name if folder.name in ("", "..") else folder.with_name(name)) / f"{source.stem}{suffix}"
    if kind == "gif":
        return source.with_name(f"{source.stem}-dream.gif")
    if kind == "picture":
        is_jpeg = source.suffix.lower() in (".jpg", ".jpeg")
        suffix = source.suffix if is_jpeg else ".jpg" if source.suffix.lower() in (".jfif", ".jpe") else ".png"
        target = source.with_name(f"{source.stem}-dream{suffix}")
        return target.with_name(target.name.replace("%", "")) if NumberedName.matches(target) else target
    return source.with_name(f"{source.stem}-dream.mp4")


def temporary_name(target: Path, suffix: str) -> Path:
    """A hidden, unused path in the folder of `target`: what is moved within a folder appears whole."""
    return target.with_name(f".vidream-{secrets.token_hex(6)}{suffix}")


def free_name(target: Path) -> Path:
    """`target` with the first number behind its stem that no file has: out-2.mp4."""
    number = 2
    while (found := target.with_name(f"{target.stem}-{number}{target.suffix}")).exists():
        number += 1
    return found


def check_target(target: Path, *, like: FrameReader | None, overwrite: bool, moves: bool = False) -> TargetKind:
    """What kind `target` is, after making sure that it can be written. TargetError, one line, if not.

    moves: more than one picture will come, so that a .webp is an animation. Animations of all kinds are "gif".
    """
    suffix = target.suffix.lower()
    allowed = ", ".join((*VIDEO_SUFFIXES, ".gif", ".apng", *STILL_SUFFIXES))
    if target.is_dir():
        raise TargetError(f'"{target}" is a folder; give a file in it, such as {target / "dream.mp4"}')
    if suffix not in (*VIDEO_SUFFIXES, ".gif", ".apng", *STILL_SUFFIXES):
        raise TargetError(f'"{target.name}" cannot be written; give it one of {allowed}')
    kind: TargetKind = "video" if suffix in VIDEO_SUFFIXES else "gif" if suffix in (".gif", ".apng") else "picture"
    if kind == "picture" and NumberedName.matches(target):
        kind = "pictures"
    elif suffix == ".webp" and moves:
        kind = "gif"
    _check_not_source(target, like)
    _check_folder(target, may_create=_is_default_folder(target, like, kind))
    if overwrite:
        return kind
    there = [path for _, path in NumberedName(target).existing()] if kind == "pictures" else [target]
    if there and there[0].exists():
        raise TargetError(f'"{there[0]}" is already there; write to another name, or allow it with --overwrite')
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
