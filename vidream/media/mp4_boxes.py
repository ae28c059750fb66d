"""Boxes of an MP4 or MOV file: the video track's sphere, read and written (ISO/IEC 14496-12; Spherical Video V2)."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

__all__ = ["Box", "add_boxes", "box", "boxes", "video_track"]

# A film of a day has an index of some 50 MB.
LARGEST_INDEX_BYTES = 2**28
# Of those that a file is made of; one that was streamed has one every second or so.
MOST_TOP_BOXES = 20_000
# Before the boxes within a video's sample entry: what ISO/IEC 14496-12 calls VisualSampleEntry.
ENTRY_BYTES = 78


@dataclass(frozen=True)
class Box:
    """Where a box lies in its data: `begin`, `body` behind its head, `end`."""

    kind: bytes
    begin: int
    body: int
    end: int


def box(kind: bytes, body: bytes) -> bytes:
    """The bytes of a box."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def boxes(data: bytes | bytearray, begin: int, end: int) -> Iterator[Box]:
    """The boxes that lie one after another in `data`; broken ones end it."""
    while begin + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, begin)
        body = begin + 8
        if length == 1 and begin + 16 <= end:
            length, body = struct.unpack_from(">Q", data, begin + 8)[0], begin + 16
        length = length or end - begin
        if length < body - begin or begin + length > end:
            return
        yield Box(kind, begin, body, begin + length)
        begin += length


def video_track(path: Path) -> tuple[bytes, int, list[Box]] | None:
    """The index of a file and where its first video lies in it.

    Returns:
        the bytes of the `moov` box; where it begins in the file; and the boxes that lead to the video's sample entry,
        from `moov` on: moov, trak, mdia, minf, stbl, stsd, entry. None where there is none.
    """
    for found in islice(_top_boxes(path), MOST_TOP_BOXES):
        if found.kind != b"moov" or found.end - found.begin > LARGEST_INDEX_BYTES:
            continue
        with path.open("rb") as file:
            file.seek(found.begin)
            data = file.read(found.end - found.begin)
        (moov,) = boxes(data, 0, len(data))
        for trak in boxes(data, moov.body, moov.end):
            way = _way(data, trak) if trak.kind == b"trak" else None
            if way:
                return data, found.begin, [moov, trak, *way]
    return None


def _way(data: bytes, trak: Box) -> list[Box] | None:
    mdia = _child(data, trak, b"mdia")
    handler = mdia and _child(data, mdia, b"hdlr")
    if not mdia or not handler or data[handler.body + 8 : handler.body + 12] != b"vide":
        return None
    way = [mdia]
    for kind in (b"minf", b"stbl", b"stsd"):
        inner = _child(data, way[-1], kind)
        if inner is None:
            return None
        way.append(inner)
    entry = next(boxes(data, way[-1].body + 8, way[-1].end), None)
    return [*way, entry] if entry is not None and entry.end - entry.body >= ENTRY_BYTES else None


def _child(data: bytes | bytearray, parent: Box, kind: bytes) -> Box | None:
    return next((each for each in boxes(data, parent.body, parent.end) if each.kind == kind), None)


def _top_boxes(path: Path) -> Iterator[Box]:
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = 0
        while begin + 8 <= size:
            file.seek(begin)
            head = file.read(16)
            length, kind = struct.unpack(">I4s", head[:8])
            body = begin + 8
            if length == 1 and len(head) == 16:
                length, body = struct.unpack(">Q", head[8:])[0], begin + 16
            length = length or size - begin
            if length < 8 or begin + length > size:
                return
            yield Box(kind, begin, body, begin + length)
            begin += length


def add_boxes(path: Path, made: Path, *, in_entry: bytes, in_track: bytes) -> bool:
    """Write the file at `path` to `made`, with boxes in its video's sample entry and in its track. Raises OSError.

    Returns:
        False where it has no such track, or cannot take them; then nothing is written.
    """
    found = video_track(path)
    if found is None:
        return False
    data, at, way = found
    changed, delta = bytearray(data), len(in_entry) + len(in_track)
    # From the end on, so that places before stay where they are.
    trak, entry = way[1], way[-1]
    changed[trak.end : trak.end] = in_track
    changed[entry.end : entry.end] = in_entry
    for each in way:
        grows = delta if each in way[:2] else len(in_entry)
        if each.body - each.begin == 16:
            struct.pack_into(">Q", changed, each.begin + 8, each.end - each.begin + grows)
        else:
            struct.pack_into(">I", changed, each.begin, each.end - each.begin + grows)
    try:
        _move_chunks(changed, after=at, delta=delta)
    except struct.error:  # beyond what 32 bits hold
        return False
    with path.open("rb") as file, made.open("wb") as out:
        out.write(file.read(at))
        out.write(changed)
        file.seek(at + len(data))
        shutil.copyfileobj(file, out, 2**20)
    return True


def _move_chunks(index: bytearray, *, after: int, delta: int) -> None:
    """Have the tables of every track say that what lies behind the index lies `delta` bytes later."""
    (moov,) = boxes(index, 0, len(index))
    for trak in boxes(index, moov.body, moov.end):
        place: Box | None = trak if trak.kind == b"trak" else None
        for kind in (b"mdia", b"minf", b"stbl"):
            place = place and _child(index, place, kind)
        for table in boxes(index, place.body, place.end) if place else ():
            form = {b"stco": "I", b"co64": "Q"}.get(table.kind)
            if form is None:
                continue
            (count,) = struct.unpack_from(">I", index, table.body + 4)
            places = struct.unpack_from(f">{count}{form}", index, table.body + 8)
            moved = [place + delta if place > after else place for place in places]
            struct.pack_into(f">{count}{form}", index, table.body + 8, *moved)
