"""Elements of a Matroska or WebM file: the video track's projection, read and written (RFC 8794, RFC 9559)."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Element", "add_to_video", "element", "elements", "video_element"]

SEGMENT, SEEK_HEAD, VOID, CRC = 0x18538067, 0x114D9B74, 0xEC, 0xBF
SEEK, SEEK_POSITION, TRACKS, CLUSTER = 0x4DBB, 0x53AC, 0x1654AE6B, 0x1F43B675
TRACK_ENTRY, VIDEO = 0xAE, 0xE0
# What stands before the first pictures.
HEAD_BYTES = 2**20


@dataclass(frozen=True)
class Element:
    """Where an element lies in its data: `begin`, `body` behind its head, `end`."""

    kind: int
    begin: int
    body: int
    end: int


def element(kind: int, body: bytes, *, size_bytes: int = 0) -> bytes:
    """The bytes of an element. size_bytes: how many its size takes at least."""
    length = max(size_bytes, 1)
    while len(body) >= 2 ** (7 * length) - 1:
        length += 1
    head = kind.to_bytes((kind.bit_length() + 7) // 8, "big")
    return head + (len(body) | 1 << (7 * length)).to_bytes(length, "big") + body


def elements(data: bytes | bytearray, begin: int, end: int) -> Iterator[Element]:
    """The elements that lie one after another in `data`; one that reaches beyond its end is the last."""
    while begin < end:
        kind, body = _number(data, begin, keeps_marker=True)
        size, body = _number(data, body, keeps_marker=False)
        if body < 0 or kind < 0:
            return
        # All bits set: to the end.
        length = end - body if size < 0 else size
        yield Element(kind, begin, body, body + length)
        begin = body + length


def _number(data: bytes | bytearray, at: int, *, keeps_marker: bool) -> tuple[int, int]:
    """(the number of variable length at a place, the place behind it); (-1, -1) where there is none."""
    if not 0 <= at < len(data) or not data[at]:
        return -1, -1
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    if keeps_marker:
        return value, at + length
    value &= 2 ** (7 * length) - 1
    return (-1 if value == 2 ** (7 * length) - 1 else value), at + length


def video_element(path: Path) -> tuple[bytes, list[Element]] | None:
    """The beginning of a file, and the elements that lead to its first video: segment, tracks, entry, video."""
    with path.open("rb") as file:
        data = file.read(HEAD_BYTES)
    segment = next((each for each in elements(data, 0, len(data)) if each.kind == SEGMENT), None)
    for tracks in elements(data, segment.body, len(data)) if segment else ():
        if tracks.kind == CLUSTER:
            return None
        if tracks.kind != TRACKS or tracks.end > len(data):
            continue
        for entry in elements(data, tracks.body, tracks.end):
            inner = {each.kind: each for each in elements(data, entry.body, entry.end)}
            if entry.kind == TRACK_ENTRY and VIDEO in inner:
                assert segment is not None
                return data, [segment, tracks, entry, inner[VIDEO]]
    return None


def add_to_video(path: Path, made: Path, added: bytes) -> bool:
    """Write the file at `path` to `made`, with elements in its video. Raises OSError.

    The room is taken from the empty element that ffmpeg leaves behind the table of what lies where, so that nothing
    behind the tracks moves.

    Returns:
        False where it has no video, or not so much room; then nothing is written.
    """
    found = video_element(path)
    if found is None:
        return False
    data, (segment, tracks, entry, video) = found
    before = [each for each in elements(data, segment.body, tracks.begin) if each.end <= tracks.begin]
    void = next((each for each in before if each.kind == VOID), None)
    table = next((each for each in before if each.kind == SEEK_HEAD), None)
    inside = data[video.body : video.end] + added
    inside = data[entry.body : video.begin] + element(VIDEO, inside) + data[video.end : entry.end]
    inside = data[tracks.body : entry.begin] + element(TRACK_ENTRY, inside) + data[entry.end : tracks.end]
    changed = element(TRACKS, _checked(inside), size_bytes=tracks.body - tracks.begin - 4)
    grows = len(changed) - (tracks.end - tracks.begin)
    room = void.end - void.begin - grows if void else -1
    if void is None or not (room == 0 or room >= 2):
        return False
    filler = b"" if not room else element(VOID, bytes(room - 2)) if room < 129 else b""
    if len(filler) != room:
        filler = element(VOID, bytes(room - 9), size_bytes=8)
    head = bytearray(data[: void.begin] + filler + data[void.end : tracks.begin] + changed)
    if table is not None:
        _move_entries(head, table, segment.body, first=void.end, last=tracks.begin, by=grows)
    with path.open("rb") as file, made.open("wb") as out:
        out.write(head)
        file.seek(tracks.end)
        shutil.copyfileobj(file, out, 2**20)
    return True


def _move_entries(head: bytearray, table: Element, segment: int, *, first: int, last: int, by: int) -> None:
    """Have the table say that what lay from `first` to `last` in the file lies `by` bytes sooner."""
    for seek in elements(head, table.body, table.end):
        for place in elements(head, seek.body, seek.end) if seek.kind == SEEK else ():
            if place.kind == SEEK_POSITION:
                value = int.from_bytes(head[place.body : place.end], "big")
                if first <= segment + value <= last:
                    head[place.body : place.end] = (value - by).to_bytes(place.end - place.body, "big")
    head[table.body : table.end] = _checked(bytes(head[table.body : table.end]))


def _checked(body: bytes) -> bytes:
    """What an element holds, with its checksum, where it begins with one, made anew."""
    if body[:2] != b"\xbf\x84":
        return body
    return body[:2] + zlib.crc32(body[6:]).to_bytes(4, "little") + body[6:]
