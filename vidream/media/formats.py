"""The table of output formats: every suffix that can be written, and how. A new format is a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["FORMATS", "CommentPlace", "Format", "FormatKind", "format_of", "suffixes", "suffixes_of"]

FormatKind = Literal["video", "animation", "picture"]
CommentPlace = Literal["video", "gif", "png", "jpeg"]


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes:
        suffix: of the file's name, in small letters.
        kinds: what it can hold. A format that is a picture and an animation is one or the other by its frames.
        codecs: of a video's frames, by their names in `vidream.media.codecs.CODECS`; the first is the default.
        alpha_codec: in its place where something is transparent; "" where that is the same.
        bits: a channel of its pictures; the first is the default.
        has_colour_tags: its pictures can say which primaries and transfer they have; others are bt709 or sRGB.
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
    codecs: tuple[str, ...] = ("h264",)
    alpha_codec: str = ""
    bits: tuple[int, ...] = (8,)
    has_colour_tags: bool = False
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
_PCM = ("pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_s16be", "pcm_s24be", "pcm_f32le")
_ROWS = (
    Format(".mp4", ("video",), ("h264", "h265", "av1", "vp9"), muxer_options=_FAST_START, has_ticks=True,
           copied_sound=("aac", "mp3"), comment="video"),
    Format(".m4v", ("video",), ("h264",), muxer_options=_FAST_START, has_ticks=True, copied_sound=("aac",),
           comment="video"),
    Format(".mov", ("video",), ("prores", "prores4444", "dnxhr", "hap", "hapq", "h264", "h265"), "prores4444",
           muxer_options=_FAST_START, has_ticks=True, copied_sound=("aac", "mp3", "alac", *_PCM), comment="video"),
    Format(".mkv", ("video",), ("ffv1", "prores", "prores4444", "h264", "h265", "av1", "vp9"),
           copied_sound=("aac", "mp3", "opus", "vorbis", "flac", "ac3", "alac", *_PCM), comment="video"),
    Format(".webm", ("video",), ("vp9", "av1"), copied_sound=("opus", "vorbis"), sound_encoder="libopus",
           comment="video"),
    Format(".gif", ("animation",), comment="gif"),
    Format(".apng", ("animation",), has_alpha=True),
    Format(".png", ("picture",), bits=(8, 16), has_colour_tags=True, has_alpha=True, comment="png"),
    Format(".jpg", ("picture",), comment="jpeg"),
    Format(".jpeg", ("picture",), picture_encoder=".jpg", comment="jpeg"),
    Format(".webp", ("picture", "animation"), has_alpha=True),
    Format(".bmp", ("picture",)),
    Format(".tif", ("picture",), bits=(8, 16), has_alpha=True),
    Format(".tiff", ("picture",), bits=(8, 16), has_alpha=True),
    Format(".exr", ("picture",), bits=(16,), has_colour_tags=True, has_alpha=True),
)  # fmt: skip
FORMATS: dict[str, Format] = {row.suffix: row for row in _ROWS}


def format_of(path: Path) -> Format | None:
    """The row of `path`'s suffix, or None where nothing of that kind can be written."""
    return FORMATS.get(path.suffix.lower())


def suffixes_of(codec: str) -> tuple[str, ...]:
    """The suffixes of videos that hold `codec`; those whose default it is come first."""
    holding = [row for row in _ROWS if row.is_video and codec in row.codecs]
    return tuple(row.suffix for row in sorted(holding, key=lambda row: row.codecs[0] != codec))


def suffixes(*kinds: FormatKind) -> tuple[str, ...]:
    """The suffixes of formats that can hold one of `kinds`, or of all, in the order of the table."""
    return tuple(row.suffix for row in _ROWS if not kinds or any(kind in row.kinds for kind in kinds))
