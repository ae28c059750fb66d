"""Single pictures: reading one whole, resizing, and writing png, jpg, webp, bmp, tiff."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from vidream.errors import SourceError, TargetError
from vidream.media.arrays import (
    check_picture,
    compose_over_black,
    from_array,
    over_nothing,
    to_deep_array,
    to_dithered_array,
)
from vidream.media.decode import decode_picture
from vidream.media.disk import disk_trouble
from vidream.media.formats import FORMATS, suffixes

__all__ = [
    "ALPHA_SUFFIXES",
    "STILL_SUFFIXES",
    "encode_picture",
    "read_picture",
    "resize_array",
    "save_bytes",
    "write_picture",
]

STILL_SUFFIXES = tuple(suffix for suffix in suffixes("picture") if suffix != ".exr")
ALPHA_SUFFIXES = tuple(suffix for suffix in STILL_SUFFIXES if FORMATS[suffix].has_alpha)
# Encoder, as OpenCV knows it -> its argument for the quality; the others are lossless.
_QUALITY_FLAGS = {".jpg": cv2.IMWRITE_JPEG_QUALITY, ".webp": cv2.IMWRITE_WEBP_QUALITY}


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
    """Read a still picture, or the first frame of an animated one.

    Args:
        path: a PNG, JPEG, WebP, AVIF, HEIC, TIFF, GIF or BMP file, whatever it is called.

    Returns:
        float32 [1,3,H,W], RGB, 0..1, CPU; upright, in sRGB, alpha over black.

    Raises:
        SourceError: there is none, it cannot be read, or has more than 120 megapixels.
    """
    source = Path(path)
    if not source.is_file():
        raise SourceError(f'no picture at "{source}"; check the name')
    try:
        array = decode_picture(source)
    except OSError as error:
        raise SourceError(f'"{source}" cannot be read ({error.strerror or error}); check the file') from None
    return compose_over_black(array)[0] if array.shape[2] == 4 else from_array(array)


def encode_picture(picture: Tensor, suffix: str, *, quality: int, alpha: Tensor | None = None, bits: int = 8) -> bytes:
    """The bytes of a picture file of kind `suffix`.

    Args:
        picture: [1,3,H,W], RGB, 0..1.
        suffix: of `STILL_SUFFIXES`, but not .exr.
        quality: 1..100, of jpg and webp.
        alpha: [1,1,H,W], 0..1, of a kind that can store it.
        bits: a channel, 8 or 16; on the way down to 8 the picture is dithered.
    """
    check_picture(picture)
    # The picture stands over black; its own colour is what gives that again when composed.
    whole = picture if alpha is None or suffix not in ALPHA_SUFFIXES else over_nothing(picture, alpha)
    array = to_deep_array(whole).transpose(1, 2, 0) if bits == 16 else to_dithered_array(whole)
    array = array[:, :, [2, 1, 0, 3]] if array.shape[2] == 4 else array[:, :, ::-1]
    encoder = FORMATS[suffix].picture_encoder or suffix
    flags = [_QUALITY_FLAGS[encoder], quality] if encoder in _QUALITY_FLAGS else []
    done, data = cv2.imencode(encoder, np.ascontiguousarray(array), flags)
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
    """Write a picture [1,3,H,W], RGB, 0..1, as 8-bit png, jpg, webp, bmp or tiff, dithered; replaces what is there.

    quality: of jpg and webp, 1..100.  The file appears whole or not at all. TargetError where the suffix is
    unknown, the folder missing or the disk full; ValueError for another shape.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in STILL_SUFFIXES:
        raise TargetError(f'a picture cannot be written as "{target.name}"; give it one of {", ".join(STILL_SUFFIXES)}')
    save_bytes(target, encode_picture(picture, suffix, quality=quality))
