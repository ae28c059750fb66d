"""SoundFile: a file whose sound is a film's, in place of the sound of its source."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path

import av

from vidream.errors import SourceError, close_names
from vidream.media.ffmpeg import CONTAINERS, SOUND_CONTAINERS
from vidream.media.probe import AudioInfo, tracks_of

__all__ = ["SoundFile"]


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
