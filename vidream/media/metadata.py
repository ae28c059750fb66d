"""A line of text inside a finished file: how it was made. Video, GIF, PNG and JPEG have a place for it."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

from vidream.errors import SourceError
from vidream.media.ffmpeg import run, source_options
from vidream.media.formats import FORMATS, format_of

__all__ = ["add_to_gif", "read_comment", "video_options", "with_comment"]

_PNG_START, _PNG_KEY = b"\x89PNG\r\n\x1a\n", b"Comment\0"
_JPEG_MOST = 65533
_GIF_BLOCK = b"\x21\xfe"
# Comments lie at the end of a GIF; one of ours has 2 kB.
_TAIL_BYTES = 2**16


def video_options(comment: str | None) -> list[str]:
    """ffmpeg's arguments that put `comment` into a video."""
    return ["-metadata", f"comment={comment}"] if comment else []


def with_comment(data: bytes, suffix: str, comment: str) -> bytes:
    """A picture file's bytes with `comment` in them: PNG and JPEG; other kinds come back as they are."""
    text = comment.encode("ascii", "backslashreplace")
    place = FORMATS[suffix].comment
    if place == "png" and data.startswith(_PNG_START):
        body = b"tEXt" + _PNG_KEY + text
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return data[:33] + chunk + data[33:]  # behind the header, which always has 25 bytes
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
    found_format = format_of(path)
    place = found_format.comment if found_format is not None else None
    try:
        if place == "video":
            return _of_video(path)
        with path.open("rb") as file:
            if place == "gif":
                file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            data = file.read(_TAIL_BYTES * 2)
    except OSError as error:
        raise SourceError(f'"{path}" cannot be read ({error.strerror or error}); check the name') from None
    found = {"gif": _of_gif, "png": _of_png}.get(place or "", _of_jpeg)(data)
    return found.decode("ascii", "replace") if found is not None else None


def _of_video(path: Path) -> str | None:
    said = run(["-loglevel", "error", *source_options(path), "-f", "ffmetadata", "pipe:1"]).stdout_text
    # Its escapes: a backslash before = ; # \ and line ends.
    match = re.search(r"^comment=((?:[^\\\n]|\\.|\\\n)*)", said, re.M | re.I)
    return re.sub(r"\\(.|\n)", r"\1", match[1]) if match else None


def _of_png(data: bytes) -> bytes | None:
    at = 8
    while data.startswith(_PNG_START) and at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if kind == b"tEXt" and body.startswith(_PNG_KEY):
            return body[len(_PNG_KEY) :]
        at += 12 + length
    return None


def _of_jpeg(data: bytes) -> bytes | None:
    if not data.startswith(b"\xff\xd8\xff\xfe") or len(data) < 6:
        return None
    return data[6 : 4 + struct.unpack(">H", data[4:6])[0]]


def _of_gif(data: bytes) -> bytes | None:
    at = data.rfind(_GIF_BLOCK + b"\xff{")
    at = data.rfind(_GIF_BLOCK) if at < 0 else at
    if at < 0:
        return None
    at, text = at + 2, b""
    while at < len(data) and data[at]:
        text += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return text
