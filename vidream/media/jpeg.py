"""Single frames on a wire: JPEG bytes from a stranger to a picture and back; every claim is checked."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from vidream.errors import SourceError
from vidream.media.arrays import from_array
from vidream.media.images import encode_picture
from vidream.media.picture_files import open_image

__all__ = ["decode_frame", "encode_frame"]

SMALLEST_SIDE_PX = 16


def decode_frame(data: bytes, *, largest_side_px: int) -> Tensor:
    """Decode a JPEG file that came from somebody else.

    What it claims to be is read from its header first; nothing is decoded where that is not a JPEG in one scan of
    an allowed size. (One of a thousand scans could hold up a processor for minutes.)

    Args:
        data: the bytes of the file.
        largest_side_px: the longest side that is allowed; the shortest is 16 px.

    Returns:
        float32 [1,3,H,W], RGB, 0..1, CPU, as its pixels lie in the file.

    Raises:
        SourceError: it is no such JPEG, or broken.
    """
    try:
        with open_image(data, "JPEG") as image:
            is_plain = "progressive" not in image.info
            width, height = image.size
    except Exception:  # Pillow raises whatever it meets in a broken header
        is_plain, width, height = False, 0, 0
    whole = data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9")
    if not whole or not is_plain:
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
