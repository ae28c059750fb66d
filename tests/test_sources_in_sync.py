"""Files as cameras, recorders and downloads leave them: their frames, their times, their sound."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from frames_helpers import ffmpeg, index_of, make_clip, numbered_frame
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_frames_sound import assert_in_sync, beep, copy_clip, flash, flash_starts

from vidream.errors import SourceError
from vidream.media import Camera, FrameReader, packets
from vidream.media.probe import probe_clip


def test_a_timecode_track_does_not_hide_the_video(tmp_path):
    clip = make_clip(tmp_path / "a.mov", 25, "-timecode", "01:00:00:00", before=beep(0.2, length=1.0))
    with FrameReader(clip) as reader:
        assert [index_of(picture) for picture in reader] == list(range(25))
        assert reader.has_audio


def test_a_cover_picture_is_not_the_video(tmp_path):
    clip = make_clip(tmp_path / "a.mkv", 10)
    ffmpeg("-f", "lavfi", "-i", "color=red:s=320x200", "-frames:v", 1, tmp_path / "cover.png")
    maps = ["-map", 1, "-map", 0, "-c", "copy", "-disposition:v:0", "attached_pic"]
    ffmpeg("-i", clip, "-i", tmp_path / "cover.png", *maps, tmp_path / "b.mp4")
    with FrameReader(tmp_path / "b.mp4") as reader:
        assert (reader.width, reader.height) == (64, 48)
        assert [index_of(picture) for picture in reader] == list(range(10))


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".mov", ".vob"])
@pytest.mark.parametrize("late_seconds", [0.0, 0.6])
def test_picture_and_sound_are_timed_from_the_same_zero(tmp_path, suffix, late_seconds):
    source = make_clip(tmp_path / "a.mkv", 75, draw=flash(25), before=beep(1.0, length=3.0))
    codecs = (
        ["-c:v", "mpeg2video", "-b:v", "2M", "-fps_mode", "passthrough", "-f", "vob"]
        if suffix == ".vob"
        else ["-c:v", "libx264", "-bf", 0]
    )
    # The picture begins late, the sound at once.
    late = ["-itsoffset", late_seconds, "-i", source, "-itsoffset", late_seconds, "-i", source]
    sound = ["-af", "aresample=async=1:first_pts=0", "-c:a", "mp2"]
    ffmpeg(*late, "-map", "0:v", "-map", "1:a", *codecs, *sound, tmp_path / f"late{suffix}")
    copy_clip(tmp_path / f"late{suffix}", tmp_path / "out.mkv")
    assert_in_sync(tmp_path / "out.mkv", 1.0)


@pytest.mark.parametrize("codec", ["mpeg2video", "libx264", "libx265"])
def test_a_recording_cut_within_an_open_group_stays_in_sync(tmp_path, codec):
    options = {
        "mpeg2video": ["-g", 12, "-bf", 2, "-b:v", "2M"],
        "libx264": ["-x264-params", "open-gop=1:keyint=12:bframes=3"],
        "libx265": ["-x265-params", "open-gop=1:keyint=12:log-level=none"],
    }[codec]
    whole = tmp_path / "whole.ts"
    make_clip(whole, 75, "-c:v", codec, *options, "-c:a", "mp2", draw=flash(50), before=beep(2.0, length=3.0))
    data = whole.read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(data[len(data) // 6 // 188 * 188 :])
    with FrameReader(cut) as reader:
        assert reader.rate == 25
        assert reader.frame_count == len(list(reader))
    copy_clip(cut, tmp_path / "out.mkv")
    beep_seconds = 2.0 - float(75 - reader.frame_count) / 25
    assert flash_starts(tmp_path / "out.mkv") == pytest.approx(beep_seconds, abs=0.081)
    assert_in_sync(tmp_path / "out.mkv", flash_starts(tmp_path / "out.mkv"))


def test_frames_that_cannot_be_decoded_are_held_and_nothing_comes_too_soon(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", 75, "-g", 25, "-bf", 0, draw=flash(60), before=beep(2.4, length=3.0))
    spoilt = tmp_path / "spoilt.mkv"
    ffmpeg("-i", clip, "-c", "copy", "-bsf:v", "noise=amount='if(between(n,30,39),20,0)'", spoilt)
    with FrameReader(spoilt) as reader:
        assert len(list(reader)) == 75
    copy_clip(spoilt, tmp_path / "out.mkv")
    assert_in_sync(tmp_path / "out.mkv", 2.4)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize("matrix", ["unknown", "bt2020nc"])
@pytest.mark.parametrize("primaries", ["unknown", "bt2020"])
def test_hdr_is_read_whatever_its_file_leaves_unsaid(tmp_path, transfer, matrix, primaries):
    tags = f"setparams=color_trc={transfer}:color_primaries={primaries}:colorspace={matrix}:range=tv"
    picture = f"testsrc2=s=64x48:r=10:d=0.2,format=yuv420p10le,{tags}"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "ffv1", "-color_trc", transfer, tmp_path / "a.mkv")
    with FrameReader(tmp_path / "a.mkv") as reader:
        pictures = list(reader)
    assert len(pictures) == 2 and 0.1 < float(pictures[0].mean()) < 0.9


@pytest.mark.parametrize(
    ("size", "scale", "comes_out"),
    [((1920, 1082), "640:-2", (640, 360)), ((600, 400), "256:-2", (256, 170)), ((640, 480), "320:-2", (320, 240))],
)
def test_pixels_that_are_all_but_square_are_square(tmp_path, size, scale, comes_out):
    source = f"testsrc2=s={size[0]}x{size[1]}:d=0.2:r=10"
    ffmpeg("-f", "lavfi", "-i", source, "-vf", f"scale={scale}", "-pix_fmt", "yuv420p", tmp_path / "a.mp4")
    with FrameReader(tmp_path / "a.mp4") as reader:
        assert (reader.width, reader.height) == comes_out


@pytest.mark.parametrize("frames", [20, 50])
@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mp4", ".ts", ".mpg", ".flv", ".asf"])
def test_a_second_recording_in_one_file_is_told_of(tmp_path, suffix, frames):
    codec = ["-c:v", "libvpx-vp9", "-cpu-used", 8] if suffix == ".webm" else []
    one = make_clip(tmp_path / f"one{suffix}", frames, *codec)
    two = tmp_path / f"two{suffix}"
    two.write_bytes(one.read_bytes() * 2)
    with FrameReader(one) as reader:
        assert len(list(reader)) == frames and reader.warning is None
    with FrameReader(two) as reader:
        assert (reader.rate, len(list(reader))) == (25, frames)
        assert "several recordings" in (reader.warning or "")


@pytest.mark.parametrize(("name", "frames"), [("a.h264", 12), ("a.avi", 12)])
def test_files_without_times_are_counted(tmp_path, name, frames):
    with FrameReader(make_clip(tmp_path / name, frames, "-bf", 2)) as reader:
        assert reader.rate == 25
        assert [index_of(picture) for picture in reader] == list(range(frames))


def test_a_camera_shows_a_film_in_its_own_shape(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", 8, "-vf", "setsar=2")
    with Camera(str(clip)) as camera:
        picture, _ = camera.next(timeout_seconds=20.0)
    assert picture.shape[-1] / picture.shape[-2] == pytest.approx(128 / 48, rel=0.02)


def test_a_large_film_is_not_read_through_before_it_begins(tmp_path, monkeypatch):
    for suffix in (".mp4", ".mkv"):
        clip = make_clip(tmp_path / f"a{suffix}", 255, rate=Fraction(30000, 1001), draw=numbered_frame)
        assert clip.stat().st_size > 0
        monkeypatch.setattr(packets, "SCANNED_BYTES", 1)
        with FrameReader(clip) as reader:
            assert (reader.rate, reader.frame_count) == (Fraction(30000, 1001), 255)
            assert [index_of(frame.picture) for frame in reader.frames(230)] == list(range(230, 255))
        timing = probe_clip(clip).timing
        assert timing.frame_seconds(240) == pytest.approx(240 * 1001 / 30000, abs=0.001)


RATES = [Fraction(text) for text in ("24000/1001", "24", "25", "30000/1001", "50", "60000/1001", "120000/1001", "10")]


@settings(max_examples=24, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    rate=st.sampled_from(RATES),
    frames=st.integers(2, 40),
    offset_seconds=st.sampled_from([0.0, 0.02, 0.6, 2.0]),
    suffix=st.sampled_from([".mp4", ".mkv", ".mov", ".ts"]),
)
def test_every_rate_length_and_beginning_is_read_exactly(tmp_path_factory, rate, frames, offset_seconds, suffix):
    folder = tmp_path_factory.mktemp("clip")
    # ffmpeg's own choice of ticks rounds 119.88 to 120; and a transport stream needs some packets to be known by.
    ticks = ["-video_track_timescale", rate.numerator] if suffix in (".mp4", ".mov") else []
    exact = ["-fps_mode", "passthrough", "-enc_time_base", 1 / rate, *ticks]
    frames += 20 if suffix == ".ts" else 0
    options = ["-bf", 2, "-output_ts_offset", offset_seconds, *exact]
    clip = make_clip(folder / f"a{suffix}", frames, *options, rate=rate)
    with FrameReader(clip) as reader:
        # Matroska stores milliseconds, and ffmpeg notes 119.88 in it as 120: in so few frames the two are one.
        told = 2e-3 if suffix == ".mkv" and rate > 100 else 5e-5
        assert float(reader.rate) == pytest.approx(float(rate), rel=told)
        shown = list(reader.frames())
        assert [index_of(frame.picture) for frame in shown] == list(range(frames))
        for number, frame in enumerate(shown):
            assert float(frame.time_seconds) == pytest.approx(number / float(rate), abs=0.001)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@example(gaps=[3, 1, 1], suffix=".mkv")
@example(gaps=[3, 2, 1], suffix=".mkv")
@given(
    gaps=st.lists(st.sampled_from([1, 1, 1, 2, 3, 7]), min_size=3, max_size=20),
    suffix=st.sampled_from([".mkv", ".mp4"]),
)
def test_frames_of_a_variable_rate_come_at_their_times(tmp_path_factory, gaps, suffix):
    folder = tmp_path_factory.mktemp("clip")
    times = [0, *itertools.accumulate(gaps)]  # in steps of 1/20 s
    pick = "+".join(f"eq(n,{time})" for time in times)
    chain = ("-vf", f"select='{pick}'", "-fps_mode", "vfr")
    clip = make_clip(folder / f"a{suffix}", times[-1] + 1, *chain, rate=20)
    with FrameReader(clip, fps=20) as reader:
        shown = [index_of(picture) for picture in reader]
    on_show = [max(time for time in times if time <= place) for place in range(times[-1] + 1)]
    assert shown[: len(on_show)] == on_show


def test_a_broken_gif_of_absurd_size_is_one_line_and_a_comment_is_no_frame(tmp_path):
    clip = make_clip(tmp_path / "a.gif", 4, rate=10)
    data = clip.read_bytes()
    commented = tmp_path / "comment.gif"
    commented.write_bytes(data[:-1] + b"\x21\xfe\x05hello\x00;")
    with FrameReader(commented) as reader:
        assert len(list(reader)) == 4
    # A size that is absurd in a frame of its own, behind an honest header.
    at = data.index(b"\x2c", 13 + 3 * 256) if b"\x2c" in data[13 + 3 * 256 :] else data.index(b"\x2c", 13)
    absurd = tmp_path / "absurd.gif"
    absurd.write_bytes(data[: at + 5] + b"\xff\xff\xff\xff" + data[at + 9 :])
    try:
        with FrameReader(absurd) as reader:
            list(reader)
    except SourceError as error:
        assert "\n" not in str(error)
