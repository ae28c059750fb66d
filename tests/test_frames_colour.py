"""Colours: what is read and written is the colour that was meant, whatever matrix, range or depth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from frames_helpers import ffmpeg, flat, psnr, report, smooth_picture

from vidream.media import Delivery, FrameReader, FrameWriter

COLOURS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0), "skin": (0.85, 0.62, 0.5)}


def first(path: Path) -> torch.Tensor:
    with FrameReader(path) as reader:
        return next(iter(reader))


def encode(path: Path, colour: tuple[float, float, float], scale: str, *options: object, size: str = "64x48") -> Path:
    code = "0x" + "".join(f"{round(part * 255):02x}" for part in colour)
    source = f"color=c={code}:s={size}:r=25:d=0.08,format=gbrp"
    ffmpeg("-f", "lavfi", "-i", source, "-vf", f"scale={scale}", *options, path)
    return path


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".mkv"])
def test_a_colour_survives_writing_and_reading(tmp_path: Path, suffix: str, name: str) -> None:
    target = tmp_path / f"out{suffix}"
    with FrameWriter(target) as writer:
        for _ in range(2):
            writer.write(flat(*COLOURS[name]))
    assert (first(target) - flat(*COLOURS[name])).abs().max() < 0.02


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize(
    ("matrix", "range_", "pixels", "codec"),
    [
        ("bt709", "tv", "yuv420p", "libx264"),
        ("bt709", "pc", "yuv420p", "libx264"),
        ("smpte170m", "tv", "yuv420p", "libx264"),
        ("smpte170m", "pc", "yuv444p", "libx264"),
        ("bt709", "tv", "yuv420p10le", "libx264"),
        ("bt2020nc", "tv", "yuv420p10le", "libx265"),
    ],
)
def test_tagged_clips_come_in_their_own_colours(
    tmp_path: Path, matrix: str, range_: str, pixels: str, codec: str, name: str
) -> None:
    scale = f"out_color_matrix={'bt601' if matrix == 'smpte170m' else matrix[:6]}:out_range={range_},format={pixels}"
    tags = ["-colorspace", matrix, "-color_range", range_, "-c:v", codec]
    quiet = ["-x265-params", "log-level=none"] if codec == "libx265" else ["-qp", 1]
    clip = encode(tmp_path / "a.mp4", COLOURS[name], scale, *tags, *quiet)
    assert (first(clip) - flat(*COLOURS[name])).abs().max() < 0.025


@pytest.mark.parametrize(("size", "matrix"), [("64x48", "bt601"), ("1280x720", "bt709")])
def test_untagged_clips_are_bt601_when_small_and_bt709_when_large(tmp_path: Path, size: str, matrix: str) -> None:
    scale = f"out_color_matrix={matrix}:out_range=tv,format=yuv420p,setparams=colorspace=unknown"
    clip = encode(tmp_path / "a.mkv", COLOURS["green"], scale, "-c:v", "ffv1", size=size)
    assert "bt709" not in report(clip) and "smpte170m" not in report(clip)
    width, height = map(int, size.split("x"))
    assert (first(clip) - flat(0, 1, 0, width=width, height=height)).abs().max() < 0.02


def test_ten_bit_sources_add_no_banding(tmp_path: Path) -> None:
    # One eight-bit step, spread over the width: 10 bits hold four levels of it, 8 bits one or two.
    clip = tmp_path / "deep.mkv"
    ramp = "nullsrc=s=256x48:r=25:d=0.04,format=gray10le,geq=lum='400+X/32'"
    ffmpeg("-f", "lavfi", "-i", ramp, "-c:v", "ffv1", "-pix_fmt", "yuv444p10le", clip)
    assert len(first(clip)[0, 1].unique()) >= 7


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_clips_can_be_read(tmp_path: Path, transfer: str) -> None:
    clip = tmp_path / "hdr.mp4"
    tags = ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", transfer, "-color_range", "tv"]
    params = f"setparams=color_trc={transfer}:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    source = f"testsrc2=s=64x48:r=25:d=0.2,format=yuv420p10le,{params}"
    ffmpeg("-f", "lavfi", "-i", source, *tags, "-c:v", "libx265", "-x265-params", "log-level=none", clip)
    with FrameReader(clip, size=32) as reader:
        pictures = list(reader)
    assert len(pictures) == 5 and pictures[0].shape == (1, 3, 24, 32)
    assert 0.1 < pictures[0].mean() < 0.9


def test_the_picture_survives_the_default_quality(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with FrameWriter(target) as writer:
        for index in range(5):
            writer.write(smooth_picture(index, width=128, height=96))
    with FrameReader(target) as reader:
        for index, picture in enumerate(reader):
            assert psnr(picture, smooth_picture(index, width=128, height=96)) > 38


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v", ".mkv"])
def test_h264_is_tagged_for_every_player(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    with FrameWriter(target, delivery=Delivery("h264")) as writer:
        writer.write(smooth_picture())
    assert re.search(r"Video: h264 .*yuv420p\(tv, bt709, progressive\)", report(target))
    if suffix != ".mkv":
        data = target.read_bytes()
        assert data.index(b"moov") < data.index(b"mdat")
