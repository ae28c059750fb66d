"""Where films may go: names of every kind are taken, or refused in one line before any work."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch
from conftest import textured
from frames_helpers import make_clip, packet_times

from vidream import api as files
from vidream.engine.dreamer import Dreamer
from vidream.errors import TargetError
from vidream.looks.preset import Preset
from vidream.media import FrameReader, FrameWriter, read_picture, write_picture
from vidream.media.codecs import CODECS, Codec
from vidream.media.delivery import Delivery
from vidream.media.disk import beside
from vidream.media.formats import FORMATS, Format, suffixes
from vidream.media.frame import Frame
from vidream.media.metadata import read_comment
from vidream.media.targets import default_target
from vidream.rendering.work_folder import WorkFolder
from vidream.zoom import zoom_film

PRESET = Preset(octaves=1, first_steps=1, steps=1, layers={"block2": 1.0})


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """10 frames, alone in the folder that is worked in."""
    monkeypatch.chdir(tmp_path)
    return make_clip(Path("a.mp4"), 10, rate=10)


@pytest.fixture
def make(tiny_net):
    return lambda preset: Dreamer(preset, net=tiny_net)


def names() -> list[str]:
    """What lies in the folder that is worked in."""
    return sorted(path.name for path in Path().iterdir())


def never(preset):
    raise AssertionError("loaded")


@pytest.mark.parametrize("name", [".", "..", "/", "folder", "folder/", "new/", "new.mp4/", "./", ""])
def test_a_folder_as_the_target_is_refused_before_any_work(clip, name):
    Path("folder").mkdir()
    for make_film in (
        lambda: files.dream(clip, name, make_dreamer=never),
        lambda: files.dream(clip, name, make_dreamer=never, resume=True, sidecar=True),
        lambda: zoom_film(None, name, make_dreamer=never),
        lambda: FrameWriter(name),
    ):
        with pytest.raises(TargetError, match=r"folder|no name") as caught:
            make_film()
        assert "\n" not in str(caught.value)
    assert names() == ["a.mp4", "folder"] and not any(Path("folder").iterdir())


@pytest.mark.parametrize("suffix", [suffix for suffix in suffixes("picture") if suffix != ".webp"])
def test_a_film_into_a_single_picture_is_refused_before_any_work(clip, suffix):
    write_picture("still.png", textured(32, 32))
    for make_film in (
        lambda: files.dream(clip, f"z{suffix}", make_dreamer=never),
        lambda: files.dream("still.png", f"z{suffix}", duration_seconds=1, make_dreamer=never),
        lambda: files.dream(clip, "z.mp4", record_steps=f"z{suffix}", make_dreamer=never),
        lambda: zoom_film("still.png", f"z{suffix}", make_dreamer=never),
    ):
        with pytest.raises(TargetError, match=r'holds one picture.* write to "z-%04d'):
            make_film()
    assert names() == ["a.mp4", "still.png"]


def test_a_long_name_has_room_for_its_helpers(clip, make, monkeypatch):
    long = Path("n" * 241 + ".mp4")
    clip.rename(long)
    made = files.dream(long, preset=PRESET, make_dreamer=make, sidecar=True)
    assert made.frames == 10 and made.path.name == "n" * 241 + "-dream.mp4"
    longest = Path("m" * 251 + ".mp4")

    class Stops(files.Progress):
        def frame(self, picture, frames):
            if frames == 3:
                raise KeyboardInterrupt

    assert not files.dream(long, longest, preset=PRESET, make_dreamer=make, progress=Stops()).finished
    assert files.dream(long, longest, preset=PRESET, make_dreamer=make, resume=True, sidecar=True).frames == 10
    assert longest.name in names() and len(names()) == 5
    with pytest.raises(TargetError, match="name has 256 bytes; allowed are 255"):
        files.dream(long, "m" * 252 + ".mp4", make_dreamer=never)
    assert len(default_target(Path("夢" * 83 + ".mp4"), "video").name.encode()) <= 255


def test_helpers_of_two_long_names_are_two():
    one, two = (beside(Path("n" * 250 + end), ".vidream") for end in ("1.mp4", "2.mp4"))
    assert one != two and len(one.name) == len(two.name) == 255
    assert beside(Path("a.mp4"), ".vidream") == Path("a.mp4.vidream")


def test_a_second_run_on_the_same_target_is_told_of_the_first(clip, make):
    said = []

    class Looks(files.Progress):
        def frame(self, picture, frames):
            if frames != 2:
                return
            for options in ({}, {"resume": True}, {"overwrite": True}):
                with pytest.raises(TargetError) as caught:
                    files.dream(clip, "z.mp4", preset=PRESET, make_dreamer=make, **options)
                said.append(str(caught.value))

    assert files.dream(clip, "z.mp4", preset=PRESET, make_dreamer=make, progress=Looks()).frames == 10
    assert said == ['"z.mp4": another run is at work on it; wait for it, or stop it'] * 3


def test_a_folder_of_a_run_that_is_gone_is_free(tmp_path):
    with WorkFolder(tmp_path / "a.mp4") as one:
        one.open({"seed": 0})
    with WorkFolder(tmp_path / "a.mp4") as two:
        two.open({"seed": 0})


def test_a_size_that_nothing_fits_into_is_said_in_true_words(clip, make):
    with pytest.raises(TargetError, match=r'"z.gif" .* into 1 kB: at its smallest it has \d\.?\d* kB; allow more'):
        files.dream(clip, "z.gif", preset=PRESET, make_dreamer=make, max_bytes=1000)
    assert not Path("z.gif").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_is_no_target(clip, make):
    with pytest.raises(TargetError, match="cannot be written"):
        files.dream(clip, "/dev/full", make_dreamer=never)
    Path("z.mp4").symlink_to("/dev/full")
    with pytest.raises(TargetError, match="already there"):
        files.dream(clip, "z.mp4", make_dreamer=never)
    files.dream(clip, "z.mp4", preset=PRESET, make_dreamer=make, overwrite=True)
    assert not Path("z.mp4").is_symlink() and len(packet_times(Path("z.mp4"))) == 11


def test_a_limit_that_cannot_be_kept_leaves_no_folder(tmp_path):
    (tmp_path / "s").mkdir()
    write_picture(tmp_path / "s" / "01.png", torch.rand(1, 3, 48, 64))
    with FrameReader(tmp_path / "s" / "%02d.png") as reader, pytest.raises(TargetError, match="has no size limit"):
        FrameWriter(tmp_path / "s-dream" / "%02d.png", like=reader, max_bytes=1000)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_new_output_format_is_a_row(tmp_path, monkeypatch):
    mjpeg = Codec("mjpeg", "mjpeg", lambda *_: ["-q:v", "3", "-strict", "-1"], {8: "yuv420p"}, segment_suffix=".mkv")
    monkeypatch.setitem(CODECS, "mjpeg", mjpeg)
    row = Format(".avi", ("video",), ("mjpeg",), copied_sound=("mp3",), sound_encoder="libmp3lame")
    monkeypatch.setitem(FORMATS, ".avi", row)
    clip = make_clip(tmp_path / "a.mp4", 6, "-c:a", "aac", rate=10, before=["-f", "lavfi", "-i", "sine=d=0.6"])
    with WorkFolder(tmp_path / "b.avi") as work, FrameReader(clip) as reader:
        with FrameWriter(tmp_path / "b.avi", like=reader, work=work) as writer:
            for frame in reader.frames():
                writer.write(frame, new_shot=frame.time_seconds == Fraction(3, 10))
        work.finished()
    assert writer.warning is None
    with FrameReader(tmp_path / "b.avi") as back:
        assert (len(list(back)), back.rate, back.has_audio) == (6, 10, True)


def test_a_picture_by_another_suffix_of_its_kind_is_a_row(tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, ".jfif", Format(".jfif", ("picture",), picture_encoder=".jpg", comment="jpeg"))
    picture = textured(32, 32)
    for quality in (95, 10):
        with FrameWriter(tmp_path / f"{quality}.jfif", delivery=Delivery(quality=quality)) as writer:
            writer.comment = "by us"
            writer.write(picture)
    assert (read_picture(tmp_path / "95.jfif") - picture).abs().mean() < 0.06
    assert (tmp_path / "10.jfif").stat().st_size < (tmp_path / "95.jfif").stat().st_size
    assert read_comment(tmp_path / "95.jfif") == "by us"


def test_alpha_travels_with_its_frame(tmp_path):
    picture, alpha = textured(32, 32), torch.zeros(1, 1, 32, 32)
    alpha[..., :16] = 1
    with FrameWriter(tmp_path / "%d.png", total_frames=2) as writer:
        writer.write(Frame(picture * alpha, alpha))
        writer.write(picture)
    with FrameReader(tmp_path / "1.png") as reader:
        (frame,) = reader.frames()
        assert torch.equal(frame.alpha, alpha)
    assert (read_picture(tmp_path / "2.png") - picture).abs().max() < 0.01
    with FrameReader(tmp_path / "2.png") as reader:
        assert not reader.has_alpha
