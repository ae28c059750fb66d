from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import beep_starts, make_clip, packet_times, psnr

import vidream
from vidream import api as files
from vidream.engine.dreamer import Dreamer
from vidream.errors import NetError, SourceError, TargetError
from vidream.looks.preset import Preset
from vidream.media import FrameReader, FrameWriter, write_picture
from vidream.networks import dreamnet

PRESET = Preset(octaves=2, first_steps=2, jitter=8, layers={"block2": 1.0})
BIG = (textured(120, 200)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


def panned(index: int) -> np.ndarray:
    return BIG[30:102, index : index + 96]


@pytest.fixture
def clip(tmp_path):
    """20 frames at 30000/1001 with a beep from 0.3 s on."""
    beep = ["-f", "lavfi", "-i", "aevalsrc='gt(t,0.3)*sin(880*2*PI*t)':d=0.66"]
    return make_clip(tmp_path / "walk.mp4", 20, "-c:a", "aac", rate="30000/1001", draw=panned, before=beep)


@pytest.fixture
def make(tiny_net):
    return lambda preset: Dreamer(preset, net=tiny_net)


def test_a_film_keeps_its_frames_rate_size_and_sound(clip, make):
    made = files.dream(clip, preset=PRESET, make_dreamer=make)
    assert made.path == clip.with_name("walk-dream.mp4")
    assert made.frames == 20 and made.rate == Fraction(30000, 1001) and made.finished
    with FrameReader(made.path) as back:
        assert (back.rate, back.width, back.height) == (Fraction(30000, 1001), 96, 72)
        assert len(list(back)) == 20
    assert float(packet_times(made.path)[-1]) == pytest.approx(20 * 1001 / 30000, abs=0.02)
    assert beep_starts(made.path) == pytest.approx(beep_starts(clip), abs=0.03)


def test_what_is_written_is_what_was_dreamed(clip, make, tiny_net):
    made = files.dream(clip, preset=PRESET, make_dreamer=make)
    dreams = list(vidream.dream_frames(FrameReader(clip), Dreamer(PRESET, net=tiny_net)))
    with FrameReader(made.path) as back, FrameReader(clip) as source:
        for dream, read, frame in zip(dreams, back, source, strict=True):
            assert psnr(read, dream.cpu()) > 28 > psnr(frame, dream.cpu()) - 20
            assert psnr(read, dream.cpu()) > psnr(read, frame)


def test_figures_are_those_of_the_film(clip, make, tiny_net):
    made = files.dream(clip, preset=PRESET, make_dreamer=make)
    frames = list(FrameReader(clip))
    dreams = list(vidream.dream_frames(frames, Dreamer(PRESET, net=tiny_net)))
    by_hand = sum(float((d.cpu() - f).abs().mean()) for d, f in zip(dreams, frames, strict=True)) / 20
    assert made.strength == pytest.approx(by_hand, rel=1e-4)
    assert made.warp_error is not None and made.warp_error > 0


def test_pictures_gifs_and_numbered_pictures_come_back_as_what_they_were(tmp_path, make):
    picture = textured(64, 80)
    write_picture(tmp_path / "one.png", picture)
    (tmp_path / "shots").mkdir()
    for index in range(3):
        write_picture(tmp_path / "shots" / f"{index + 1:04d}.png", textured(48, 64, seed=index))
    gif = make_clip(tmp_path / "anim.gif", 4, rate=10, draw=panned)
    for source, name, frames in [
        (tmp_path / "one.png", "one-dream.png", 1),
        (tmp_path / "shots" / "%04d.png", "shots-dream/%04d.png", 3),
        (gif, "anim-dream.gif", 4),
    ]:
        made = files.dream(source, preset=PRESET, make_dreamer=make)
        assert (made.path, made.frames) == (tmp_path / name, frames)
        with FrameReader(made.path) as back:
            assert len(list(back)) == frames
    assert len(list((tmp_path / "shots-dream").iterdir())) == 3


def test_a_still_picture_held_for_a_while_becomes_a_film(tmp_path, make):
    write_picture(tmp_path / "one.png", textured(64, 80))
    made = files.dream(tmp_path / "one.png", preset=PRESET, duration_seconds=0.4, fps=10, make_dreamer=make)
    assert made.path.name == "one-dream.mp4" and made.frames == 4


def test_one_net_is_loaded_for_a_whole_film(clip, monkeypatch):
    loads = []
    load = dreamnet.load_dreamnet
    monkeypatch.setattr(dreamnet, "load_dreamnet", lambda path: loads.append(path) or load(path))
    files.dream(clip, preset=Preset(octaves=1, first_steps=1))
    assert len(loads) == 1


def test_a_film_of_a_hundred_frames_leaves_no_other_file(clip, make, tmp_path, monkeypatch):
    seen = set()

    class Watch(files.Progress):
        def frame(self, picture, frames):
            seen.update(path.suffix for path in tmp_path.rglob("*.*"))

    files.dream(clip, preset=PRESET, make_dreamer=make, progress=Watch())
    # No frame has a file of its own, and none is stored raw.
    assert {".mp4", ".vidream", ".json"} <= seen <= {".mp4", ".vidream", ".json", ".safetensors", ".part"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["walk-dream.mp4", "walk.mp4"]


def test_the_same_command_gives_the_same_file(clip, make, tmp_path):
    one, two = (files.dream(clip, tmp_path / name, preset=PRESET, make_dreamer=make) for name in ("1.mp4", "2.mp4"))
    with FrameReader(one.path) as a, FrameReader(two.path) as b:
        assert all(torch.equal(left, right) for left, right in zip(a, b, strict=True))


def test_an_interrupt_finishes_the_file_with_the_frames_made(clip, make):
    class Impatient(files.Progress):
        def frame(self, picture, frames):
            if frames == 7:
                raise KeyboardInterrupt

    made = files.dream(clip, preset=PRESET, make_dreamer=make, progress=Impatient())
    assert (made.frames, made.finished) == (7, False)
    with FrameReader(made.path) as back:
        assert len(list(back)) == 7


def test_an_interrupt_before_the_first_frame_leaves_nothing(clip, make, tmp_path):
    class Hasty(files.Progress):
        def started(self, reader, dreamer):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.dream(clip, preset=PRESET, make_dreamer=make, progress=Hasty())
    assert [path.name for path in tmp_path.iterdir()] == ["walk.mp4"]


def test_trouble_of_every_kind_leaves_nothing_behind(clip, tmp_path, tiny_net):
    def broken(preset):
        raise NetError("no such layer")

    (tmp_path / "there.mp4").write_bytes(b"mine")
    work = lambda preset: Dreamer(preset, net=tiny_net)  # noqa: E731
    for error, target, options in [
        (NetError, "a.mp4", {"make_dreamer": broken}),
        (TargetError, "there.mp4", {"make_dreamer": work}),
        (TargetError, "nowhere/a.mp4", {"make_dreamer": work}),
        (TargetError, "a.xyz", {"make_dreamer": work}),
        (SourceError, "a.mp4", {"make_dreamer": work, "start_seconds": 99.0}),
    ]:
        with pytest.raises(error):
            files.dream(clip, tmp_path / target, preset=PRESET, **options)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["there.mp4", "walk.mp4"]
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"


def test_the_python_example_of_the_readme_works(clip, tmp_path, tiny_net):
    dreamer = Dreamer(PRESET.replace(octaves=1), net=tiny_net)
    with FrameReader(clip, size=64) as frames, FrameWriter(tmp_path / "out.mp4", like=frames) as out:
        for picture in itertools.islice(vidream.dream_frames(frames, dreamer), 3):
            out.write(picture)
    with FrameReader(tmp_path / "out.mp4") as back:
        assert (back.width, len(list(back))) == (64, 3)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads resident memory as Linux gives it")
def test_memory_does_not_grow_over_2000_frames(tmp_path):
    wide = (textured(110, 2200)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    clip = make_clip(tmp_path / "long.mp4", 2000, draw=lambda index: wide[10:100, index : index + 160])
    pages = {}

    class Watch(files.Progress):
        def frame(self, picture, frames):
            if frames in (200, 2000):
                pages[frames] = int(Path("/proc/self/statm").read_text().split()[1])

    assert files.dream(clip, progress=Watch()).frames == 2000
    assert pages[2000] < 1.05 * pages[200]
