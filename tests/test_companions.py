"""What goes with the pictures: tracks of sound, chapters, timecodes, subtitles."""

from __future__ import annotations

import json
import re
from fractions import Fraction

import av
import pytest
from frames_helpers import beep_starts, ffmpeg, make_clip, report, sound_samples

from vidream.cli import main
from vidream.media import FrameReader, FrameWriter
from vidream.media.companions import moved_timecode

NO_STEPS = ["--set", "steps=0", "--set", "first_steps=0", "-q"]
NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("timecode", "rate", "frames", "made_rate", "said"),
    [
        ("01:00:00:00", Fraction(25), 0, Fraction(25), "01:00:00:00"),
        ("00:59:59:24", Fraction(25), 1, Fraction(25), "01:00:00:00"),
        ("23:59:59:23", Fraction(24), 1, Fraction(24), "00:00:00:00"),
        ("10:00:00:00", Fraction(24000, 1001), 240, Fraction(24000, 1001), "10:00:10:00"),
        # Drop frame (SMPTE ST 12-1): numbers 0 and 1 are left out at each minute but every tenth.
        ("00:00:59;29", NTSC, 1, NTSC, "00:01:00;02"),
        ("00:09:59;29", NTSC, 1, NTSC, "00:10:00;00"),
        ("00:01:00;02", NTSC, 0, NTSC, "00:01:00;02"),
        ("00:00:00;00", NTSC, 17982, NTSC, "00:10:00;00"),
        ("00:00:00;00", NTSC, 107892, NTSC, "01:00:00;00"),
        ("00:00:59;59", Fraction(60000, 1001), 1, Fraction(60000, 1001), "00:01:00;04"),
        ("01:00:00:00", Fraction(25), 0, Fraction(50), "01:00:00:00"),
        ("00:00:10:00", Fraction(50), 25, Fraction(25), "00:00:10:12"),
        ("01:00:00:00", Fraction(25), 0, Fraction(12), ""),
        ("nonsense", Fraction(25), 0, Fraction(25), ""),
    ],
)
def test_a_timecode_is_counted_on(timecode, rate, frames, made_rate, said):
    assert moved_timecode(timecode, rate, frames, made_rate) == said


def beep(at: float, hertz: int) -> list[object]:
    return ["-f", "lavfi", "-i", f"aevalsrc='0.5*sin(2*PI*{hertz}*t)*gte(t,{at})':s=48000:d=4"]


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """A clip of 4 s with two tracks of sound, three chapters, a timecode and subtitles."""
    folder = tmp_path_factory.mktemp("rich")
    (folder / "words.srt").write_text("1\n00:00:00,500 --> 00:00:02,000\nwords\n")
    (folder / "chapters").write_text(
        ";FFMETADATA1\n"
        + "".join(
            f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={begin}\nEND={end}\ntitle={title}\n"
            for begin, end, title in ((0, 1500, "dawn"), (1500, 3000, "noon \\= heat\\; dust"), (3000, 4000, "dusk"))
        )
    )
    before = [
        *beep(0.5, 440),
        *beep(1.0, 880),
        "-i",
        folder / "words.srt",
        "-f",
        "ffmetadata",
        "-i",
        folder / "chapters",
    ]
    maps = ["-map", 0, "-map", 1, "-map", 2, "-map", 3, "-map_chapters", 4, "-c:s", "srt", "-timecode", "01:02:03:04"]
    names = [
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=fra",
        "-metadata:s:a:1",
        "title=voix",
    ]
    coding = ["-c:v", "libx264", "-c:a", "aac", "-disposition:a:0", 0, "-disposition:a:1", "default"]
    return make_clip(folder / "rich.mkv", 100, *maps, *names, *coding, before=before)


def made_of(clip, target, *words):
    assert main(["dream", str(clip), str(target), *NO_STEPS, *words]) == 0
    with av.open(str(target)) as opened:
        chapters = [
            (
                each["metadata"].get("title"),
                float(each["start"] * each["time_base"]),
                float(each["end"] * each["time_base"]),
            )
            for each in opened.chapters()
        ]
        sounds = [
            (each.metadata.get("language"), each.codec_context.codec.canonical_name) for each in opened.streams.audio
        ]
    return chapters, sounds


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_tracks_chapters_and_timecode_go_into_the_film(rich, tmp_path, suffix):
    target = tmp_path / f"out{suffix}"
    chapters, sounds = made_of(rich, target)
    assert [title for title, *_ in chapters] == ["dawn", "noon = heat; dust", "dusk"]
    assert [times for _, *times in chapters] == [[0, 1.5], [1.5, 3.0], [3.0, 4.0]]
    assert sounds == [("eng", "aac"), ("fra", "aac")]
    said = report(target)
    assert re.search(r"timecode\s*: 01:02:03:04", said, re.I) and "Subtitle:" not in said
    tracks = [line for line in said.splitlines() if "Audio:" in line]
    assert "(default)" not in tracks[0] and "(default)" in tracks[1]
    for number, begins in ((0, 0.5), (1, 1.0)):
        ffmpeg("-i", target, "-map", f"0:a:{number}", "-c", "copy", tmp_path / f"{number}.mka")
        assert beep_starts(tmp_path / f"{number}.mka") == pytest.approx(begins, abs=0.01)


def test_a_part_has_its_own_chapters_timecode_and_sound(rich, tmp_path):
    chapters, sounds = made_of(rich, tmp_path / "out.mov", "--start", "1", "--duration", "2.4")
    assert chapters == [("dawn", 0, 0.5), ("noon = heat; dust", 0.5, 2.0), ("dusk", 2.0, pytest.approx(2.4))]
    # What is cut at the front cannot be copied; beside ProRes it stays without loss.
    assert sounds == [("eng", "pcm_s24le"), ("fra", "pcm_s24le")]
    assert re.search(r"timecode\s*: 01:02:04:04", report(tmp_path / "out.mov"), re.I)
    with FrameReader(rich, start_seconds=1, fps=50) as reader:
        assert reader.companions.timecode == "01:02:04:08"


@pytest.mark.parametrize(("words", "left"), [(["--audio", "first"], 1), (["--audio", "none"], 0), (["--no-audio"], 0)])
def test_fewer_tracks_may_be_asked_for(rich, tmp_path, words, left):
    chapters, sounds = made_of(rich, tmp_path / "out.mp4", *words)
    assert len(chapters) == 3 and len(sounds) == left
    if left:
        assert sounds == [("fra", "aac")]
        assert beep_starts(tmp_path / "out.mp4") == pytest.approx(1.0, abs=0.01)


def test_subtitles_are_left_out_with_a_word(rich, tmp_path, capsys):
    assert main(["dream", str(rich), str(tmp_path / "out.mp4"), "--set", "steps=0", "--set", "first_steps=0"]) == 0
    assert "the subtitles of rich.mkv are left out" in capsys.readouterr().err


def test_a_loop_has_neither_chapters_nor_a_timecode(rich, tmp_path):
    chapters, sounds = made_of(rich, tmp_path / "out.mp4", "--loop", "boomerang", "--duration", "1")
    assert not chapters and not sounds and "timecode" not in report(tmp_path / "out.mp4")


def test_a_track_that_a_container_does_not_hold_is_encoded_beside_one_that_is_copied(tmp_path):
    before = [*beep(0.5, 440), *beep(1.0, 880)]
    maps = ["-map", 0, "-map", 1, "-map", 2, "-c:v", "libx264", "-c:a:0", "aac", "-c:a:1", "flac"]
    clip = make_clip(tmp_path / "two.mkv", 100, *maps, before=before)
    _, sounds = made_of(clip, tmp_path / "out.mp4", "--codec", "h264")
    assert [codec for _, codec in sounds] == ["aac", "aac"]
    _, sounds = made_of(clip, tmp_path / "out.mkv")
    assert [codec for _, codec in sounds] == ["aac", "flac"]
    ffmpeg("-i", tmp_path / "out.mkv", "-map", "0:a:1", "-c", "copy", tmp_path / "second.mka")
    assert beep_starts(tmp_path / "second.mka") == pytest.approx(1.0, abs=0.01)
    assert len(sound_samples(tmp_path / "second.mka")) / 8000 == pytest.approx(4.0, abs=0.1)


def test_a_turned_phone_clip_with_a_timecode_comes_out_upright(tmp_path):
    plain = make_clip(tmp_path / "plain.mp4", 10, "-c:v", "libx264")
    ffmpeg("-display_rotation", 90, "-i", plain, "-c", "copy", "-timecode", "00:00:01:00", tmp_path / "turned.mov")
    made_of(tmp_path / "turned.mov", tmp_path / "out.mp4")
    with FrameReader(tmp_path / "out.mp4") as reader:
        assert (reader.width, reader.height, reader.companions.timecode) == (48, 64, "00:00:01:00")
    assert "rotation" not in report(tmp_path / "out.mp4")


def test_a_recipe_still_stands_in_a_film_with_companions(rich, tmp_path):
    made_of(rich, tmp_path / "out.mov")
    from vidream.media.metadata import read_comment

    assert json.loads(read_comment(tmp_path / "out.mov"))["source"] == "rich.mkv"


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "aac"), (".mov", "pcm_s16le"), (".mkv", "flac")])
def test_flash_and_beep_are_together_at_the_end_of_twenty_minutes(tmp_path, suffix, codec):
    rate, seconds = Fraction(24000, 1001), 1200
    frames, last = round(seconds * rate), round(1195 * rate)
    at = float(last / rate)
    tone = f"aevalsrc='0.5*sin(2*PI*1000*t)*between(t,{at:.9f},{at + 0.5:.9f})':s=48000:d={seconds}"
    grey = f"nullsrc=s=64x48:r={rate},geq=lum='if(eq(N,{last}),235,40)':cb=128:cr=128"
    sources = ["-f", "lavfi", "-i", grey, "-f", "lavfi", "-i", tone, "-frames:v", frames]
    clip = tmp_path / f"in{'.mov' if suffix == '.mov' else '.mkv'}"
    ffmpeg(*sources, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", codec, clip)
    target = tmp_path / f"out{suffix}"
    with FrameReader(clip) as reader, FrameWriter(target, like=reader) as writer:
        for frame in reader.frames():
            writer.write(frame)
    with FrameReader(target, start_seconds=1190) as reader:
        before = Fraction(round(1190 * rate)) / rate
        bright = [before + frame.time_seconds for frame in reader.frames() if frame.picture.mean() > 0.5]
    assert float(bright[0]) == pytest.approx(at, abs=0.001)
    assert beep_starts(target, sample_rate=48000) == pytest.approx(float(bright[0]), abs=0.01)
