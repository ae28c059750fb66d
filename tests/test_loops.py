from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
import torch
from conftest import textured

from vidream.engine.dreamer import Dreamer
from vidream.looks.preset import Preset
from vidream.media import FrameCache
from vidream.motion.known import Motion
from vidream.motion.resampling import resample
from vidream.rendering.clip_loops import ClipLoop
from vidream.zoom.seamless_loop import zoom_loop

PRESET = Preset(octaves=2, first_steps=6, first_step_size=0.006, step_size=0.004, jitter=8, evenness=0)
RATE = 15


def grey(value):
    return torch.full((1, 3, 16, 16), value / 255)


def steps_of_a_loop(frames, motion):
    """How much each frame differs from the one before it, moved; the last step is from the end to the beginning."""
    height, width = frames[0].shape[-2:]
    motion, found = motion.looped(len(frames) / RATE), []
    for number, frame in enumerate(frames):
        pull = motion.pull(number / RATE, (number + 1) / RATE, width, height)
        seen = resample(torch.ones_like(frame), pull, mode="bilinear", outside="zeros") > 0.99
        difference = (resample(frame, pull) - frames[(number + 1) % len(frames)]).abs()
        found.append(float(difference[seen].mean()))
    return torch.tensor(found)


@pytest.mark.parametrize("from_picture", [False, True], ids=["nothing", "picture"])
@pytest.mark.parametrize(
    "motion",
    [Motion(scale=1.4), Motion(scale=1.3, rotate=40, drift=0.1), Motion(scale=0.8), Motion(scale=1, pan_x=0.1)],
    ids=["in", "turning", "out", "pan"],
)
def test_no_zoom_loop_shows_its_seam(tiny_net, motion, from_picture):
    made = zoom_loop(
        textured(48, 64), Dreamer(PRESET, net=tiny_net), motion, seconds=3, rate=RATE, begin_at_picture=from_picture
    )
    frames = list(made)
    assert len(frames) == 45
    steps = steps_of_a_loop(frames, motion)
    assert steps[-1] <= 1.1 * steps[:-1].median()
    # The way back is spread over half the loop.
    assert steps[-22:].max() <= 2.2 * steps[-22:].mean()
    # It is a fall and no standstill: half the loop later the frame is another one.
    assert float((frames[0] - frames[22]).abs().mean()) > 0.05


def test_a_loop_from_a_picture_begins_with_it(tiny_net):
    picture = textured(48, 64)
    first = next(zoom_loop(picture, Dreamer(PRESET.replace(first_steps=0), net=tiny_net), seconds=2, rate=RATE))
    assert torch.allclose(first, picture, atol=1e-5)


def shown_greys(path, kind, values, *, known=None, broken_after=None):
    """The greys that a looped clip shows; broken off and taken up again after `broken_after` frames."""

    def open_loop(frames):
        return ClipLoop(kind, FrameCache(path, 16, 16, frames=frames), rate=Fraction(10), frames=known)

    loop, shown = open_loop(0), []
    for number, value in enumerate(values):
        if number == broken_after:
            loop = open_loop(number)
        shown += loop.take(grey(value))
    shown += loop.rest(len(shown))
    return [round(float(picture.mean()) * 255) for picture in shown]


@pytest.mark.parametrize("broken_after", [None, 1, 3])
def test_a_boomerang_goes_there_and_back_and_shows_its_ends_once(tmp_path, broken_after):
    greys = shown_greys(tmp_path / "pile", "boomerang", [10, 20, 30, 40], broken_after=broken_after)
    assert greys == [10, 20, 30, 40, 30, 20]


@pytest.mark.parametrize("values", [[10], [10, 20]])
def test_a_boomerang_of_hardly_anything_is_that(tmp_path, values):
    assert shown_greys(tmp_path / "pile", "boomerang", values) == values


@pytest.mark.parametrize("broken_after", [None, 4, 25])
@pytest.mark.parametrize("known, overlap", [(30, 10), (None, 10), (18, 6)])
def test_a_crossfade_blends_the_end_into_the_beginning_along_the_whole_overlap(tmp_path, known, overlap, broken_after):
    count = known or 30
    values = [100 + value for value in range(count)]
    greys = shown_greys(tmp_path / "pile", "crossfade", values, known=known, broken_after=broken_after)
    assert len(greys) == count - overlap
    straight = values[overlap : count - overlap]
    assert greys[: len(straight)] == straight
    faded = greys[len(straight) :]
    # It leaves the end's frames where they were, and hands over to the frame after the beginning's.
    assert faded[0] == pytest.approx(100 + count - overlap, abs=2)
    assert faded[-1] == pytest.approx(100 + overlap - 1, abs=2)
    assert max(abs(a - b) for a, b in itertools.pairwise(faded)) < 0.4 * count


@pytest.mark.parametrize("count", [1, 2, 5, 15])
def test_a_crossfade_that_was_stopped_early_is_a_loop_all_the_same(tmp_path, count):
    values = [100 + value for value in range(count)]
    assert len(shown_greys(tmp_path / "pile", "crossfade", values, known=100)) == count - count // 3


def test_another_kind_of_loop_is_refused(tmp_path):
    with pytest.raises(ValueError, match="boomerang, crossfade"):
        ClipLoop("round", FrameCache(tmp_path / "pile", 16, 16), rate=Fraction(10))
