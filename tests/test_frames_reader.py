"""Reading video and GIF: rates, spans, geometry, names, memory, early ends."""

from __future__ import annotations

import itertools
import threading
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from frames_helpers import ffmpeg, index_of, make_clip, numbered_frame, packet_times
from memory_helpers import run_measured

from vidream.errors import SourceError
from vidream.media import FrameReader
from vidream.media.ffmpeg import Child
from vidream.media.sources import video_file as video


def indices(reader: FrameReader) -> list[int]:
    return [index_of(picture) for picture in reader]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.avi"])
@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(25)])
def test_every_frame_of_a_constant_rate_clip_comes_once(tmp_path: Path, name: str, rate: Fraction) -> None:
    codec = ("-c:v", "libvpx-vp9", "-cpu-used", 8) if name.endswith("webm") else ()
    clip = make_clip(tmp_path / name, 20, *codec, rate=rate)
    with FrameReader(clip) as reader:
        assert (reader.kind, reader.width, reader.height) == ("video", 64, 48)
        assert reader.rate == rate
        assert reader.frame_count == 20
        assert reader.duration_seconds == pytest.approx(float(20 / rate), abs=1e-6)
        assert not reader.has_audio and not reader.has_alpha
        assert indices(reader) == list(range(20))
        assert reader.warning is None


def test_pictures_are_float_rgb_planes_on_the_cpu(tmp_path: Path) -> None:
    with FrameReader(make_clip(tmp_path / "a.mp4", 3)) as reader:
        pictures = list(reader)
    assert all(picture.shape == (1, 3, 48, 64) and picture.dtype == torch.float32 for picture in pictures)
    assert all(picture.min() >= 0 and picture.max() <= 1 for picture in pictures)
    assert pictures[0].data_ptr() != pictures[1].data_ptr()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.webm", "a.gif"])
@pytest.mark.parametrize("start", [0.0, 0.28, 1.0, 1.96])
def test_start_and_duration_cut_at_the_very_frame(tmp_path: Path, name: str, start: float) -> None:
    codec = ("-c:v", "libvpx-vp9", "-cpu-used", 8) if name.endswith("webm") else ()
    clip = make_clip(tmp_path / name, 50, *codec, *(() if name.endswith("gif") else ("-g", 12)))
    with FrameReader(clip, start_seconds=start, duration_seconds=0.4) as reader:
        first = round(start * 25)
        expected = list(range(first, min(50, first + 10)))
        assert reader.start_seconds == pytest.approx(start)
        assert reader.frame_count == len(expected)
        assert indices(reader) == expected


def test_a_clip_of_variable_rate_keeps_its_time(tmp_path: Path) -> None:
    # Frames 0..19 at 10 a second, then 20..59 at 40 a second: 2 s + 1 s.
    clip = make_clip(
        tmp_path / "vfr.mkv", 60, "-vf", "setpts='if(lt(N,20),N/10,2+(N-20)/40)/TB'", "-fps_mode", "vfr", rate=40
    )
    with FrameReader(clip) as reader:
        assert float(reader.rate) == pytest.approx(20, rel=0.02)
        assert reader.duration_seconds == pytest.approx(3.0, abs=0.06)
        shown = indices(reader)
        assert len(shown) == pytest.approx(60, abs=1)
        for at, index in enumerate(shown):
            seconds = at / float(reader.rate)
            expected = seconds * 10 if seconds < 2 else 20 + (seconds - 2) * 40
            assert abs(index - expected) <= 2.1
    with FrameReader(clip, start_seconds=2.0, duration_seconds=0.5) as reader:
        assert 19 <= index_of(next(iter(reader))) <= 21
        assert len(list(reader)) == pytest.approx(10, abs=1)


def test_a_phone_clip_whose_times_tremble_still_gives_each_frame_once(tmp_path: Path) -> None:
    jitter = "setpts='(N/30+0.004*mod(N*7,3))/TB'"
    clip = make_clip(tmp_path / "j.mp4", 45, "-vf", jitter, "-fps_mode", "vfr", "-enc_time_base", "1:90000", rate=30)
    with FrameReader(clip) as reader:
        assert reader.rate == 30
        assert indices(reader) == list(range(45))


def test_one_dropped_frame_is_filled_at_the_nominal_rate(tmp_path: Path) -> None:
    hole = "setpts='if(lt(N,20),N,N+1)/30/TB'"
    clip = make_clip(tmp_path / "h.mp4", 40, "-vf", hole, "-fps_mode", "vfr", rate=30)
    with FrameReader(clip) as reader:
        assert reader.rate == 30
        shown = indices(reader)
        assert len(shown) == 41 and len(set(shown)) == 40


@pytest.mark.parametrize("fps", [12.5, 50.0, Fraction(25, 3)])
def test_fps_resamples_by_time(tmp_path: Path, fps: float | Fraction) -> None:
    clip = make_clip(tmp_path / "a.mkv", 50)
    with FrameReader(clip, fps=fps) as reader:
        assert reader.rate == Fraction(fps)
        shown = indices(reader)
        assert len(shown) == reader.frame_count == round(2 * fps)
        assert all(abs(index - at / float(fps) * 25) <= 1.01 for at, index in enumerate(shown))
        assert reader.duration_seconds == pytest.approx(2.0, abs=0.07)


def test_halving_the_rate_takes_evenly_spaced_frames(tmp_path: Path) -> None:
    with FrameReader(make_clip(tmp_path / "a.mkv", 60, rate=30), fps=15) as reader:
        shown = indices(reader)
    assert {later - sooner for sooner, later in itertools.pairwise(shown[:-1])} == {2}


def test_fps_2997_means_the_exact_ntsc_rate(tmp_path: Path) -> None:
    with FrameReader(make_clip(tmp_path / "a.mp4", 5), fps=29.97) as reader:
        assert reader.rate == Fraction(30000, 1001)


@pytest.mark.parametrize(("degrees", "size"), [(90, (48, 64)), (180, (64, 48)), (270, (48, 64))])
def test_a_rotated_phone_clip_comes_out_upright(tmp_path: Path, degrees: int, size: tuple[int, int]) -> None:
    plain = make_clip(tmp_path / "plain.mp4", 3, "-qp", 0)
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", degrees, "-i", plain, "-c", "copy", turned)
    with FrameReader(plain) as upright, FrameReader(turned) as reader:
        assert (reader.width, reader.height) == size
        expected = torch.rot90(next(iter(upright)), degrees // 90, (2, 3))
        assert (next(iter(reader)) - expected).abs().mean() < 0.01


@pytest.mark.parametrize(("aspect", "size"), [("2/1", (128, 48)), ("1/2", (64, 96)), ("16/15", (68, 48))])
def test_pixels_come_out_square(tmp_path: Path, aspect: str, size: tuple[int, int]) -> None:
    clip = make_clip(tmp_path / "sar.mp4", 2, "-vf", f"setsar={aspect}")
    with FrameReader(clip) as reader:
        assert (reader.width, reader.height) == size
        assert next(iter(reader)).shape == (1, 3, size[1], size[0])


def test_odd_sizes_come_as_they_are(tmp_path: Path) -> None:
    clip = make_clip(
        tmp_path / "odd.mkv", 3, "-pix_fmt", "yuv444p", draw=lambda i: numbered_frame(i, width=63, height=47)
    )
    with FrameReader(clip) as reader:
        assert [picture.shape for picture in reader] == [(1, 3, 47, 63)] * 3


@pytest.mark.parametrize(("size", "expected"), [(32, (32, 24)), (100, (100, 76)), (128, (128, 96)), (41, (40, 30))])
def test_size_is_the_longer_side_and_even(tmp_path: Path, size: int, expected: tuple[int, int]) -> None:
    with FrameReader(make_clip(tmp_path / "a.mp4", 2), size=size) as reader:
        assert (reader.width, reader.height) == expected
        assert next(iter(reader)).shape == (1, 3, expected[1], expected[0])


def test_a_gif_keeps_its_delays(tmp_path: Path) -> None:
    even = make_clip(tmp_path / "even.gif", 10, rate=10)
    with FrameReader(even) as reader:
        assert (reader.kind, reader.rate, reader.has_alpha) == ("gif", 10, False)
        assert indices(reader) == list(range(10))
    # Frames of 0.1 s, but the last but one stays longer.
    times = "setpts='if(lt(N,10),N,N+4)/10/TB'"
    held = make_clip(tmp_path / "held.gif", 11, "-vf", times, "-fps_mode", "vfr", "-final_delay", 10, rate=10)
    *starts, end = packet_times(held)
    assert starts[-1] - starts[-2] >= Fraction(4, 10)
    with FrameReader(held) as reader:
        assert reader.rate == 10
        shown = indices(reader)
    assert shown[:10] == list(range(10)) and shown[-1] == 10
    assert shown.count(9) == (starts[-1] - starts[-2]) * 10
    assert len(shown) == end * 10


def test_a_clip_can_be_read_twice(tmp_path: Path) -> None:
    with FrameReader(make_clip(tmp_path / "a.mp4", 6)) as reader:
        assert indices(reader) == indices(reader) == list(range(6))


def test_stopping_early_leaves_no_child_and_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Child] = []

    class Noted(Child):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[arg-type]
            started.append(self)

    monkeypatch.setattr(video, "Child", Noted)
    clip = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=20", "-preset", "ultrafast", clip)
    before = threading.active_count()
    for _ in range(3):
        with FrameReader(clip) as reader:
            for _, _picture in zip(range(2), reader, strict=False):
                pass
        child = started[-1]
        assert child.process.returncode is not None
        assert child.process.stdout.closed and child.process.stderr.closed
    assert threading.active_count() == before


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    clip = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x480:r=30:d=4", "-preset", "ultrafast", clip)
    child = """
import sys
from vidream.media import FrameReader
with FrameReader(sys.argv[1]) as reader:
    pictures = iter(reader)
    for _ in range(10):
        next(pictures)
    before = peak_kb()
    kept = [frame for frame in pictures if sys.argv[2] == "keep"]
    print(peak_kb() - before)
"""
    grown_kb = {how: int(run_measured(child, clip, how).stdout) for how in ("pass", "keep")}
    # All 120 frames are 440 MB.
    assert grown_kb["pass"] < 60_000 < grown_kb["keep"]


def test_memory_does_not_grow_with_a_pause_of_the_picture(tmp_path: Path) -> None:
    # As a screen is recorded: thirty frames at 25, one that stays for half an hour, and thirty more.
    clip = tmp_path / "pause.mkv"
    times = "setpts='(N/25+1800*gte(N,30))/TB'"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2.4", "-vf", times, "-fps_mode", "passthrough", clip)
    child = """
import resource, sys
from vidream.media import FrameReader
with FrameReader(sys.argv[1], fps=25) as reader:
    assert abs(reader.frame_count - 45060) <= 1, reader.frame_count
    for number, _ in enumerate(reader):
        if number == 300:
            break
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
    done = run_measured(child, clip)
    # Each repetition as a picture of its own would be 10 GB.
    assert int(done.stdout) < 600_000, done.stderr


def test_a_frame_that_is_to_stay_for_years_is_refused(tmp_path: Path) -> None:
    clip = tmp_path / "years.mkv"
    times = "setpts='(N/25+9e7*gte(N,30))/TB'"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2.4", "-vf", times, "-fps_mode", "passthrough", clip)
    with pytest.raises(SourceError, match="shows one frame for 25,000 hours; its times are damaged"):
        FrameReader(clip)


def test_a_clip_broken_at_its_end_gives_its_good_frames_and_a_warning(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=4", "-movflags", "faststart", whole)
    broken = tmp_path / "broken.mp4"
    data = whole.read_bytes()
    broken.write_bytes(data[: len(data) * 6 // 10])
    with FrameReader(broken) as reader:
        count = len(list(reader))
        assert 20 < count < 90
        assert reader.warning is not None and f"{count} frames" in reader.warning
        assert "\n" not in reader.warning


@pytest.mark.parametrize(
    "name", ["-x.mp4", "a:b.mp4", "100%.mp4", "%04d.mp4", 'it\'s "new" ü 夢.mp4', "-i", "file:a.mp4", "corrupt.mp4"]
)
def test_odd_names_are_only_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).write_bytes(make_clip(tmp_path / "plain.mp4", 4).read_bytes())
    monkeypatch.chdir(tmp_path)
    for source in (Path(name), name, tmp_path / name):
        with FrameReader(source) as reader:
            assert indices(reader) == list(range(4))
            assert reader.warning is None


def test_alpha_of_a_video_is_composed_over_black_and_kept(tmp_path: Path) -> None:
    half = "format=rgba,geq=r=200:g=100:b=50:a='if(lt(X,32),255,51)'"
    clip = make_clip(tmp_path / "alpha.mov", 2, "-vf", half, "-c:v", "png", "-pix_fmt", "rgba")
    with FrameReader(clip) as reader:
        assert reader.has_alpha
        picture = next(iter(reader))
        assert reader.alpha is not None and reader.alpha.shape == (1, 1, 48, 64)
        assert reader.alpha[0, 0, 5, 50] == pytest.approx(0.2, abs=0.01)
        assert picture[0, :, 5, 5].tolist() == pytest.approx([200 / 255, 100 / 255, 50 / 255], abs=0.01)
        assert picture[0, :, 5, 50].tolist() == pytest.approx([40 / 255, 20 / 255, 10 / 255], abs=0.01)


def test_a_stray_gap_in_a_short_clip_does_not_change_its_rate(tmp_path):
    # One frame comes two frames late and all after it keep their distance, as AVI writers leave it.
    late = ("-vf", "setpts='if(lt(N,1),0,(N+2)/20)/TB'", "-fps_mode", "vfr")
    clip = make_clip(tmp_path / "late.mkv", 20, *late, rate=20)
    with FrameReader(clip) as reader:
        assert reader.rate == 20
        shown = [index_of(picture) for picture in reader]
    # The hole is filled by repeating one side of it or the other; everything after is in time.
    assert len(shown) == 22 and shown[4:] == list(range(2, 20))
