"""A line of text inside a finished file: how it was made. Video, GIF, PNG and JPEG have a place for it."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

from vidream.errors import SourceError
from vidream.media.colour_tags import ColourTags
from vidream.media.ffmpeg import run, source_options
from vidream.media.formats import FORMATS, suffixes
from vidream.media.picture_files import find_format, open_image

__all__ = ["add_to_gif", "read_comment", "video_options", "with_colour_tags", "with_comment"]

_PNG_START, _PNG_KEY = b"\x89PNG\r\n\x1a\n", b"Comment\0"
_JPEG_MOST = 65533
_GIF_BLOCK = b"\x21\xfe"
# Comments lie at the end of a GIF; one of ours has 2 kB.
_TAIL_BYTES = 2**16


def video_options(comment: str | None) -> list[str]:
    """ffmpeg's arguments that put `comment` into a video."""
    return ["-metadata", f"comment={comment}"] if comment else []


def with_colour_tags(data: bytes, tags: ColourTags) -> bytes:
    """A PNG file's bytes with a cICP chunk (PNG, third edition): primaries, transfer, RGB, full range."""
    return _with_chunk(data, b"cICP" + bytes([tags.primaries, tags.transfer, 0, 1]))


def _with_chunk(data: bytes, body: bytes) -> bytes:
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]  # behind the header, which always has 25 bytes


def with_comment(data: bytes, suffix: str, comment: str) -> bytes:
    """A picture file's bytes with `comment` in them: PNG and JPEG; other kinds come back as they are."""
    text = comment.encode("ascii", "backslashreplace")
    place = FORMATS[suffix].comment
    if place == "png" and data.startswith(_PNG_START):
        return _with_chunk(data, b"tEXt" + _PNG_KEY + text)
    if place == "jpeg" and len(text) <= _JPEG_MOST:
        return data[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + data[2:]
    return data


def add_to_gif(path: Path, comment: str) -> None:
    """Put `comment` into the GIF at `path`, as its last block. Raises OSError."""
    text = comment.encode("ascii", "backslashreplace")
    parts = [text[at : at + 255] for at in range(0, len(text), 255)]
    with path.open("rb+") as file:
        file.seek(-1, 2)
        if file.read(1) == b";":
            file.seek(-1, 2)
            file.write(_GIF_BLOCK + b"".join(bytes([len(part)]) + part for part in parts) + b"\0;")


def read_comment(path: Path) -> str | None:
    """The text that a file carries, or None. SourceError where the file cannot be read."""
    try:
        with path.open("rb") as file:
            found = find_format(file.read(64))
            if found == "GIF":
                # Pillow does not give what stands behind the last frame.
                file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
                return _of_gif(file.read(_TAIL_BYTES))
        if found is None:
            return _of_video(path) if path.suffix.lower() in suffixes("video") else None
    except OSError as error:
        raise SourceError(f'"{path}" cannot be read ({error.strerror or error}); check the name') from None
    try:
        with open_image(path, found) as image:
            text = image.info.get("Comment", image.info.get("comment"))
    except Exception:  # Pillow raises whatever it meets in a broken header
        return None
    return text.decode("ascii", "replace") if isinstance(text, bytes) else text


def _of_video(path: Path) -> str | None:
    said = run(["-loglevel", "error", *source_options(path), "-f", "ffmetadata", "pipe:1"]).stdout_text
    # Its escapes: a backslash before = ; # \ and line ends.
    match = re.search(r"^comment=((?:[^\\\n]|\\.|\\\n)*)", said, re.M | re.I)
    return re.sub(r"\\(.|\n)", r"\1", match[1]) if match else None


def _of_gif(data: bytes) -> str | None:
    at = data.rfind(_GIF_BLOCK + b"\xff{")
    at = data.rfind(_GIF_BLOCK) if at < 0 else at
    if at < 0:
        return None
    at, text = at + 2, b""
    while at < len(data) and data[at]:
        text += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return text.decode("ascii", "replace")
