"""How large a live dream may be: quick to lower, slow to raise, and then at rest."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from vidream.live.budget import AdaptiveResolution

BUDGET_SECONDS = 1 / 14


class Machine:
    """A machine on which a step takes so long a pixel; it dreams at the level of `budget`, in its own time."""

    def __init__(self, seconds_a_pixel: float, **changes) -> None:
        settings = {"octaves": 8, "octave_scale": 1.4, "finest": 1.0, "steps": 1, "target_fps": 30.0}
        self.budget = AdaptiveResolution((360, 640), max_latency_seconds=0.1, **{**settings, **changes})
        self.seconds_a_pixel = seconds_a_pixel
        self.now = 0.0
        self.noise = random.Random(1)
        self.pictures = {"picture_fps": 30.0, "dropped_share": 0.0, "latency_seconds": 0.02}

    @property
    def took(self) -> float:
        level = self.budget.level
        area = level.side_px * level.side_px * 360 / 640 * (1 - 1.96**-level.octaves) / (1 - 1 / 1.96)
        return level.steps * (area + 15_000 * level.octaves) * self.seconds_a_pixel

    def run(self, seconds: float, *, noise: float = 0.0) -> None:
        until = self.now + seconds
        while self.now < until:
            took = self.took * (1 + noise * self.noise.uniform(-1, 1))
            self.now += max(took, 1 / 30)
            self.budget.note_dream(took)
            self.budget.decide(self.now, **self.pictures)

    def changes_after(self, seconds: float) -> int:
        return sum(decision.at_seconds > seconds for decision in self.budget.decisions)


@pytest.mark.parametrize("seconds_a_pixel", [2e-8, 1e-7, 4e-7, 1e-6])
def test_it_finds_what_fits_and_stays_there(seconds_a_pixel):
    machine = Machine(seconds_a_pixel)
    machine.run(90, noise=0.15)
    level, took = machine.budget.level, machine.took
    assert took < 1.1 * BUDGET_SECONDS
    assert took > 0.4 * BUDGET_SECONDS or level.side_px == 640
    # A level that fits by a hair may be found late; nothing goes up and down.
    assert machine.changes_after(20) <= 1 and machine.changes_after(45) == 0, list(machine.budget.decisions)
    sides = [each.side_px for each in machine.budget.levels]
    assert sides == sorted(sides) and sides[-1] == 640


def test_the_first_guess_comes_within_a_second():
    machine = Machine(2e-8)
    machine.run(1.0)
    assert machine.budget.level.side_px == 640


def test_it_is_quick_to_lower_and_slow_to_raise():
    machine = Machine(2e-7)
    machine.run(30)
    before, since = machine.budget.level, machine.now
    machine.seconds_a_pixel *= 4
    machine.run(5)
    assert machine.took < 1.1 * BUDGET_SECONDS
    assert machine.budget.decisions[-1].at_seconds - since < 4
    machine.seconds_a_pixel /= 4
    since = machine.now
    machine.run(120)
    assert machine.budget.level == before
    raised = [decision.at_seconds for decision in machine.budget.decisions if decision.at_seconds > since]
    assert min(later - sooner for sooner, later in pairwise(raised)) >= 3


def test_a_level_that_was_too_slow_is_tried_less_and_less_often():
    machine = Machine(2e-7)
    machine.run(20)
    settled = machine.budget.level
    tries = []
    for second in range(600):
        # A trap: the level above promises to fit, and then it does not.
        above = machine.budget.level.side_px > settled.side_px
        machine.seconds_a_pixel = 2e-7 * (2.0 if above else 0.55)
        machine.run(1)
        if above and (not tries or second - tries[-1] > 2):
            tries.append(second)
    waits = [later - sooner for sooner, later in pairwise(tries)]
    assert len(tries) <= 7 and waits == sorted(waits), tries


def test_pictures_that_come_late_or_are_dropped_lower_it_but_a_slow_camera_does_not():
    for trouble in ({"latency_seconds": 0.2}, {"picture_fps": 20.0, "dropped_share": 0.3}):
        machine = Machine(1e-8)
        machine.run(10)
        assert machine.budget.level.side_px == 640
        machine.pictures |= trouble
        machine.run(8)
        assert machine.budget.level.side_px < 640
    machine = Machine(1e-8)
    machine.pictures["picture_fps"] = 7.5
    machine.run(20)
    assert machine.budget.level.side_px == 640


def test_steps_come_last_and_a_look_bounds_its_size():
    machine = Machine(1e-8, steps=3, finest=0.5, octaves=2)
    machine.run(30)
    level = machine.budget.level
    assert (level.side_px, level.octaves, level.steps) == (320, 2, 3)


def test_a_look_taken_later_begins_at_the_size_that_was_found():
    machine = Machine(2e-7)
    machine.run(20)
    follower = Machine(2e-7, octaves=1, start=machine.budget.level)
    assert follower.budget.level.side_px == machine.budget.level.side_px
