"""The table of output formats: every suffix that can be written, and how. A new format is a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vidream.media.codecs import H264, VP9, Codec

__all__ = ["FORMATS", "CommentPlace", "Format", "FormatKind", "format_of", "suffixes"]

FormatKind = Literal["video", "animation", "picture"]
CommentPlace = Literal["video", "gif", "png", "jpeg"]


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes:
        suffix: of the file's name, in small letters.
        kinds: what it can hold. A format that is a picture and an animation is one or the other by its frames.
        codec: of a video's frames.
        segment_suffix: of the container that holds this codec with exact times while a film is made.
        muxer_options: ffmpeg's arguments for the container.
        has_ticks: its times are stored in ticks that can be chosen; else in milliseconds.
        copied_sound: codecs of sound that its common players take, by ffmpeg's names.
        sound_encoder: ffmpeg's name of what encodes other sound.
        has_alpha: its pictures can be transparent.
        picture_encoder: suffix by which OpenCV knows what encodes its pictures; "" where that is its own suffix.
        comment: how a line of text is stored in it; None where it cannot be.
    """

    suffix: str
    kinds: tuple[FormatKind, ...]
    codec: Codec = H264
    segment_suffix: str = ".mp4"
    muxer_options: tuple[str, ...] = ()
    has_ticks: bool = False
    copied_sound: tuple[str, ...] = ()
    sound_encoder: str = "aac"
    has_alpha: bool = False
    picture_encoder: str = ""
    comment: CommentPlace | None = None

    @property
    def is_video(self) -> bool:
        return "video" in self.kinds

    @property
    def is_animation(self) -> bool:
        return "animation" in self.kinds

    @property
    def is_picture(self) -> bool:
        return "picture" in self.kinds


# Playable before it is wholly loaded.
_FAST_START = ("-movflags", "+faststart")
_ROWS = (
    Format(".mp4", ("video",), H264, muxer_options=_FAST_START, has_ticks=True, copied_sound=("aac", "mp3"),
           comment="video"),
    Format(".m4v", ("video",), H264, muxer_options=_FAST_START, has_ticks=True, copied_sound=("aac",),
           comment="video"),
    Format(".mov", ("video",), H264, muxer_options=_FAST_START, has_ticks=True, copied_sound=("aac", "mp3"),
           comment="video"),
    Format(".mkv", ("video",), H264, copied_sound=("aac", "mp3", "opus", "vorbis", "flac", "ac3"), comment="video"),
    Format(".webm", ("video",), VP9, copied_sound=("opus", "vorbis"), sound_encoder="libopus", comment="video"),
    Format(".gif", ("animation",), comment="gif"),
    Format(".apng", ("animation",)),
    Format(".png", ("picture",), has_alpha=True, comment="png"),
    Format(".jpg", ("picture",), comment="jpeg"),
    Format(".jpeg", ("picture",), picture_encoder=".jpg", comment="jpeg"),
    Format(".webp", ("picture", "animation"), has_alpha=True),
    Format(".bmp", ("picture",)),
    Format(".tif", ("picture",), has_alpha=True),
    Format(".tiff", ("picture",), has_alpha=True),
)  # fmt: skip
FORMATS: dict[str, Format] = {row.suffix: row for row in _ROWS}


def format_of(path: Path) -> Format | None:
    """The row of `path`'s suffix, or None where nothing of that kind can be written."""
    return FORMATS.get(path.suffix.lower())


def suffixes(*kinds: FormatKind) -> tuple[str, ...]:
    """The suffixes of formats that can hold one of `kinds`, or of all, in the order of the table."""
    return tuple(row.suffix for row in _ROWS if not kinds or any(kind in row.kinds for kind in kinds))
