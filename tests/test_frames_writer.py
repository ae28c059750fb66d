"""Writing video, GIF and pictures: what the files hold, and where they may go."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from frames_helpers import flat, index_of, make_clip, numbered_frame, packet_times, psnr, report, smooth_picture

from vidream.errors import TargetError
from vidream.media import FrameReader, FrameWriter, default_target, from_array, read_picture


def write(target: Path, count: int = 3, **options: object) -> FrameWriter:
    with FrameWriter(target, **options) as writer:  # type: ignore[arg-type]
        for index in range(count):
            writer.write(from_array(numbered_frame(index)))
    return writer


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24), Fraction(25, 2), Fraction(14957, 500)])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_the_rate_is_exact_and_every_frame_is_there(tmp_path: Path, suffix: str, rate: Fraction) -> None:
    target = tmp_path / f"out{suffix}"
    assert write(target, 24, rate=rate).frames_written == 24
    times = packet_times(target)
    tick = 0 if suffix in (".mp4", ".mov") else Fraction(1, 1000)
    assert all(abs(time - index / rate) <= tick for index, time in enumerate(times[:-1]))
    with FrameReader(target) as reader:
        assert float(reader.rate) == pytest.approx(float(rate), rel=2e-4)
        assert [index_of(picture) for picture in reader] == list(range(24))


def test_like_gives_the_rate(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mkv", 10, rate="24000/1001")
    with FrameReader(clip) as reader, FrameWriter(tmp_path / "b.mp4", like=reader) as writer:
        assert writer.rate == Fraction(24000, 1001)
        for picture in reader:
            writer.write(picture)
    with FrameReader(tmp_path / "b.mp4") as reader:
        assert reader.rate == Fraction(24000, 1001)


def test_an_odd_line_and_column_are_repeated_once(tmp_path: Path) -> None:
    picture = smooth_picture(width=63, height=47)
    with FrameWriter(tmp_path / "out.mp4") as writer:
        writer.write(picture)
    with FrameReader(tmp_path / "out.mp4") as reader:
        assert (reader.width, reader.height) == (64, 48)
        assert psnr(next(iter(reader))[:, :, :47, :63], picture) > 35


@pytest.mark.parametrize(("rate", "seconds"), [(10, 1.0), (30, 1.0), (25, 1.2), (60, 0.5)])
def test_a_gif_loops_for_ever_and_keeps_its_length(tmp_path: Path, rate: int, seconds: float) -> None:
    target = tmp_path / "out.gif"
    write(target, round(rate * seconds), rate=Fraction(rate))
    times = packet_times(target)
    assert float(times[-1]) == pytest.approx(seconds, abs=0.021)
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert min(gaps) >= Fraction(2, 100)
    assert b"NETSCAPE2.0\x03\x01\x00\x00\x00" in target.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["out.gif"]


def test_a_gif_shows_the_pictures(tmp_path: Path) -> None:
    target = tmp_path / "out.gif"
    with FrameWriter(target, rate=Fraction(10)) as writer:
        for index in range(4):
            writer.write(smooth_picture(index, width=63, height=47))
    with FrameReader(target) as reader:
        assert (reader.width, reader.height, reader.rate) == (63, 47, 10)
        for index, picture in enumerate(reader):
            assert psnr(picture, smooth_picture(index, width=63, height=47)) > 24


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".jpg", ".JPG"])
def test_a_still_picture_is_written_by_its_suffix(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    with FrameWriter(target) as writer:
        writer.write(smooth_picture())
        assert not target.exists()
    exact = suffix in (".png", ".bmp", ".tif")
    assert psnr(read_picture(target), smooth_picture()) > (50 if exact else 34)


def test_a_second_frame_for_a_still_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"out-%04d\.png.*\.mp4"):
        write(tmp_path / "out.png", 2)
    assert list(tmp_path.iterdir()) == []


def test_numbered_pictures_start_at_one(tmp_path: Path) -> None:
    write(tmp_path / "p%03d.png", 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p001.png", "p002.png", "p003.png"]
    assert index_of(read_picture(tmp_path / "p003.png")) == 2


def test_numbered_pictures_made_before_an_error_stay(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), FrameWriter(tmp_path / "%d.jpg") as writer:
        writer.write(smooth_picture())
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["1.jpg"]


@pytest.mark.parametrize(
    ("alpha", "target", "is_told"), [(255, "a.jpg", False), (200, "a.jpg", True), (200, "a.tif", False)]
)
def test_alpha_that_is_lost_is_told_of(tmp_path: Path, alpha: int, target: str, is_told: bool) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), np.full((24, 32, 4), (10, 200, 40, alpha), np.uint8))
    with FrameReader(tmp_path / "in.png") as reader, FrameWriter(tmp_path / target, like=reader) as writer:
        for frame in reader.frames():
            writer.write(frame)
    assert ("transparent" in (writer.warning or "")) == is_told


def test_the_alpha_of_a_png_comes_back(tmp_path: Path) -> None:
    stored = np.dstack([numbered_frame(5), np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))])
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"in{number}.png"), stored)
    with FrameReader(tmp_path / "in%d.png") as reader, FrameWriter(tmp_path / "out%d.png", like=reader) as writer:
        assert reader.has_alpha
        for frame in reader.frames():
            assert frame.picture[0, :, :, 0].max() == 0
            writer.write(frame)
    back = cv2.imread(str(tmp_path / "out2.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(back[:, :, 3], stored[:, :, 3])
    seen = stored[:, :, 3] > 8
    assert np.abs(back[:, :, :3].astype(int) - stored[:, :, :3])[seen].max() <= 16
    over_black = back[:, :, :3] * (back[:, :, 3:] / 255) - stored[:, :, :3] * (stored[:, :, 3:] / 255)
    assert np.abs(over_black).max() <= 1.01
    with FrameReader(tmp_path / "in1.png") as reader, FrameWriter(tmp_path / "flat.jpg", like=reader) as writer:
        writer.write(next(reader.frames()))
    assert psnr(read_picture(tmp_path / "flat.jpg"), read_picture(tmp_path / "in1.png")) > 30


def test_pictures_must_have_the_size_of_the_first(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="64x48"), FrameWriter(tmp_path / "out.mp4") as writer:
        writer.write(smooth_picture())
        writer.write(smooth_picture(width=32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(3, 48, 64), (2, 3, 48, 64), (1, 4, 48, 64)])
def test_what_is_no_picture_is_a_callers_bug(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with FrameWriter(tmp_path / "out.png") as writer:
        with pytest.raises(ValueError, match="picture"):
            writer.write(torch.zeros(shape))
        writer.write(smooth_picture())


def test_values_out_of_range_are_cut(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "out.png") as writer:
        writer.write(torch.cat([flat(-3, 2, float("nan"))[:, :, :, :32], flat(0, 1, 0)[:, :, :, :32]], 3))
    assert torch.equal(read_picture(tmp_path / "out.png"), flat(0, 1, 0))


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out.png", "out%d.png"])
def test_what_is_there_is_only_replaced_with_overwrite(tmp_path: Path, name: str) -> None:
    there = tmp_path / name.replace("%d", "7")
    there.write_bytes(b"precious")
    with pytest.raises(TargetError, match="already there"):
        FrameWriter(tmp_path / name)
    assert there.read_bytes() == b"precious"
    write(tmp_path / name, 1, overwrite=True)
    if "%" not in name:
        assert there.read_bytes() != b"precious"


def test_a_file_that_appears_meanwhile_is_left_alone_and_the_work_kept(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(TargetError, match=r"out-2\.mp4"), FrameWriter(target) as writer:
        writer.write(smooth_picture())
        target.write_bytes(b"precious")
    assert target.read_bytes() == b"precious"
    assert "h264" in report(tmp_path / "out-2.mp4")
    assert len(list(tmp_path.iterdir())) == 2


def test_targets_that_cannot_be_written_are_refused_at_once(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 2)
    (tmp_path / "file").touch()
    (tmp_path / "dir.mp4").mkdir()
    for name, words in {
        "out.xyz": ".mp4",
        "out": ".mp4",
        "nowhere/out.mp4": "create it",
        "nowhere/%04d.png": "create it",
        "file/out.mp4": "not a folder",
        "dir.mp4": "is a folder",
        "a.mp4": "is the source itself",
        "../" + tmp_path.name + "/a.mp4": "is the source itself",
    }.items():
        with FrameReader(clip) as reader, pytest.raises(TargetError) as caught:
            FrameWriter(tmp_path / name, like=reader, overwrite=True)
        assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_may_not_be_written_to_is_refused() -> None:
    if not Path("/proc/self").is_dir():
        pytest.skip("needs /proc, where even root cannot write")
    with pytest.raises(TargetError, match=r"cannot be written|create it"):
        FrameWriter("/proc/self/out.mp4")


def test_a_rate_out_of_range_is_a_callers_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give"):
        FrameWriter(tmp_path / "out.mp4", rate=Fraction(0))


@pytest.mark.parametrize(
    "name", ["-y.mp4", "a:b.mp4", "50%.mp4", "%04d.mp4", 'it\'s "new" 夢.gif', "-%02d.png", "c:d.png"]
)
def test_odd_target_names_are_only_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path(name), 1)
    assert [path.name for path in tmp_path.iterdir()] == [name.replace("%02d", "01")]


@pytest.mark.parametrize(
    ("source", "kind", "target"),
    [
        ("a/walk.mov", "video", "a/walk-dream.mp4"),
        ("walk.MP4", "video", "walk-dream.mp4"),
        ("cat.gif", "gif", "cat-dream.gif"),
        ("cat.webp", "picture", "cat-dream.png"),
        ("cat.jpg", "picture", "cat-dream.jpg"),
        ("shots/%04d.png", "pictures", "shots-dream/%04d.png"),
        ("%04d.jpg", "pictures", "dream/%04d.jpg"),
    ],
)
def test_the_dream_goes_beside_its_source(source: str, kind: str, target: str) -> None:
    assert default_target(Path(source), kind) == Path(target)


def test_the_default_folder_of_numbered_pictures_is_created(tmp_path: Path) -> None:
    (tmp_path / "shots").mkdir()
    write(tmp_path / "shots" / "%04d.png", 2)
    with FrameReader(tmp_path / "shots" / "%04d.png") as reader:
        target = default_target(reader.source, reader.kind)
        with FrameWriter(target, like=reader) as writer:
            for picture in reader:
                writer.write(picture)
    assert len(list((tmp_path / "shots-dream").iterdir())) == 2
