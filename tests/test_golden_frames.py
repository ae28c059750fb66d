"""The engine dreams what it dreamed before: twelve small frames, kept as numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden_frames import LOOK, difference, golden_frames, grid

KEPT = json.loads(Path(__file__).with_name("golden").joinpath("frames.json").read_text(encoding="utf-8"))
# Other releases of torch, OpenCV and oneDNN round otherwise, and a dream enlarges that. Means over 10x10 px differed
# by up to 0.0013 between OpenCV 4.11 and 5.0. Other releases of torch are untried.
TOLERANCE = 0.004


@pytest.fixture(scope="module")
def frames():
    return golden_frames()


@pytest.mark.parametrize("name", sorted(KEPT))
def test_a_dream_is_the_one_that_was_kept(frames, name):
    dream, frame = frames[name]
    assert difference(grid(dream), KEPT[name]["grid"]) < TOLERANCE
    assert float((dream - frame).abs().mean()) == pytest.approx(KEPT[name]["strength"], rel=0.05)


def test_every_kept_frame_is_made(frames):
    assert set(frames) == set(KEPT)


@pytest.mark.parametrize(
    "change", [{"first_steps": 2}, {"first_step_size": 0.015}, {"jitter": 12}, {"octaves": 1}],
    ids=str,
)  # fmt: skip
def test_another_look_is_out_of_tolerance(change):
    changed = golden_frames(LOOK.replace(**change))
    assert difference(grid(changed["still"][0]), KEPT["still"]["grid"]) > 1.5 * TOLERANCE
