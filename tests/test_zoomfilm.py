from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import make_clip, report

from vidream import zoom_film
from vidream.api import Progress, dream
from vidream.cli import main
from vidream.engine.dreamer import Dreamer
from vidream.errors import TargetError
from vidream.looks.preset import Preset
from vidream.media import FrameReader, write_picture
from vidream.motion.known import Motion
from vidream.rendering.progress import FilmPlan
from vidream.zoom.zoom_frames import ZoomFrames

QUICK = ["--set", "octaves=1", "--set", "first_steps=1", "--precision", "fp32", "-q", "--size", "64x48"]
BIG = (textured(120, 200)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", textured(72, 96))
    return tmp_path


def read(path):
    with FrameReader(path) as frames:
        return [frame.clone() for frame in frames]


def test_the_command_films_a_fall_from_a_picture_and_from_nothing(here, capsys):
    loud = [option for option in QUICK if option != "-q"]
    assert main(["zoom", "photo.png", "fall.mp4", "--seconds", "0.5", "--fps", "24", *loud]) == 0
    said = capsys.readouterr()
    assert said.out == "fall.mp4\n"
    for words in ("photo.png", "64x48", "24 fps", "0.50 s, 12 frames"):
        assert words in said.err
    assert "strength" not in said.err
    assert main(["zoom", "nothing.gif", "--seconds", "0.2", "--scale", "0.8", "--rotate", "0:10, 1s:30", *QUICK]) == 0
    assert [len(read(name)) for name in ("fall.mp4", "nothing.gif")] == [12, 5]


def test_the_size_of_a_picture_is_its_own_or_cropped_to_what_was_asked(here, tiny_net):
    quick = Dreamer(Preset(octaves=1, first_steps=0, steps=0), net=tiny_net)
    for size, shape in ((None, (72, 96)), (48, (36, 48)), ((32, 64), (64, 32))):
        made = zoom_film("photo.png", "out.mkv", dreamer=quick, seconds=0.04, size=size, overwrite=True)
        first = read(made.path)[0]
        assert first.shape[-2:] == shape
    expected = textured(72, 96)[..., 30:66].mean()
    assert float(first.mean()) == pytest.approx(float(expected), abs=0.02)


def test_a_fall_begins_at_the_frame_of_a_video_that_was_asked_for(here, tiny_net):
    levels = [40, 200]
    make_clip(here / "walk.mp4", 20, draw=lambda index: np.full((48, 64, 3), levels[index >= 10], np.uint8))
    quick = Dreamer(Preset(octaves=1, first_steps=0, steps=0), net=tiny_net)
    with FrameReader("walk.mp4") as clip:
        late = float(12 / clip.rate)
    zoom_film("walk.mp4", "out.mp4", dreamer=quick, seconds=0.04, start_seconds=late)
    assert float(read("out.mp4")[0].mean()) == pytest.approx(200 / 255, abs=0.03)


def test_a_stopped_zoom_keeps_its_frames(here, tiny_net):
    class Impatient(Progress):
        def frame(self, picture, frames):
            if frames == 3:
                raise KeyboardInterrupt

    quick = Dreamer(Preset(octaves=1, first_steps=1), net=tiny_net)
    made = zoom_film("photo.png", "out.mp4", dreamer=quick, seconds=60, size=64, progress=Impatient())
    assert not made.finished and made.frames == 3
    assert len(read("out.mp4")) == 3


@pytest.mark.parametrize("loop", [False, True])
def test_zoom_frames_continue_from_a_state_to_the_bit(here, tiny_net, loop):
    plan = FilmPlan("a", 64, 48, Fraction(10), 6)
    write_picture(here / "guide.png", textured(40, 40, seed=3))
    make_clip(here / "guide.mp4", 6, draw=lambda index: BIG[30:70, 10 * index : 10 * index + 40])
    for guide in ("guide.png", "guide.mp4"):
        preset = Preset(octaves=1, first_steps=2, guide=(str(here / guide),))

        def frames(preset=preset):
            quick = Dreamer(preset, net=tiny_net)
            return ZoomFrames(textured(48, 64), quick, Motion(), plan=plan, loop=loop)

        one, other = frames(), frames()
        made, states = [], []
        for frame, _ in one.frames():
            made.append(frame)
            states.append({name: value.clone() for name, value in one.state()[0].items()})
        assert len(made) == 6 and [frame.time_seconds for frame in made[:2]] == [0, Fraction(1, 10)]
        other.restore(states[1], {})
        assert other.frames_made == 2
        rest = [frame for frame, _ in other.frames()]
        assert len(rest) == 4
        assert all(torch.equal(frame.picture, again.picture) for frame, again in zip(made[2:], rest, strict=True))


def test_a_state_of_another_version_is_refused_in_one_line(tiny_net):
    quick = Dreamer(Preset(octaves=1, first_steps=0), net=tiny_net)
    plan = FilmPlan("a", 64, 48, Fraction(10), 6)
    frames = ZoomFrames(textured(48, 64), quick, Motion(scale=0.8), plan=plan)
    next(frames.frames())
    state = dict(frames.state()[0])
    state["ripeness"] = state.pop("warm_up")
    with pytest.raises(TargetError, match="another version of vidream; use overwrite=True"):
        frames.restore(state, {})


BAD = {
    "a single picture": (["out.png"], "holds one picture"),
    "no such source": (["photo.jpg", "out.mp4"], "photo.png"),
    "a speed of nothing": (["out.mp4", "--scale", "0"], "scale cannot be 0"),
    "no time": (["out.mp4", "--seconds", "0"], "0 seconds"),
    "too many frames": (["out.mp4", "--fps", "1000"], "1 to 240"),
    "too small": (["out.mp4", "--size", "8"], "32 to 16384"),
    "a loop that rests": (["out.mp4", "--loop", "--ease", "1,1"], "leave out --ease"),
    "presets that do not fade": (["out.mp4", "-p", "0:sea, 2s:multiscale"], "same channels"),
    "unknown suffix": (["out.xyz"], ".mp4"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_wishes_are_told_in_one_line_and_nothing_is_left(here, capsys, name):
    before = sorted(here.iterdir())
    arguments, says = BAD[name]
    assert main(["zoom", *arguments]) == 1
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and "Traceback" not in said
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("loop, frames", [("boomerang", 22), ("crossfade", 8)])
def test_a_clip_becomes_a_loop_without_sound(here, tiny_net, loop, frames):
    sound = ["-f", "lavfi", "-i", "sine=d=0.48"]
    make_clip(here / "walk.mp4", 12, draw=lambda index: BIG[30:102, index : index + 96], before=sound)
    quick = Dreamer(Preset(octaves=1, first_steps=1), net=tiny_net)
    made = dream("walk.mp4", "loop.mp4", dreamer=quick, loop=loop)
    pictures = read("loop.mp4")
    assert len(pictures) == made.frames == frames
    assert "Audio" in report(here / "walk.mp4") and "Audio" not in report(here / "loop.mp4")
    assert "no sound" in made.warning
    steps = [float((a - b).abs().mean()) for a, b in zip(pictures, pictures[1:] + pictures[:1], strict=True)]
    assert steps[-1] < 1.5 * float(torch.tensor(steps[:-1]).median())
