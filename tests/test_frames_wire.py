from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import psnr
from PIL import Image

from vidream.errors import SourceError
from vidream.media import decode_frame, encode_frame


def as_file(kind: str, width: int = 64, height: int = 48, **options) -> bytes:
    array = np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


def test_a_frame_comes_through_the_wire_as_it_was():
    picture = textured(90, 160)
    back = decode_frame(encode_frame(picture, quality=95), largest_side_px=160)
    assert back.shape == picture.shape and back.dtype == torch.float32
    assert psnr(back, picture) > 35


def test_a_turned_or_grey_frame_is_taken_as_its_pixels_lie():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_frame(as_file("jpeg", exif=exif), largest_side_px=64).shape == (1, 3, 48, 64)
    grey = io.BytesIO()
    Image.new("L", (64, 48), 128).save(grey, "jpeg")
    assert decode_frame(grey.getvalue(), largest_side_px=64).shape == (1, 3, 48, 64)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no plain JPEG"),
        (b"\xff\xd8\xff", "no plain JPEG"),
        (b"\xff\xd8\xff" + bytes(500) + b"\xff\xd9", "no plain JPEG"),
        (as_file("png"), "no plain JPEG"),
        (as_file("jpeg")[:400], "no plain JPEG"),
        (as_file("jpeg", progressive=True), "no plain JPEG"),
        (as_file("jpeg", width=200), "200x48"),
        (as_file("jpeg", height=8), "64x8"),
    ],
)
def test_what_is_no_plain_small_jpeg_is_refused(data, says):
    with pytest.raises(SourceError, match=says):
        decode_frame(data, largest_side_px=100)


def test_a_header_that_claims_a_huge_picture_is_believed_and_refused_undecoded():
    data = bytearray(as_file("jpeg"))
    at = data.index(b"\xff\xc0") + 5  # height and width of the start-of-frame marker
    data[at : at + 4] = b"\x1f\x40\x1f\x40"
    with pytest.raises(SourceError, match="8000x8000"):
        decode_frame(bytes(data), largest_side_px=100)
