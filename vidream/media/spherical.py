"""How a panorama lies on its sphere, as files say it: read from a source, and stored in what is made of it.

Google's Spherical Video V1 (XML in a `uuid` box) and V2 (`st3d` and `sv3d` boxes, Matroska's `Projection`), and the
`GPano` properties of JPEG photos: https://github.com/google/spatial-media and
https://developers.google.com/streetview/spherical-metadata
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from vidream.errors import SourceError
from vidream.media.ebml import add_to_video, element, elements, video_element
from vidream.media.mp4_boxes import ENTRY_BYTES, Box, add_boxes, box, boxes, video_track
from vidream.motion.wrap import Wrap, as_wrap

__all__ = ["Spherical", "read_spherical", "store_spherical", "wrap_of"]

BOXED, EBML_BASED, PHOTOS = (".mp4", ".m4v", ".mov"), (".mkv", ".webm"), (".jpg", ".jpeg")
_UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_PROJECTION, _PROJECTION_TYPE, _PROJECTION_PRIVATE, _STEREO_MODE = 0x7670, 0x7671, 0x7672, 0x53B8
_POSE = (0x7673, 0x7674, 0x7675)
_STEREO = ("mono", "top-bottom", "left-right")
_MATROSKA_STEREO = {0: "mono", 1: "left-right", 2: "top-bottom", 3: "top-bottom", 11: "left-right"}
_EQUIRECTANGULAR = "equirectangular"
_VIEW = ("InitialViewHeadingDegrees", "InitialViewPitchDegrees", "InitialViewRollDegrees")
_EBML_HEAD = b"\x1a\x45\xdf\xa3"


@dataclass(frozen=True)
class Spherical:
    """How a panorama lies on its sphere.

    Attributes:
        projection: "equirectangular", or what else a file says.
        stereo: "mono"; "top-bottom" and "left-right" hold a picture for each eye; or "other".
        pose: yaw, pitch and roll of the sphere, degrees.
        bounds: what the picture lacks of the whole sphere at its top, bottom, left and right, as shares of that.
    """

    projection: str = _EQUIRECTANGULAR
    stereo: str = "mono"
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bounds: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def is_whole(self) -> bool:
        """True where the picture is one whole sphere in the equirectangular projection."""
        return self.projection == _EQUIRECTANGULAR and self.stereo == "mono" and max(self.bounds) < 1e-6


def read_spherical(path: Path, kind: str) -> Spherical | None:
    """What the source at `path` says; None where it says nothing. kind: of the source. Raises OSError."""
    if kind not in ("video", "picture"):
        return None
    with path.open("rb") as file:
        head = file.read(2**16 if kind == "video" else 2**20)
    try:
        if kind == "picture":
            return _of_photo(head)
        return _of_matroska(path) if head.startswith(_EBML_HEAD) else _of_mp4(path)
    except (struct.error, IndexError, KeyError, ValueError):  # broken, or cut off: the frames may still be good
        return None


def wrap_of(name: str, found: Spherical | None, asked: str | Wrap | None) -> tuple[Wrap, str | None]:
    """At which sides a source goes round, and a line on why, for the user.

    Args:
        name: of the source.
        found: what it says itself.
        asked: what the caller says; None: as the source says.

    Raises:
        SourceError: it cannot go round.
    """
    if asked is not None:
        wrap = as_wrap(asked)
        if wrap and found is not None and found.stereo == "left-right":
            raise SourceError(
                f"{name} holds both eyes side by side, whose sides do not meet; cut one out first",
                use={"wrap": "none"},
            )
        return wrap, None
    if found is None:
        return Wrap.NONE, None
    if found.is_whole:
        return Wrap.HORIZONTAL, f"{name} is a 360-degree panorama: it is dreamed round, with its poles"
    if found.stereo != "mono":
        return Wrap.NONE, f"{name} is a stereo panorama ({found.stereo}): it is dreamed as a flat frame"
    return Wrap.NONE, f"{name} is a part of a sphere, or in another projection: it is dreamed as a flat frame"


def store_spherical(path: Path, made: Path, found: Spherical, size: tuple[int, int]) -> bool:
    """Write the film or JPEG photo at `path` to `made`, with what its source said of the sphere. Raises OSError.

    Args:
        path: a finished file.
        made: another place.
        found: what the source said.
        size: (width, height) px of the frames.

    Returns:
        False where it cannot be stored; then nothing is written.
    """
    if found.projection != _EQUIRECTANGULAR or found.stereo not in _STEREO:
        return False
    suffix = path.suffix.lower()
    if suffix in BOXED:
        entry = box(b"st3d", bytes(4) + bytes([_STEREO.index(found.stereo)])) + _sphere_boxes(found)
        # Older players know the first version alone, which has no poses in its boxes and no shares for its bounds.
        track = box(b"uuid", _UUID + _first_version(found, size).encode())
        return add_boxes(path, made, in_entry=entry, in_track=track)
    if suffix in EBML_BASED:
        return add_to_video(path, made, _projection_element(found))
    if suffix in PHOTOS:
        data = path.read_bytes()
        if data[:2] != b"\xff\xd8":
            return False
        packet = _XMP_HEAD + _photo_properties(found, size).encode()
        made.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(packet) + 2) + packet + data[2:])
        return True
    return False


def _sphere_boxes(found: Spherical) -> bytes:
    pose = struct.pack(">3i", *(round(angle * 65536) for angle in found.pose))
    equi = box(b"equi", bytes(4) + _bounds_bytes(found))
    return box(b"sv3d", box(b"svhd", bytes(4) + b"vidream\0") + box(b"proj", box(b"prhd", bytes(4) + pose) + equi))


def _bounds_of(data: bytes, at: int = 0) -> tuple[float, float, float, float]:
    """Raises struct.error where there are too few bytes."""
    top, bottom, left, right = struct.unpack_from(">4I", data, at)
    return top / 2**32, bottom / 2**32, left / 2**32, right / 2**32


def _bounds_bytes(found: Spherical) -> bytes:
    return struct.pack(">4I", *(min(2**32 - 1, round(share * 2**32)) for share in found.bounds))


def _projection_element(found: Spherical) -> bytes:
    inside = element(_PROJECTION_TYPE, b"\1") + element(_PROJECTION_PRIVATE, bytes(4) + _bounds_bytes(found))
    for kind, angle in zip(_POSE, found.pose, strict=True):
        inside += element(kind, struct.pack(">f", angle)) if angle else b""
    stereo = {"top-bottom": 3, "left-right": 1}.get(found.stereo)
    mode = element(_STEREO_MODE, bytes([stereo])) if stereo else b""
    return mode + element(_PROJECTION, inside)


def _of_mp4(path: Path) -> Spherical | None:
    track = video_track(path)
    if track is None:
        return None
    data, _, way = track
    trak, entry = way[1], way[-1]
    inner = {each.kind: each for each in boxes(data, entry.body + ENTRY_BYTES, entry.end)}
    first = next((each for each in boxes(data, trak.body, trak.end) if _is_first_version(data, each)), None)
    if b"sv3d" not in inner:
        text = data[first.body + 16 : first.end].decode("utf-8", "replace") if first else ""
        return _of_text(text, "GSpherical") if "GSpherical" in text else None
    mode = data[inner[b"st3d"].body + 4] if b"st3d" in inner else 0
    stereo = _STEREO[mode] if mode < len(_STEREO) else "other"
    parts = {each.kind: each for each in boxes(data, inner[b"sv3d"].body, inner[b"sv3d"].end)}
    parts = {each.kind: each for each in boxes(data, parts[b"proj"].body, parts[b"proj"].end)}
    yaw, pitch, roll = struct.unpack_from(">3i", data, parts[b"prhd"].body + 4) if b"prhd" in parts else (0, 0, 0)
    pose = (yaw / 65536, pitch / 65536, roll / 65536)
    if b"equi" not in parts:
        return Spherical("other", stereo, pose)
    return Spherical(stereo=stereo, pose=pose, bounds=_bounds_of(data, parts[b"equi"].body + 4))


def _is_first_version(data: bytes, found: Box) -> bool:
    return found.kind == b"uuid" and data[found.body : found.body + 16] == _UUID


def _of_matroska(path: Path) -> Spherical | None:
    found = video_element(path)
    if found is None:
        return None
    data, way = found
    inner = {each.kind: each for each in elements(data, way[-1].body, way[-1].end)}
    if _PROJECTION not in inner:
        return None
    stereo = "mono"
    if _STEREO_MODE in inner:
        mode = int.from_bytes(data[inner[_STEREO_MODE].body : inner[_STEREO_MODE].end], "big")
        stereo = _MATROSKA_STEREO.get(mode, "other")
    place = inner[_PROJECTION]
    held = {each.kind: data[each.body : each.end] for each in elements(data, place.body, place.end)}
    yaw, pitch, roll = (_float(held.get(kind, b"")) for kind in _POSE)
    if int.from_bytes(held.get(_PROJECTION_TYPE, b""), "big") != 1:
        return Spherical("other", stereo, (yaw, pitch, roll))
    bounds = _bounds_of(held.get(_PROJECTION_PRIVATE, bytes(20)), 4)
    return Spherical(stereo=stereo, pose=(yaw, pitch, roll), bounds=bounds)


def _float(data: bytes) -> float:
    form = {4: ">f", 8: ">d"}.get(len(data))
    return float(struct.unpack(form, data)[0]) if form else 0.0


def _of_photo(head: bytes) -> Spherical | None:
    at = 2
    while head[:2] == b"\xff\xd8" and at + 4 < len(head) and head[at] == 0xFF and head[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", head, at + 2)
        body = head[at + 4 : at + 2 + length]
        if head[at + 1] == 0xE1 and body.startswith(_XMP_HEAD) and b"GPano" in body:
            return _of_text(body[len(_XMP_HEAD) :].decode("utf-8", "replace"), "GPano")
        at += 2 + length
    return None


def _of_text(text: str, space: str) -> Spherical | None:
    """From XML, whose properties are attributes or elements: <x:Name>value</x:Name> or x:Name="value"."""
    pairs = re.findall(rf"""(?<!/){space}:(\w+)(?:\s*=\s*["']([^"']*)["']|\s*>\s*([^<]*?)\s*<)""", text)
    held = {name: attribute or inner for name, attribute, inner in pairs}
    projection = held.get("ProjectionType", "").lower()
    if not projection or held.get("Spherical", "true").lower() != "true":
        return None
    yaw, pitch, roll = (float(held.get(name) or 0) for name in _VIEW)
    stereo = held.get("StereoMode", "mono").lower()
    bounds = (0.0, 0.0, 0.0, 0.0)
    if held.get("FullPanoWidthPixels") and held.get("CroppedAreaImageWidthPixels"):
        shares = []
        for full, cropped, begins in (
            ("FullPanoHeightPixels", "CroppedAreaImageHeightPixels", "CroppedAreaTopPixels"),
            ("FullPanoWidthPixels", "CroppedAreaImageWidthPixels", "CroppedAreaLeftPixels"),
        ):
            whole, part, first = (float(held.get(name) or 0) for name in (full, cropped, begins))
            shares += [first / max(whole, 1.0), max(0.0, whole - part - first) / max(whole, 1.0)]
        bounds = (shares[0], shares[1], shares[2], shares[3])
    return Spherical(projection, stereo if stereo in _STEREO else "other", (yaw, pitch, roll), bounds)


def _pixels(found: Spherical, size: tuple[int, int]) -> dict[str, int]:
    """The place of a picture of this size in its whole sphere, px."""
    top, bottom, left, right = found.bounds
    whole = (round(size[0] / max(1e-6, 1 - left - right)), round(size[1] / max(1e-6, 1 - top - bottom)))
    return {
        "FullPanoWidthPixels": whole[0], "FullPanoHeightPixels": whole[1],
        "CroppedAreaImageWidthPixels": size[0], "CroppedAreaImageHeightPixels": size[1],
        "CroppedAreaLeftPixels": round(left * whole[0]), "CroppedAreaTopPixels": round(top * whole[1]),
    }  # fmt: skip


def _view(found: Spherical) -> dict[str, int]:
    """The pose, whole degrees, where it is another than 0."""
    return {name: round(angle) for name, angle in zip(_VIEW, found.pose, strict=True) if angle}


def _first_version(found: Spherical, size: tuple[int, int]) -> str:
    held: dict[str, object] = {
        "Spherical": "true", "Stitched": "true", "StitchingSoftware": "vidream", "ProjectionType": found.projection,
        "StereoMode": found.stereo,
    }  # fmt: skip
    held |= _view(found)
    held |= _pixels(found, size) if max(found.bounds) > 0 else {}
    inside = "".join(f"<GSpherical:{name}>{value}</GSpherical:{name}>" for name, value in held.items())
    spaces = (
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/"'
    )
    return f'<?xml version="1.0"?><rdf:SphericalVideo {spaces}>{inside}</rdf:SphericalVideo>'


def _photo_properties(found: Spherical, size: tuple[int, int]) -> str:
    held: dict[str, object] = {"ProjectionType": found.projection, "UsePanoramaViewer": "True", **_pixels(found, size)}
    held |= _view(found)
    inside = " ".join(f'GPano:{name}="{value}"' for name, value in held.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" {inside}/>'
        "</rdf:RDF></x:xmpmeta>"
    )
