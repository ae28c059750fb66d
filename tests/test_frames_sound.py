"""The sound of the source: its span, its sync, its channels."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from frames_helpers import beep_starts, ffmpeg, make_clip, packet_times, report, sound_samples

from vidream.media import FrameReader, FrameWriter


def flash(at_frame: int, *, lasts: int = 5):
    """A drawing that is white for `lasts` frames from `at_frame` on, else black."""
    return lambda index: np.full((48, 64, 3), 255 if at_frame <= index < at_frame + lasts else 0, np.uint8)


def beep(at_seconds: float, *, length: float = 4.0, layout: str = "mono") -> list[str]:
    """An input of ffmpeg: silence with a 0.2 s tone at `at_seconds`."""
    tone = f"0.6*sin(2*PI*600*t)*between(t,{at_seconds},{at_seconds + 0.2})"
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    return ["-f", "lavfi", "-i", f"aevalsrc='{'|'.join([tone] * channels)}:c={layout}:s=48000:d={length}'"]


def flash_starts(path: Path) -> float:
    with FrameReader(path) as reader:
        for index, picture in enumerate(reader):
            if picture.mean() > 0.5:
                return index / float(reader.rate)
    raise AssertionError("no flash")


def copy_clip(source: Path, target: Path, **options: object) -> FrameWriter:
    with FrameReader(source, **options) as reader, FrameWriter(target, like=reader) as writer:  # type: ignore[arg-type]
        assert reader.has_audio
        for picture in reader:
            writer.write(picture)
    assert writer.warning is None
    return writer


def assert_in_sync(path: Path, at_seconds: float) -> None:
    assert flash_starts(path) == pytest.approx(at_seconds, abs=0.021)
    assert beep_starts(path) == pytest.approx(at_seconds, abs=0.015)


@pytest.mark.parametrize("source", ["a.mp4", "a.mkv", "a.mov", "a.webm"])
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv", "out.webm"])
def test_flash_and_beep_stay_together(tmp_path: Path, source: str, target: str) -> None:
    codec = ["-c:v", "libvpx-vp9", "-cpu-used", 8] if source == "a.webm" else []
    clip = make_clip(tmp_path / source, 100, *codec, draw=flash(50), before=beep(2.0))
    copy_clip(clip, tmp_path / target)
    assert_in_sync(tmp_path / target, 2.0)


@pytest.mark.parametrize("start", [0.52, 1.0, 1.96])
@pytest.mark.parametrize("source", ["a.mp4", "a.mkv"])
def test_a_part_of_a_clip_has_that_part_of_the_sound(tmp_path: Path, source: str, start: float) -> None:
    clip = make_clip(tmp_path / source, 100, "-g", 30, draw=flash(50), before=beep(2.0))
    copy_clip(clip, tmp_path / "out.mp4", start_seconds=start, duration_seconds=1.8)
    assert_in_sync(tmp_path / "out.mp4", 2.0 - start)
    video, audio = (packet_times(tmp_path / "out.mp4", stream) for stream in ("v:0", "a:0"))
    assert len(video) - 1 == 45
    assert audio[-1] <= video[-1] + Fraction(1, 1000)
    assert audio[-1] == pytest.approx(1.8, abs=0.06)


def test_sound_of_the_start_is_copied_and_not_longer_than_the_video(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 100, draw=flash(50), before=beep(2.0))
    copy_clip(clip, tmp_path / "out.mp4", duration_seconds=3.0)
    raw = [
        ffmpeg("-i", tmp_path / name, "-map", "0:a", "-c", "copy", "-f", "framecrc", "-")
        for name in ("a.mp4", "out.mp4")
    ]
    packets = [[line.split(",")[5] for line in text.splitlines() if line.startswith("0,")] for text in raw]
    assert packets[1][:-1] == packets[0][: len(packets[1]) - 1]
    assert Fraction(29, 10) < packet_times(tmp_path / "out.mp4", "a:0")[-1] <= 3
    assert_in_sync(tmp_path / "out.mp4", 2.0)


def test_video_that_starts_later_than_its_sound_stays_in_sync(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", 75, draw=flash(25))
    ffmpeg("-itsoffset", 0.5, "-i", plain, *beep(1.5), "-map", 0, "-map", 1, "-c:v", "copy", tmp_path / "late.mp4")
    copy_clip(tmp_path / "late.mp4", tmp_path / "out.mp4")
    assert_in_sync(tmp_path / "out.mp4", 1.0)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_that_starts_later_than_its_video_stays_in_sync(tmp_path: Path, codec: str) -> None:
    plain = make_clip(tmp_path / "plain.mp4", 75, draw=flash(25))
    sound = ["-itsoffset", 0.6, *beep(0.4, length=2.0)]
    ffmpeg("-i", plain, *sound, "-map", 0, "-map", 1, "-c:v", "copy", "-c:a", codec, tmp_path / "late.mov")
    copy_clip(tmp_path / "late.mov", tmp_path / "out.mp4")
    assert_in_sync(tmp_path / "out.mp4", 1.0)


def test_a_clip_of_variable_rate_stays_in_sync(tmp_path: Path) -> None:
    # 20 frames at 10 a second, then 40 at 40 a second; the flash comes 2.5 s in.
    times = "setpts='if(lt(N,20),N/10,2+(N-20)/40)/TB'"
    video = ["-map", 0, "-map", 1, "-vf", times, "-fps_mode", "vfr"]
    clip = make_clip(tmp_path / "vfr.mkv", 60, *video, rate=40, draw=flash(40, lasts=20), before=beep(2.5, length=3))
    copy_clip(clip, tmp_path / "out.mp4")
    assert flash_starts(tmp_path / "out.mp4") == pytest.approx(2.5, abs=0.05)
    assert beep_starts(tmp_path / "out.mp4") == pytest.approx(2.5, abs=0.015)


def test_sound_shorter_than_the_video_does_not_cut_it(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 75, draw=flash(5), before=beep(0.2, length=1.0))
    copy_clip(clip, tmp_path / "out.mp4")
    assert len(packet_times(tmp_path / "out.mp4")) - 1 == 75
    assert packet_times(tmp_path / "out.mp4", "a:0")[-1] < 1.1


@pytest.mark.parametrize("target", ["out.mp4", "out.webm"])
def test_surround_sound_stays_surround(tmp_path: Path, target: str) -> None:
    clip = make_clip(tmp_path / "a.mkv", 50, "-c:a", "ac3", draw=flash(25), before=beep(1.0, length=2, layout="5.1"))
    copy_clip(clip, tmp_path / target, start_seconds=0.2)
    assert "5.1" in report(tmp_path / target).split("Audio:")[1].splitlines()[0]


def test_the_first_track_is_the_default_one(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", 50)
    streams = ["-map", 0, "-map", 1, "-map", 2, "-disposition:a:0", 0, "-disposition:a:1", "default"]
    ffmpeg("-i", plain, *beep(1.5, layout="5.1"), *beep(0.5), *streams, "-t", 2, tmp_path / "two.mkv")
    with (
        FrameReader(tmp_path / "two.mkv") as reader,
        FrameWriter(tmp_path / "out.mp4", like=reader, audio="first") as out,
    ):
        for picture in reader:
            out.write(picture)
    assert beep_starts(tmp_path / "out.mp4") == pytest.approx(0.5, abs=0.015)
    assert report(tmp_path / "out.mp4").count("Audio:") == 1


def test_audio_false_leaves_the_sound_out(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 10, "-t", 0.4, before=beep(0.1))
    with FrameReader(clip) as reader, FrameWriter(tmp_path / "out.mp4", like=reader, audio=False) as writer:
        for picture in reader:
            writer.write(picture)
    assert "Audio:" not in report(tmp_path / "out.mp4")


def test_fewer_frames_than_the_source_cut_the_sound_too(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 75, before=beep(0.2, length=3))
    with FrameReader(clip) as reader, FrameWriter(tmp_path / "out.mp4", like=reader) as writer:
        for picture, _ in zip(reader, range(25), strict=False):
            writer.write(picture)
    assert len(sound_samples(tmp_path / "out.mp4")) / 8000 <= 1.0


def test_rotation_and_metadata_of_the_source_are_not_applied_again(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", 10, "-metadata", "location=+48+011/", "-t", 0.4, before=beep(0.1))
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", 90, "-i", plain, "-c", "copy", turned)
    copy_clip(turned, tmp_path / "out.mp4")
    words = report(tmp_path / "out.mp4")
    assert "rotation of" not in words and "location" not in words
    with FrameReader(turned) as before, FrameReader(tmp_path / "out.mp4") as after:
        assert (after.width, after.height) == (48, 64)
        assert torch.allclose(next(iter(before)), next(iter(after)), atol=0.1)


def test_sound_that_cannot_be_kept_leaves_a_warning_and_the_video(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 10, "-t", 0.4, before=beep(0.1))
    with FrameReader(clip) as reader, FrameWriter(tmp_path / "out.mp4", like=reader) as writer:
        for picture in reader:
            writer.write(picture)
        clip.unlink()
    assert writer.warning is not None and "sound" in writer.warning and "\n" not in writer.warning
    assert len(packet_times(tmp_path / "out.mp4")) - 1 == 10
