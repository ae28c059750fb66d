"""Still and numbered pictures in, the preview out."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from frames_helpers import flat, index_of, numbered_frame, psnr, smooth_picture

from vidream.errors import SourceError, TargetError
from vidream.media import FrameReader, from_array, read_picture, to_array, write_picture
from vidream.outputs import Preview
from vidream.outputs import preview as preview_module


def save(path: Path, array: np.ndarray) -> Path:
    """Write [H,W,3] RGB by OpenCV, whatever the name."""
    order = [2, 1, 0, 3][: array.shape[2]]
    path.write_bytes(cv2.imencode(path.suffix, array[:, :, order])[1].tobytes())
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff"])
def test_a_still_picture_is_one_frame(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", numbered_frame(37))
    with FrameReader(path) as reader:
        assert (reader.kind, reader.width, reader.height, reader.frame_count) == ("picture", 64, 48, 1)
        assert [index_of(picture) for picture in reader] == [37]


def test_a_still_picture_with_a_duration_is_repeated(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", numbered_frame(1))
    with FrameReader(path, duration_seconds=2) as reader:
        assert (reader.rate, reader.frame_count, len(list(reader))) == (25, 50, 50)
    with FrameReader(path, duration_seconds=2, fps=Fraction(10)) as reader:
        assert (reader.rate, len(list(reader)), reader.duration_seconds) == (10, 20, 2.0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif_orientation_is_honoured(tmp_path: Path, suffix: str, orientation: int) -> None:
    pillow = pytest.importorskip("PIL.Image")
    ops = pytest.importorskip("PIL.ImageOps")
    corner = np.zeros((32, 48, 3), np.uint8)
    corner[:16, :24] = (255, 0, 0)
    corner[16:, :24] = (0, 255, 0)
    image = pillow.fromarray(corner)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / f"a{suffix}", exif=exif, quality=95)
    expected = np.asarray(ops.exif_transpose(pillow.open(tmp_path / f"a{suffix}")).convert("RGB"))
    with FrameReader(tmp_path / f"a{suffix}") as reader:
        assert (reader.height, reader.width) == expected.shape[:2]
        assert psnr(next(iter(reader)), from_array(expected)) > 30


def test_sixteen_bits_grey_and_palette_can_be_read(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint16)
    assert (read_picture(save(tmp_path / "deep.png", deep)) - from_array(deep)).abs().max() < 1e-4
    grey = numbered_frame(9)[:, :, :1]
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    assert index_of(read_picture(tmp_path / "grey.png")) == 9
    pillow = pytest.importorskip("PIL.Image")
    pillow.fromarray(numbered_frame(9)).quantize(8).save(tmp_path / "palette.png")
    assert index_of(read_picture(tmp_path / "palette.png")) == 9


def test_size_shrinks_a_picture_without_aliasing(tmp_path: Path) -> None:
    stripes = np.zeros((48, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    with FrameReader(save(tmp_path / "a.png", stripes), size=32) as reader:
        picture = next(iter(reader))
    assert picture.shape == (1, 3, 24, 32)
    assert (picture - 0.5).abs().max() < 0.01


def test_numbered_pictures_come_in_order_from_any_number_on(tmp_path: Path) -> None:
    for number in (97, 98, 99, 100, 101, 102):
        save(tmp_path / f"{number}.png", numbered_frame(number))
    save(tmp_path / "0103.png", numbered_frame(103))
    (tmp_path / "notes.png.txt").touch()
    with FrameReader(tmp_path / "%d.png", fps=10) as reader:
        assert (reader.kind, reader.rate, reader.frame_count, reader.warning) == ("pictures", 10, 6, None)
        assert [index_of(picture) for picture in reader] == [97, 98, 99, 100, 101, 102]
    with FrameReader(tmp_path / "%d.png", fps=10, start_seconds=0.2, duration_seconds=0.3) as reader:
        assert [index_of(picture) for picture in reader] == [99, 100, 101]


def test_missing_numbers_are_passed_over_with_a_warning(tmp_path: Path) -> None:
    for number in (1, 2, 5, 6):
        save(tmp_path / f"s%{number:04d}.png", numbered_frame(number))
    with FrameReader(tmp_path / "s%%%04d.png") as reader:
        assert [index_of(picture) for picture in reader] == [1, 2, 5, 6]
        assert reader.warning is not None and "2 numbers" in reader.warning


def test_a_file_that_is_named_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    path = save(tmp_path / "%04d.png", numbered_frame(3))
    with FrameReader(path) as reader:
        assert reader.kind == "picture"
        assert index_of(next(iter(reader))) == 3


def test_alpha_is_composed_over_black(tmp_path: Path) -> None:
    rgba = np.full((48, 64, 4), 200, np.uint8)
    rgba[:, 32:, 3] = 0
    rgba[:, :32, 3] = 255
    path = save(tmp_path / "a.png", rgba)
    picture = read_picture(path)
    assert picture[:, :, :, 32:].max() == 0
    assert picture[:, :, :, :32].min() == pytest.approx(200 / 255)
    with FrameReader(path, size=32) as reader:
        small = next(iter(reader))
        assert reader.has_alpha and reader.alpha is not None and reader.alpha.shape == (1, 1, 24, 32)
        assert small[0, 0, 5, 5] == pytest.approx(200 / 255, abs=0.01)


def test_write_picture_round_trips_and_names_its_limits(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", smooth_picture())
    assert psnr(read_picture(tmp_path / "a.png"), smooth_picture()) > 50
    write_picture(tmp_path / "a.png", flat(1, 0, 0))
    assert torch.equal(read_picture(tmp_path / "a.png"), flat(1, 0, 0))
    with pytest.raises(TargetError, match=r"\.png"):
        write_picture(tmp_path / "a.mp4", smooth_picture())
    with pytest.raises(TargetError, match="no folder"):
        write_picture(tmp_path / "nowhere" / "a.png", smooth_picture())
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_read_picture_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no picture"):
        read_picture(tmp_path / "a.png")


def test_bytes_and_pictures_are_each_others_inverse() -> None:
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(to_array(from_array(array)), array)
    for wrong in (array[:, :, 0], array.astype(np.float32)):
        with pytest.raises(ValueError, match="uint8"):
            from_array(wrong)


@pytest.fixture
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_module, "has_screen", lambda: False)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_without_a_screen_the_preview_is_a_file_kept_new(tmp_path: Path, no_screen: None, suffix: str) -> None:
    path = tmp_path / f"preview{suffix}"
    with Preview(path) as preview:
        assert preview.where == str(path)
        preview.show(flat(1, 0, 0))
        assert read_picture(path).shape == (1, 3, 48, 64)
        written = path.stat().st_mtime_ns
        preview.show(flat(0, 1, 0))
        assert path.stat().st_mtime_ns == written
        time.sleep(0.51)
        preview.show(flat(0, 0, 1))
        assert (read_picture(path) - flat(0, 0, 1)).abs().max() < 0.02
        preview.show(flat(1, 1, 1))
    assert (read_picture(path) - flat(1, 1, 1)).abs().max() < 0.02
    assert len(list(tmp_path.iterdir())) == 1


def test_a_preview_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"\.png"):
        Preview(tmp_path / "preview.mp4")


def test_no_display_means_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    preview_module.has_screen.cache_clear()
    assert preview_module.has_screen() is False
    monkeypatch.setenv("DISPLAY", ":987")
    preview_module.has_screen.cache_clear()
    assert preview_module.has_screen() is False
    preview_module.has_screen.cache_clear()
