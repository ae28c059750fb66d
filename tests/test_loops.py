from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from conftest import textured

from vidream.dreamer import Dreamer
from vidream.films.loops import looped
from vidream.preset import Preset
from vidream.zoom.loop import zoom_loop
from vidream.zoom.motion import Motion
from vidream.zoom.resampling import resample

PRESET = Preset(octaves=2, first_steps=6, first_step_size=0.006, step_size=0.004, jitter=8)
RATE = 15


class Shelf:
    """A writer that keeps what it is given."""

    rate = Fraction(10)

    def __init__(self, folder):
        self.path = Path(folder, "out.mp4")
        self.pictures = []

    def write(self, picture):
        self.pictures.append(picture)

    @property
    def greys(self):
        return [round(float(picture.mean()) * 255) for picture in self.pictures]


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
    # It is a fall and no standstill: half the loop later the frame is another one.
    assert float((frames[0] - frames[22]).abs().mean()) > 0.05


def test_a_loop_from_a_picture_begins_with_it(tiny_net):
    picture = textured(48, 64)
    first = next(zoom_loop(picture, Dreamer(PRESET.replace(first_steps=0), net=tiny_net), seconds=2, rate=RATE))
    assert torch.allclose(first, picture, atol=1e-5)


def test_a_boomerang_comes_back_without_standing_still_at_its_ends(tmp_path):
    shelf = Shelf(tmp_path)
    with looped(shelf, "boomerang") as write:
        for value in (10, 20, 30, 40):
            write(grey(value))
    assert shelf.greys == [10, 20, 30, 40, 30, 20]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("values", [[10], [10, 20]])
def test_a_boomerang_of_hardly_anything_is_that(tmp_path, values):
    shelf = Shelf(tmp_path)
    with looped(shelf, "boomerang") as write:
        for value in values:
            write(grey(value))
    assert shelf.greys == values


@pytest.mark.parametrize("known, overlap", [(30, 10), (None, 10), (18, 6)])
def test_a_crossfade_blends_the_end_into_the_beginning_along_the_whole_overlap(tmp_path, known, overlap):
    shelf, count = Shelf(tmp_path), known or 30
    with looped(shelf, "crossfade", frames=known) as write:
        for value in range(count):
            write(grey(100 + value))
    assert len(shelf.greys) == count - overlap
    straight = [100 + value for value in range(overlap, count - overlap)]
    assert shelf.greys[: len(straight)] == straight
    faded = shelf.greys[len(straight) :]
    # It leaves the end's frames where they were, and hands over to the frame after the beginning's.
    assert faded[0] == pytest.approx(100 + count - overlap, abs=2)
    assert faded[-1] == pytest.approx(100 + overlap - 1, abs=2)
    assert max(abs(a - b) for a, b in itertools.pairwise(faded)) < 0.4 * count


@pytest.mark.parametrize("count", [1, 2, 5, 15])
def test_a_crossfade_that_was_stopped_early_is_a_loop_all_the_same(tmp_path, count):
    shelf = Shelf(tmp_path)
    with looped(shelf, "crossfade", frames=100) as write:
        for value in range(count):
            write(grey(100 + value))
    assert len(shelf.greys) == count - count // 3


def test_no_loop_is_the_film_as_it_comes(tmp_path):
    shelf = Shelf(tmp_path)
    with looped(shelf, None) as write:
        write(grey(10))
        assert shelf.greys == [10]
    with pytest.raises(ValueError, match="boomerang, crossfade"), looped(shelf, "round"):
        pass
