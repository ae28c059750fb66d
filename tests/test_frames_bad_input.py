"""Sources that cannot be read: one clear line each, at construction."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from frames_helpers import ffmpeg, make_clip

from vidream.errors import SourceError
from vidream.media import FrameReader, read_picture, write_picture
from vidream.media.probe import check_size


def nothing(folder: Path) -> Path:
    (folder / "holiday.mp4").write_bytes(b"x")
    return folder / "holidy.mp4"


def no_folder(folder: Path) -> Path:
    return folder / "nowhere" / "a.mp4"


def a_folder(folder: Path) -> Path:
    return folder


def text(folder: Path) -> Path:
    (folder / "a.mp4").write_text("these are words\n" * 50)
    return folder / "a.mp4"


def playlist(folder: Path) -> Path:
    make_clip(folder / "secret.mp4", 3)
    (folder / "a.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n")
    return folder / "a.mp4"


def empty(folder: Path) -> Path:
    (folder / "a.mp4").touch()
    return folder / "a.mp4"


def empty_picture(folder: Path) -> Path:
    (folder / "a.png").touch()
    return folder / "a.png"


def cut_off(folder: Path) -> Path:
    data = make_clip(folder / "whole.mp4", 30).read_bytes()
    (folder / "a.mp4").write_bytes(data[: len(data) // 2])
    return folder / "a.mp4"


def only_sound(folder: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.5", folder / "a.m4a")
    return folder / "a.m4a"


def sound_with_cover(folder: Path) -> Path:
    make_clip(folder / "cover.png", 1, "-update", 1, "-pix_fmt", "rgb24")
    inputs = ["-f", "lavfi", "-i", "sine=d=0.5", "-i", folder / "cover.png"]
    ffmpeg(*inputs, "-map", 0, "-map", 1, "-c:v", "copy", "-disposition:v", "attached_pic", folder / "a.m4a")
    return folder / "a.m4a"


def no_frames(folder: Path) -> Path:
    make_clip(folder / "whole.avi", 5)
    ffmpeg("-i", folder / "whole.avi", "-c", "copy", "-frames:v", 0, folder / "a.avi")
    return folder / "a.avi"


def one_pixel(folder: Path) -> Path:
    cv2.imwrite(str(folder / "a.png"), np.zeros((1, 1, 3), np.uint8))
    return folder / "a.png"


def huge_gif(folder: Path) -> Path:
    (folder / "a.gif").write_bytes(b"GIF89a" + struct.pack("<HHBBB", 60000, 60000, 0, 0, 0) + b";" * 50)
    return folder / "a.gif"


def huge_png(folder: Path) -> Path:
    cv2.imwrite(str(folder / "a.png"), np.zeros((4, 4, 3), np.uint8))
    data = bytearray((folder / "a.png").read_bytes())
    data[16:24] = struct.pack(">II", 40000, 40000)
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (folder / "a.png").write_bytes(data)
    return folder / "a.png"


def broken_picture(folder: Path) -> Path:
    (folder / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    return folder / "a.jpg"


def no_numbers(folder: Path) -> Path:
    return folder / "%04d.png"


def unequal(folder: Path) -> Path:
    for number, side in enumerate((32, 32, 40)):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((side, 32, 3), np.uint8))
    return folder / "%d.png"


def web(folder: Path) -> Path:
    return Path("https://example.com/a.mp4")


BAD = {
    nothing: "holiday.mp4",
    no_folder: "no folder",
    a_folder: "is a folder",
    text: "a.mp4",
    playlist: "a.mp4",
    empty: "empty",
    empty_picture: "empty",
    cut_off: "cut off",
    only_sound: "sound but no video",
    sound_with_cover: "sound but no video",
    no_frames: "no frames",
    one_pixel: "at least 16",
    huge_gif: "16384 px",
    huge_png: "megapixels",
    broken_picture: "cannot be read",
    no_numbers: "no file matches",
    unequal: "one size",
    web: "download",
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_bad_source_is_refused_in_one_line(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    source = make(tmp_path)
    with pytest.raises(SourceError) as caught:
        FrameReader(source)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400
    assert BAD[make] in message


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_seconds": -1.0},
        {"start_seconds": math.nan},
        {"start_seconds": 5.0},
        {"duration_seconds": 0.0},
        {"duration_seconds": -2.0},
        {"duration_seconds": math.inf},
        {"size": 0},
        {"size": -64},
        {"size": 8},
        {"size": 20000},
        {"fps": 0},
        {"fps": -25.0},
        {"fps": math.nan},
        {"fps": 1e9},
    ],
    ids=str,
)
def test_a_number_out_of_range_is_refused_in_one_line(tmp_path: Path, wrong: dict[str, Any]) -> None:
    clip = make_clip(tmp_path / "a.mp4", 10)
    with pytest.raises(SourceError) as caught:
        FrameReader(clip, **wrong)
    assert "\n" not in str(caught.value)


def test_read_picture_refuses_what_is_no_picture(tmp_path: Path) -> None:
    for make in (empty_picture, broken_picture, huge_png, no_numbers):
        with pytest.raises(SourceError):
            read_picture(make(tmp_path))


def test_a_clip_whose_frames_do_not_decode_says_so(tmp_path: Path) -> None:
    data = bytearray(make_clip(tmp_path / "whole.mp4", 30).read_bytes())
    at = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[at:end] = b"\x11" * (end - at)
    (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(SourceError, match=r"a\.mp4"), FrameReader(tmp_path / "a.mp4") as reader:
        list(reader)


def test_a_png_whose_chunk_promises_gigabytes_is_refused_before_the_memory_goes(tmp_path):
    write_picture(tmp_path / "a.png", torch.rand(1, 3, 48, 64))
    data = bytearray((tmp_path / "a.png").read_bytes())
    at = data.index(b"IDAT") - 4
    data[at : at + 4] = (2**31 - 1).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(SourceError, match="cut off, or was made to harm"):
        FrameReader(tmp_path / "a.png")


def test_a_clip_of_an_unknown_codec_is_refused_in_one_line(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.avi", 5)
    data = (tmp_path / "a.avi").read_bytes()
    codec = data[data.index(b"vids") + 4 :][:4]
    (tmp_path / "a.avi").write_bytes(data.replace(codec, b"\x82MP4"))
    with pytest.raises(SourceError, match="unknown codec") as refused:
        FrameReader(tmp_path / "a.avi")
    assert "\n" not in str(refused.value)


def test_a_picture_that_says_it_has_no_size_is_damaged() -> None:
    with pytest.raises(SourceError, match=r"a\.heic says that it has 0x0 px: it is damaged"):
        check_size("a.heic", 0, 0)
