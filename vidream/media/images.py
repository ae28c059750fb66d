"""Single pictures on disk: png, jpg, webp, bmp, tiff; upright, with their 16 bits and alpha."""

from __future__ import annotations

import contextlib
import os
import secrets
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import imageio.v3 as iio
import numpy as np
from torch import Tensor

from vidream.errors import SourceError, TargetError
from vidream.media.arrays import compose_over_black, from_array, to_array
from vidream.media.disk import disk_trouble
from vidream.media.formats import FORMATS, suffixes
from vidream.media.probe import check_size
from vidream.runtime.memory import is_out_of_memory

__all__ = [
    "ALPHA_SUFFIXES",
    "STILL_SUFFIXES",
    "decode_picture",
    "read_picture",
    "still_size",
    "write_picture",
]

# 120 megapixels of four 16-bit channels, not packed at all.
LARGEST_FILE_BYTES = 2**30
STILL_SUFFIXES = suffixes("picture")
ALPHA_SUFFIXES = tuple(suffix for suffix in STILL_SUFFIXES if FORMATS[suffix].has_alpha)

# What to do with the stored rows for each EXIF orientation: (quarter turns counter-clockwise, then mirror).
_ORIENTATIONS = {
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}


def _header(path: Path) -> tuple[tuple[int, int] | None, int]:
    """((width, height) as stored or None if not understood, EXIF orientation 1..8). Decodes nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; check_size says what is allowed
            with iio.imopen(path, "r", plugin="pillow") as file:
                facts = file.metadata(index=0, exclude_applied=False)
        width, height = facts["shape"]
        orientation = facts.get("Orientation", 1)
        return (int(width), int(height)), int(orientation) if orientation in _ORIENTATIONS else 1
    except Exception as error:
        if "decompression bomb" in str(error) or "DecompressionBomb" in repr(error.__cause__):
            raise SourceError(
                f"{path.name}: far too many pixels; allowed are 120 megapixels. Make it smaller"
            ) from None
        return None, 1


def _tiff_size(path: Path) -> tuple[int, int] | None:
    """(width, height) that a TIFF's first directory names, or None."""
    with path.open("rb") as file:
        head = file.read(8)
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
        if order is None or len(head) < 8:
            return None
        file.seek(struct.unpack(order + "I", head[4:])[0])
        count = file.read(2)
        entries = file.read(12 * struct.unpack(order + "H", count)[0]) if len(count) == 2 else b""
    found = {}
    for at in range(0, len(entries) - 11, 12):
        tag, kind = struct.unpack(order + "HH", entries[at : at + 4])
        found[tag] = struct.unpack(
            order + ("H" if kind == 3 else "I"), entries[at + 8 : at + (10 if kind == 3 else 12)]
        )[0]
    return (found[256], found[257]) if 256 in found and 257 in found else None


def _is_hollow_png(path: Path) -> bool:
    """True for a PNG that promises more bytes than it has: it would fill the memory for nothing.

    Deflate packs 1032 to 1 at the very best (RFC 1951: 258 bytes in two bits). OpenCV takes the memory for a
    chunk before it reads it: 2 GB for one wrong length.
    """
    held = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(26)
        if len(head) < 26 or not head.startswith(b"\x89PNG"):
            return False
        at = 8
        while at + 8 <= held:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            if length > held:
                return True
            if kind == b"IEND":
                break
            at += 12 + length
    width, height, bits, colour = struct.unpack(">IIBB", head[16:])
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    return width * height * channels * bits // 8 > 1032 * held


def still_size(path: Path) -> tuple[int, int]:
    """(width, height) px of the picture at `path`, upright. SourceError where it is none, or too large."""
    if path.stat().st_size == 0:
        raise SourceError(f"{path.name} is an empty file; save or download it again")
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise SourceError(f"{path.name} has {path.stat().st_size / 1e9:.1f} GB, too many for a picture; check the file")
    stored, orientation = _header(path)
    if stored is not None:
        check_size(path.name, *stored)
    if _is_hollow_png(path):
        raise SourceError(f"{path.name} is cut off, or was made to harm; save or download it again")
    if stored is None and (tagged := _tiff_size(path)) is not None:
        # Pillow knows fewer kinds of TIFF than OpenCV. An absurd one is refused before it is decoded.
        check_size(path.name, *tagged)
    if stored is None:
        height, width = _decode(path).shape[:2]
        stored = (width, height)
    check_size(path.name, *stored)
    return (stored[1], stored[0]) if orientation >= 5 else stored


def _decode(path: Path) -> np.ndarray:
    try:
        array = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, OSError) as error:
        if is_out_of_memory(error):
            raise
        array = None
    if array is None:
        raise SourceError(f"{path.name} cannot be read as a picture; give {', '.join(STILL_SUFFIXES)}")
    return array


def decode_picture(path: Path) -> np.ndarray:
    """The picture at `path`: [H,W,3|4] RGB(A), uint8 or uint16, upright. SourceError if unreadable."""
    still_size(path)
    _, orientation = _header(path)
    array = _decode(path)
    if array.dtype not in (np.uint8, np.uint16):  # float TIFF
        array = (np.clip(np.nan_to_num(array.astype(np.float32)), 0, 1) * 65535).round().astype(np.uint16)
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, axis=2)
    turns, is_mirrored = _ORIENTATIONS.get(orientation, (0, False))
    array = np.rot90(array, turns)
    if is_mirrored:
        array = array[:, ::-1]
    order = [2, 1, 0, 3] if array.shape[2] == 4 else [2, 1, 0]
    return np.ascontiguousarray(array[:, :, order])


def resize_array(array: np.ndarray, width: int, height: int) -> np.ndarray:
    """`array` [H,W,3|4] at `width` x `height` px: averaged when it shrinks, Lanczos when it grows."""
    if array.shape[:2] == (height, width):
        return array
    shrinks = width <= array.shape[1] and height <= array.shape[0]
    kernel = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    if array.shape[2] == 3:
        return cv2.resize(array, (width, height), interpolation=kernel)
    # Colours weighted by alpha: those of transparent pixels must not leak into the edges.
    full = np.iinfo(array.dtype).max
    whole = array.astype(np.float32)
    whole[:, :, :3] *= whole[:, :, 3:] / full
    whole = np.clip(cv2.resize(whole, (width, height), interpolation=kernel), 0, full)
    whole[:, :, :3] *= full / np.maximum(whole[:, :, 3:], 1)
    return np.clip(whole, 0, full).round().astype(array.dtype)


def read_picture(path: str | os.PathLike[str]) -> Tensor:
    """Read a still picture: float32 [1,3,H,W], RGB, 0..1, CPU; turned upright by EXIF, alpha over black.

    SourceError where there is none, it cannot be read, or has more than 120 megapixels.
    """
    source = Path(path)
    if not source.is_file():
        raise SourceError(f'no picture at "{source}"; check the name')
    array = decode_picture(source)
    return compose_over_black(array)[0] if array.shape[2] == 4 else from_array(array)


def encode_picture(picture: Tensor, suffix: str, *, quality: int, alpha: Tensor | None = None) -> bytes:
    """The bytes of a picture file of kind `suffix`; `alpha` [1,1,H,W] 0..1 makes it RGBA if it can be."""
    if alpha is not None and suffix in ALPHA_SUFFIXES:
        # The picture stands over black; its own colour is what gives that again when composed.
        alpha = alpha.to(picture.device)
        colour = to_array(picture / alpha.clamp_min(1 / 255))
        plane = alpha[0, 0].clamp(0, 1).mul(255).round().byte().cpu().numpy()
        array = np.dstack([colour[:, :, ::-1], plane])
    else:
        array = to_array(picture)[:, :, ::-1]
    flags = {
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
    }.get(suffix, [])
    done, data = cv2.imencode(suffix, np.ascontiguousarray(array), flags)
    if not done:
        raise TargetError(f"a {array.shape[1]}x{array.shape[0]} px picture cannot be stored as {suffix}; use .png")
    return data.tobytes()


@contextlib.contextmanager
def _temporary_beside(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".vidream-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def save_bytes(path: Path, data: bytes) -> None:
    """Put `data` at `path` whole or not at all. TargetError where the disk does not take it."""
    try:
        with _temporary_beside(path) as temporary:
            temporary.write_bytes(data)
            temporary.replace(path)
    except OSError as error:
        raise disk_trouble(path, error) from None


def write_picture(path: str | os.PathLike[str], picture: Tensor, *, quality: int = 95) -> None:
    """Write a picture [1,3,H,W], RGB, 0..1, as 8-bit png, jpg, webp, bmp or tiff; replaces what is there.

    quality: of jpg and webp, 1..100.  The file appears whole or not at all. TargetError where the suffix is
    unknown, the folder missing or the disk full; ValueError for another shape.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in STILL_SUFFIXES:
        raise TargetError(f'a picture cannot be written as "{target.name}"; give it one of {", ".join(STILL_SUFFIXES)}')
    save_bytes(target, encode_picture(picture, suffix, quality=quality))
