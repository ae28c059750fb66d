"""Single frames on a wire: JPEG bytes from a stranger to a picture and back, with nothing taken on trust."""

from __future__ import annotations

import warnings

import cv2
import imageio.v3 as iio
import numpy as np
from torch import Tensor

from vidream.errors import SourceError
from vidream.media.arrays import from_array
from vidream.media.images import encode_picture

__all__ = ["decode_frame", "encode_frame"]

SMALLEST_SIDE_PX = 16


def decode_frame(data: bytes, *, largest_side_px: int) -> Tensor:
    """The JPEG file `data` as a picture, float32 [1,3,H,W], RGB, 0..1, CPU.

    What it claims to be is read from its header first; nothing is decoded where that is not a JPEG in one scan of
    16 to `largest_side_px` px a side. (One of a thousand scans could hold up a processor for minutes.)
    Raises SourceError.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with iio.imopen(data, "r", plugin="pillow", extension=".jpg") as file:
                facts = file.metadata(index=0, exclude_applied=False)
                width, height = facts["shape"]
    except Exception:  # Pillow raises whatever it meets in a broken header
        facts, width, height = {}, 0, 0
    whole = data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9")
    if not whole or not facts or facts.get("progressive"):
        raise SourceError("a frame came that is no plain JPEG; send baseline JPEG")
    if not SMALLEST_SIDE_PX <= min(width, height) <= max(width, height) <= largest_side_px:
        raise SourceError(f"a frame of {width}x{height} px came; sides of {SMALLEST_SIDE_PX} to {largest_side_px} px")
    try:
        array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        array = None
    if array is None or array.shape[:2] != (height, width):
        raise SourceError("a frame came that is a broken JPEG; send it again")
    return from_array(array[:, :, ::-1])


def encode_frame(picture: Tensor, *, quality: int = 82) -> bytes:
    """The picture [1,3,H,W], RGB, 0..1, as a JPEG file. quality: 1..100."""
    return encode_picture(picture, ".jpg", quality=quality)
