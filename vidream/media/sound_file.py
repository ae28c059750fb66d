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
from vidream.media.probe import AudioInfo, default_track, tracks_of

__all__ = ["AudioWish", "SoundFile", "sound_tracks", "wanted_companions"]

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
                raise SourceError(_missing(path))
            return cls._of(path)
        except SourceError as error:
            raise SourceError(error.message, argument="listen") from None
        except OSError as error:  # a name that is too long, a folder that may not be entered
            raise SourceError(_unreadable(path, error), argument="listen") from None

    @classmethod
    def _of(cls, path: Path) -> SoundFile:
        tracks, starts, length = sound_tracks(path)
        info = default_track(tracks)
        if info is None:
            raise SourceError(f"{path.name} holds no sound; give a file with sound, or leave it out")
        return cls(path, info, starts, length)


def sound_tracks(path: Path) -> tuple[tuple[AudioInfo, ...], Fraction, float]:
    """Look at the sound of a file: music, or a video.

    Returns:
        its tracks; its earliest time in seconds, on its own clock; and its length in seconds as it says itself, 0 where
        it does not.

    Raises:
        SourceError: it cannot be read.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": f"{CONTAINERS},{SOUND_CONTAINERS}"}
    try:
        with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
            starts = Fraction(container.start_time or 0, av.time_base)
            return tracks_of(container), starts, (container.duration or 0) / av.time_base
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(_unreadable(path, error)) from None


def _unreadable(path: Path, error: Exception) -> str:
    why = getattr(error, "strerror", None) or "unknown format"
    return f"{path.name} is no sound that can be read ({why}); give mp3, m4a, flac, wav, ogg or a video"


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
