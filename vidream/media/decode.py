"""Picture files to arrays: upright, in sRGB, with their 16 bits and alpha."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import TypeAlias

import av
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

__all__ = ["as_array", "decode_picture", "still_size", "turned"]

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
_TIFF_ORIENTATION, _TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_PHOTOMETRIC = 274, 256, 257, 262
_TIFF_SAMPLES, _TIFF_PLANES, _TIFF_EXTRA = 277, 284, 338
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _PREMULTIPLIED = 0, 1, 1
# {tag: (its first value, where that stands in the file)}
_Tags: TypeAlias = dict[int, tuple[int, int]]


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
    if facts is None:
        array = _by_opencv(path, None, said)
    elif facts.is_deep:
        try:
            array = _by_opencv(path, facts, said)
        except SourceError:  # 8 bits of it are better than none
            array = _by_pillow(path, facts, said)
    else:
        array = _by_pillow(path, facts, said)
    if facts is not None and facts.frame_count > 1 and facts.format in ("TIFF", "HEIC"):
        which = "pages; only the first" if facts.format == "TIFF" else "pictures; only the main one"
        said.append(f"{path.name} holds {facts.frame_count} {which} is used")
    if warnings is not None:
        warnings.extend(line for line in said if line not in warnings)
    return array


def _by_pillow(path: Path, facts: PictureFacts, said: list[str]) -> np.ndarray:
    """[H,W,3|4] RGB(A), uint8, upright. SourceError."""
    try:
        with quiet_pillow():
            image = _loaded(path, facts, said)
            return turned(as_array(image, path.name, said), orientation_of(image))
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
    if image.mode in ("I", "F"):
        raise SourceError(f"{name} has 32 bits a channel, of a kind that cannot be read; save it with 16")
    # Colours in Lab need no profile.
    profile = image.info.get("icc_profile") if image.mode != "LAB" else None
    alpha = None
    if image.mode.startswith("I;16"):  # Pillow would cut off what is above 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
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


def turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """`array` [H,W,C], as it is stored, made upright by its EXIF `orientation`, 1..8."""
    turns, is_mirrored = _TURNS[orientation]
    array = np.rot90(array, turns)
    return np.ascontiguousarray(array[:, ::-1] if is_mirrored else array)


def _by_opencv(path: Path, facts: PictureFacts | None, said: list[str]) -> np.ndarray:
    """What Pillow does not know, or has only 8 bits for: [H,W,3|4] RGB(A), upright. SourceError."""
    data = bytearray(path.read_bytes())
    found = find_format(bytes(data[:64]))
    tags = _tiff_tags(data) if found == "TIFF" else {}
    orientation = _prepare_tiff(path, data, tags) if tags else facts.orientation if facts is not None else 1
    array = None
    if tags.get(_TIFF_SAMPLES, (1,))[0] == 2:
        array = _gray_with_alpha(data)
        if array is None:
            said.append(f"{path.name}: its second channel cannot be read, and is left out")
    try:
        if array is None:
            # Unchanged implies that OpenCV does not turn anything either.
            array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if is_out_of_memory(error):
            raise
    if array is None and found is not None:
        raise SourceError(f"{path.name} cannot be read: it is cut off or damaged; save or download it again")
    if array is None:
        raise SourceError(f"{path.name} cannot be read as a picture; give {', '.join(READABLE_SUFFIXES)}")
    check_size(path.name, array.shape[1], array.shape[0])
    array = _as_rgb(array)
    if tags.get(_TIFF_PHOTOMETRIC, (None,))[0] == _WHITE_IS_ZERO:
        array[:, :, :3] = np.invert(array[:, :, :3])
    if array.shape[2] == 4 and tags.get(_TIFF_EXTRA, (None,))[0] == _PREMULTIPLIED:
        array = _unmultiplied(array)
    if facts is not None and array.dtype == np.uint16:
        array = _deep_colours(path, facts, array, said)
    return turned(array, orientation if 1 <= orientation <= 8 else 1)


def _prepare_tiff(path: Path, data: bytearray, tags: _Tags) -> int:
    """Change `data` so that every version of OpenCV gives its pixels as they are stored.

    Returns:
        the EXIF orientation that is still to be applied.

    Raises:
        SourceError: it is absurdly large, or OpenCV would mix up its channels.
    """
    if _TIFF_WIDTH in tags and _TIFF_HEIGHT in tags:
        # An absurd one is refused before it is decoded.
        check_size(path.name, tags[_TIFF_WIDTH][0], tags[_TIFF_HEIGHT][0])
    if tags.get(_TIFF_PLANES, (1,))[0] == 2 and tags.get(_TIFF_SAMPLES, (1,))[0] > 1:
        raise SourceError(f"{path.name} stores each channel apart; save it with interleaved channels")
    for tag, neutral in ((_TIFF_ORIENTATION, 1), (_TIFF_PHOTOMETRIC, _BLACK_IS_ZERO)):
        value, at = tags.get(tag, (neutral, 0))
        if at and (tag == _TIFF_ORIENTATION or value == _WHITE_IS_ZERO):
            data[at : at + 2] = struct.pack("<H" if data[:2] == b"II" else ">H", neutral)
    return tags.get(_TIFF_ORIENTATION, (1, 0))[0]


def _gray_with_alpha(data: bytearray) -> np.ndarray | None:
    """[H,W,4] BGRA, uint16, of a TIFF of gray and alpha, which OpenCV does not know; None where libav cannot read."""
    try:
        with av.open(io.BytesIO(data), format="tiff_pipe") as container:
            frame = next(container.decode(video=0))
    except (av.error.FFmpegError, StopIteration):
        return None
    if frame.format.name not in ("ya16le", "ya16be"):
        return None
    plane = frame.planes[0]
    rows = np.frombuffer(plane, "<u2" if frame.format.name == "ya16le" else ">u2").reshape(frame.height, -1)
    pairs = rows[:, : 2 * frame.width].reshape(frame.height, frame.width, 2).astype(np.uint16)
    return pairs[:, :, [0, 0, 0, 1]]


def _as_rgb(array: np.ndarray) -> np.ndarray:
    """What OpenCV gives, gray or BGR(A) of any type, as [H,W,3|4] RGB(A), uint8 or uint16, its own memory."""
    if array.dtype not in (np.uint8, np.uint16):
        # Floats go up to 1, integers to the most that they can hold.
        full = 2.0 ** (8 * array.dtype.itemsize - (array.dtype.kind == "i")) - 1 if array.dtype.kind in "iu" else 1.0
        array = (np.clip(np.nan_to_num(array.astype(np.float32) / full), 0, 1) * 65535).round().astype(np.uint16)
    if array.ndim == 2:
        return np.repeat(array[:, :, None], 3, axis=2)
    return array[:, :, [2, 1, 0, 3] if array.shape[2] == 4 else [2, 1, 0]]


def _unmultiplied(array: np.ndarray) -> np.ndarray:
    """[H,W,4] whose colours were multiplied by their alpha (TIFF 6.0, ExtraSamples 1), with their own colours."""
    full = np.iinfo(array.dtype).max
    colour = array[:, :, :3] * (full / np.maximum(array[:, :, 3:], 1).astype(np.float32))
    return np.dstack([np.minimum(colour, full).round().astype(array.dtype), array[:, :, 3:]])


def _deep_colours(path: Path, facts: PictureFacts, array: np.ndarray, said: list[str]) -> np.ndarray:
    """[H,W,3|4] of 16 bits in sRGB; the colour that a PNG names as transparent is."""
    with open_image(path, facts.format) as image, quiet_pillow():
        profile, clear = image.info.get("icc_profile"), image.info.get("transparency")
    if array.shape[2] == 3 and isinstance(clear, int | tuple):
        array = np.dstack([array, np.where((array == clear).all(2), 0, 65535).astype(np.uint16)])
    if not profile:
        return array
    try:
        colour = deep_to_srgb(array[:, :, :3], profile)
    except ProfileError:
        said.append(f"{path.name}: its colour profile is not understood with 16 bits; its colours are taken as sRGB")
        return array
    return np.dstack([colour, array[:, :, 3:]])


def _tiff_tags(data: bytearray) -> _Tags:
    """The tags of a TIFF's first directory, as far as it goes."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = 43 in (data[2], data[3])
    found: _Tags = {}
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
