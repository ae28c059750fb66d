"""SoundFile: a file whose sound is a film's, in place of the sound of its source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Literal

import av

from vidream.errors import SourceError, close_names
from vidream.media.companions import Companions
from vidream.media.ffmpeg import CONTAINERS, SOUND_CONTAINERS
from vidream.media.probe import AudioInfo, tracks_of

__all__ = ["AudioWish", "SoundFile", "wanted_companions"]

AudioWish = Literal["all", "first", "none"] | bool


@dataclass(frozen=True)
class SoundFile:
    """A file with sound: music, or a video.

    Attributes:
        path: where it is.
        info: its default track.
        starts_seconds: the file's earliest time, on its own clock: where the film begins.
        duration_seconds: how long it is, as it says itself; 0 where it does not.
    """

    path: Path
    info: AudioInfo
    starts_seconds: Fraction
    duration_seconds: float

    @classmethod
    def open(cls, source: str | PathLike[str]) -> SoundFile:
        """Look at a file. Raises SourceError where it cannot be read, or has no sound."""
        path = Path(source)
        try:
            if not path.is_file():
                raise SourceError(_missing(path), argument="listen")
            options = {"protocol_whitelist": "file", "format_whitelist": f"{CONTAINERS},{SOUND_CONTAINERS}"}
            with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
                tracks = tracks_of(container)
                starts = Fraction(container.start_time or 0, av.time_base)
                length = (container.duration or 0) / av.time_base
        except (av.error.FFmpegError, OSError) as error:
            why = getattr(error, "strerror", None) or "unknown format"
            raise SourceError(
                f"{path.name} is no sound that can be read ({why}); give mp3, m4a, flac, wav, ogg or a video",
                argument="listen",
            ) from None
        info = next((each for each in tracks if each.is_default), None)
        if info is None:
            raise SourceError(f"{path.name} holds no sound; give a file with sound, or leave it out", argument="listen")
        return cls(path, info, starts, length)


def _missing(path: Path) -> str:
    if path.is_dir():
        return f'"{path}" is a folder; give a file with sound'
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    except OSError:
        names = []
    return f'no file "{path}"; {close_names(path.name, names) if names else "check the path"}'


def wanted_companions(
    companions: Companions | None, audio: AudioWish, sound: SoundFile | None = None
) -> Companions | None:
    """What goes into a film.

    Args:
        companions: of its source; None where it does not run along with one.
        audio: which tracks of sound; True and False: all, none.
        sound: in place of the source's own.

    Returns:
        None for nothing at all.
    """
    if sound is not None and audio not in ("none", False):
        begins = sound.starts_seconds
        companions = replace(
            companions or Companions(sound.path),
            source=sound.path, tracks=(sound.info,), picture_seconds=begins, starts_seconds=begins,
        )  # fmt: skip
    if companions is None:
        return None
    tracks = companions.tracks if audio in ("all", True) else ()
    if audio == "first":
        tracks = tuple(filter(None, [companions.sound]))
    found = replace(companions, tracks=tracks)
    return found if found.tracks or found.chapters or found.timecode else None
