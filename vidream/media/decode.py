"""Picture files to arrays: upright, in sRGB, with their 16 bits and alpha."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vidream.errors import SourceError
from vidream.media.colour_profile import ProfileError, deep_to_srgb, to_srgb
from vidream.media.picture_files import (
    READABLE_SUFFIXES,
    PictureFacts,
    find_format,
    open_heif,
    open_image,
    orientation_of,
    quiet_pillow,
    read_facts,
)
from vidream.media.probe import check_size
from vidream.runtime.memory import is_out_of_memory

__all__ = ["as_array", "decode_picture", "still_size"]

# What to do with the stored rows for each EXIF orientation: (quarter turns counter-clockwise, then mirror).
_TURNS = {
    1: (0, False),
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}
_TIFF_ORIENTATION, _TIFF_WIDTH, _TIFF_HEIGHT = 274, 256, 257


def still_size(path: Path) -> tuple[int, int]:
    """(width, height) px of the picture at `path`, upright. SourceError where it is none, or too large."""
    facts = read_facts(path)
    if facts is not None:
        return facts.upright_size
    height, width = decode_picture(path).shape[:2]
    return width, height


def decode_picture(path: Path, warnings: list[str] | None = None) -> np.ndarray:
    """Decode a still picture.

    Args:
        path: the file; what it is called says nothing.
        warnings: gets a line for each thing that the user should know.

    Returns:
        [H,W,3|4] RGB(A), uint8 or uint16, upright, in sRGB.

    Raises:
        SourceError: it cannot be read, or is too large.
    """
    said: list[str] = []
    facts = read_facts(path)
    array = _by_opencv(path, facts, said) if facts is None or facts.is_deep else _by_pillow(path, facts, said)
    if facts is not None and facts.frame_count > 1 and facts.format in ("TIFF", "HEIC"):
        pages = "pages" if facts.format == "TIFF" else "pictures"
        said.append(f"{path.name} holds {facts.frame_count} {pages}; only the first is used")
    if warnings is not None:
        warnings.extend(line for line in said if line not in warnings)
    return array


def _by_pillow(path: Path, facts: PictureFacts, said: list[str]) -> np.ndarray:
    """[H,W,3|4] RGB(A), uint8, upright. SourceError."""
    try:
        with quiet_pillow():
            image = _loaded(path, facts, said)
            return _turned(as_array(image, path.name, said), orientation_of(image))
    except SourceError:
        raise
    except Exception as error:  # Pillow raises whatever it meets in a broken file
        if is_out_of_memory(error):
            raise
        reason = "is cut off" if "truncated" in str(error) else "cannot be read as a picture: it is damaged"
        raise SourceError(f"{path.name} {reason}; save or download it again") from None


def _loaded(path: Path, facts: PictureFacts, said: list[str]) -> Image.Image:
    """The picture with its pixels read; a JPEG that is cut off as far as it goes."""
    if facts.format == "HEIC":
        image: Image.Image = open_heif(path)[0].to_pillow()
        return image
    image = open_image(path, facts.format)
    try:
        image.load()
    except OSError:
        if facts.format != "JPEG":
            raise
        # The decoder fills in what is missing once it meets the marker of the end.
        image = open_image(path.read_bytes() + b"\xff\xd9", "JPEG")
        image.load()
        said.append(f"{path.name} is cut off: what is missing of it is gray; save or download it again")
    return image


def as_array(image: Image.Image, name: str, said: list[str]) -> np.ndarray:
    """The pixels of a loaded 8-bit `image` in sRGB: [H,W,3|4] uint8. `said` gets a line where its profile is broken."""
    profile = image.info.get("icc_profile")
    alpha = None
    if image.has_transparency_data:
        is_gray = image.mode in ("L", "LA", "La")
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert("RGB")
        image = image.getchannel("R") if is_gray else image
    elif image.mode in ("1", "L", "LA"):
        image = image.convert("L")
    elif image.mode != "CMYK":
        image = image.convert("RGB")
    if profile:
        try:
            image = to_srgb(image, profile)
        except ProfileError:
            said.append(f"{name}: its colour profile is broken or of another kind; its colours are taken as sRGB")
    colour = np.asarray(image.convert("RGB"))
    return colour if alpha is None else np.dstack([colour, alpha])


def _turned(array: np.ndarray, orientation: int) -> np.ndarray:
    turns, is_mirrored = _TURNS[orientation]
    array = np.rot90(array, turns)
    return np.ascontiguousarray(array[:, ::-1] if is_mirrored else array)


def _by_opencv(path: Path, facts: PictureFacts | None, said: list[str]) -> np.ndarray:
    """What Pillow does not know, or has only 8 bits for: [H,W,3|4] RGB(A), upright. SourceError."""
    data = bytearray(path.read_bytes())
    orientation = facts.orientation if facts is not None else 1
    if find_format(bytes(data[:64])) == "TIFF":
        tags = _tiff_tags(data)
        if _TIFF_WIDTH in tags and _TIFF_HEIGHT in tags:
            # An absurd one is refused before it is decoded.
            check_size(path.name, tags[_TIFF_WIDTH][0], tags[_TIFF_HEIGHT][0])
        # OpenCV turns some kinds of TIFF, and not others: it is told that there is nothing to turn.
        orientation, at = tags.get(_TIFF_ORIENTATION, (orientation, None))
        if at is not None:
            data[at : at + 2] = b"\x01\x00" if data[:2] == b"II" else b"\x00\x01"
    try:
        # Unchanged implies that OpenCV does not turn anything either.
        array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if is_out_of_memory(error):
            raise
        array = None
    if array is None:
        raise SourceError(f"{path.name} cannot be read as a picture; give {', '.join(READABLE_SUFFIXES)}")
    check_size(path.name, array.shape[1], array.shape[0])
    if array.dtype not in (np.uint8, np.uint16):  # float TIFF
        array = (np.clip(np.nan_to_num(array.astype(np.float32)), 0, 1) * 65535).round().astype(np.uint16)
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, axis=2)
    array = array[:, :, [2, 1, 0, 3] if array.shape[2] == 4 else [2, 1, 0]]
    if facts is not None and array.dtype == np.uint16:
        array = _deep_colours(path, facts, array, said)
    return _turned(array, orientation if 1 <= orientation <= 8 else 1)


def _deep_colours(path: Path, facts: PictureFacts, array: np.ndarray, said: list[str]) -> np.ndarray:
    with open_image(path, facts.format) as image, quiet_pillow():
        profile = image.info.get("icc_profile")
    if not profile:
        return array
    try:
        colour = deep_to_srgb(array[:, :, :3], profile)
    except ProfileError:
        said.append(f"{path.name}: its colour profile is not understood with 16 bits; its colours are taken as sRGB")
        return array
    return np.dstack([colour, array[:, :, 3:]])


def _tiff_tags(data: bytearray) -> dict[int, tuple[int, int]]:
    """{tag: (its first value, where that stands in the file)} of a TIFF's first directory, as far as it goes."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = 43 in (data[2], data[3])
    found = {}
    try:
        at = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)[0]
        count = struct.unpack_from(order + ("Q" if is_big else "H"), data, at)[0]
        at += 8 if is_big else 2
        for _ in range(min(count, 4096)):
            tag, kind = struct.unpack_from(order + "HH", data, at)
            place = at + (12 if is_big else 8)
            found[tag] = (struct.unpack_from(order + ("H" if kind == 3 else "I"), data, place)[0], place)
            at += 20 if is_big else 12
    except (struct.error, OverflowError):
        pass
    return found
