"""A dream that keeps up with a camera, and never makes the picture wait."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from conftest import make_tiny_net, textured
from live_helpers import wait_until

from vidream.engine.dreamer import Dreamer
from vidream.errors import NetError, PresetError, VidreamError
from vidream.live.budget import Level
from vidream.live.live_dream import LiveDream
from vidream.live.tracking import MotionPath, MotionTracker, no_motion
from vidream.live.update import LiveMoment, composed, updated
from vidream.looks.preset import Preset

PRESET = Preset(octaves=1, step_size=0.02, jitter=4)


def tiny_dreamer(preset: Preset = PRESET) -> Dreamer:
    return Dreamer(preset, net=make_tiny_net())


def moved(picture, px: int):
    return torch.roll(picture, px, dims=-1)


def show_for(live: LiveDream, frame, *, dreams: int):
    """Show `frame` again and again until so many more dreams are finished; returns the last picture."""
    wanted = live.figures.dreams + dreams
    while live.figures.dreams < wanted:
        live.show(frame, time.monotonic())
        time.sleep(0.005)
    return live.show(frame, time.monotonic())


class Held:
    """A dreamer's net whose work can be held up, as on a slow machine."""

    def __init__(self, monkeypatch, net) -> None:
        self.go_on = threading.Event()
        self.go_on.set()
        self.waiting = threading.Event()
        work = net.features

        def features(picture, layers):
            if not self.go_on.is_set():
                self.waiting.set()
                assert self.go_on.wait(30)
            return work(picture, layers)

        monkeypatch.setattr(net, "features", features)


def test_the_picture_is_the_frame_until_the_first_dream_is_done():
    frame = textured(48, 64)
    with LiveDream(tiny_dreamer()) as live:
        assert torch.equal(live.show(frame, time.monotonic()), frame)
        picture = show_for(live, frame, dreams=5)
        assert 0.01 < float((picture - frame).abs().mean()) < 0.3
        figures = live.figures
    assert (figures.width, figures.height) == (64, 48)
    assert (figures.dreamed_width, figures.octaves, figures.steps) == (64, 1, 1)
    assert figures.pictures > 5 and figures.dreams >= 5 and figures.latency_p95_ms < 1000


def test_the_picture_never_waits_for_a_dream(monkeypatch):
    dreamer = tiny_dreamer()
    held = Held(monkeypatch, dreamer.net)
    frame = textured(48, 64)
    with LiveDream(dreamer) as live:
        show_for(live, frame, dreams=3)
        held.go_on.clear()
        live.show(frame)
        assert held.waiting.wait(10)
        dreams = live.figures.dreams
        pictures = [live.show(moved(frame, index), time.monotonic()) for index in range(30)]
        assert live.figures.dreams == dreams, "the dream was not held up"
        held.go_on.set()
        # Thirty frames came meanwhile; what is dreamed next is the newest, and then nothing is left to do.
        wait_until(lambda: live.figures.dreams == dreams + 2)
        time.sleep(0.1)
        assert live.figures.dreams == dreams + 2
    assert all(float((p - moved(frame, i)).abs().mean()) > 0.005 for i, p in enumerate(pictures[:5]))


def test_the_dream_moves_with_what_it_was_dreamed_on(monkeypatch):
    dreamer = tiny_dreamer()
    held = Held(monkeypatch, dreamer.net)
    frame = textured(96, 128)
    with LiveDream(dreamer) as live:
        residual = show_for(live, frame, dreams=8) - frame
        held.go_on.clear()
        for px in range(1, 7):
            current = moved(frame, 2 * px)
            picture = live.show(current)
        held.go_on.set()
    inside = (..., slice(16, -16), slice(32, -16))
    carried = (picture - current)[inside]

    def likeness(other):
        return float(F.cosine_similarity(carried.flatten(), other[inside].flatten(), dim=0))

    assert likeness(moved(residual, 12)) > 0.8
    assert likeness(residual) < 0.4


def test_a_dream_lives_on_where_nothing_moves():
    frame = textured(48, 64)
    dreamer = tiny_dreamer()
    last, residuals = None, []
    for number in range(160):
        moment = LiveMoment(number / 15, 1 / 15)
        last = updated(dreamer, frame, last, Level(64, 1, 1), number=number, moment=moment)
        last = replace(last, path=no_motion(frame))
        residuals.append(last.residual)
    steps = [float((b - a).abs().mean()) for a, b in pairwise(residuals[99:])]
    strengths = [float(residual.abs().mean()) for residual in residuals[100:]]
    # Gently: far less from one update to the next than over a few seconds, and never brighter or paler at once.
    assert float((residuals[-1] - residuals[100]).abs().mean()) > 2 * max(steps)
    assert max(strengths) < 1.15 * min(strengths)


def test_another_size_is_taken_up_without_a_jump():
    frame = textured(96, 128)
    dreamer, last = tiny_dreamer(), None
    shown = []
    for number in range(60):
        level = Level(128 if number < 25 or number >= 50 else 80, 1, 1)
        last = updated(dreamer, frame, last, level, number=number, moment=LiveMoment(0.0, 0.0))
        last = replace(last, path=no_motion(frame))
        shown.append(composed(PRESET, frame, last, strength=1.0))
    changes = [float((after - before).abs().mean()) for before, after in pairwise(shown)]
    assert max(changes[20:]) < 3 * max(changes[20:24])


def test_strength_freeze_and_reset():
    frame = textured(48, 64)
    with LiveDream(tiny_dreamer()) as live:
        plain = show_for(live, frame, dreams=6)
        live.strength = 0
        assert torch.equal(live.show(frame), frame)
        live.strength = 5
        assert live.strength == 2.0
        strong = live.show(frame)
        assert float((strong - frame).abs().mean()) > 1.3 * float((plain - frame).abs().mean())
        live.freeze = True
        held = live.show(frame)
        assert torch.equal(live.show(moved(frame, 9)), held)
        live.freeze = False
        assert not torch.equal(live.show(moved(frame, 1)), held)


def test_a_reset_forgets_the_dream_that_is_being_made_as_well(monkeypatch):
    dreamer, frame = tiny_dreamer(), textured(48, 64)
    slow = Held(monkeypatch, dreamer.net)
    with LiveDream(dreamer) as live:
        grown = show_for(live, frame, dreams=12)
        slow.go_on.clear()
        live.show(frame)
        assert slow.waiting.wait(10)
        dreams = live.figures.dreams
        live.reset()
        assert torch.equal(live.show(frame), frame)
        slow.go_on.set()
        # The one that was held up is thrown away; the next one begins from the bare frame.
        wait_until(lambda: live.figures.dreams == dreams + 2)
        fresh = live.show(frame)
        assert 0 < float((fresh - frame).abs().mean()) < 0.6 * float((grown - frame).abs().mean())


def test_a_cut_begins_a_new_dream():
    tracker = MotionTracker(None, resets_on_cut=True)
    assert tracker.step(torch.zeros(1, 3, 48, 64)) is None
    assert tracker.step(torch.zeros(1, 3, 48, 64)) is not None
    assert tracker.step(torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(3))) is None
    frame, other = textured(48, 64), 1 - textured(48, 64, seed=5)
    with LiveDream(tiny_dreamer()) as live:
        show_for(live, frame, dreams=3)
        assert torch.equal(live.show(other), other)


def test_joined_paths_lead_as_far_as_their_steps():
    def path(px):
        return MotionPath(torch.full((1, 2, 20, 30), px), torch.full((1, 1, 20, 30), 0.5))

    joined = path(1.5).then(path(2.0))
    assert torch.allclose(joined.flow, torch.full_like(joined.flow, 3.5))
    assert torch.allclose(joined.mask, torch.full_like(joined.mask, 0.25))
    flow, mask = joined.at(40, 60)
    assert flow.shape == (1, 2, 40, 60) and torch.allclose(flow, torch.full_like(flow, 7.0))
    assert mask.shape == (1, 1, 40, 60)


def test_another_look_keeps_the_network_and_a_look_that_fails_keeps_the_old_one():
    frame = textured(48, 64)
    with LiveDream(tiny_dreamer()) as live:
        show_for(live, frame, dreams=3)
        net = live.nets[0]
        live.change(live.preset.replace(layers={"block3": 1.0}))
        assert live.nets[0] is net and live.preset.layers == {"block3": 1.0}
        show_for(live, frame, dreams=2)
        with pytest.raises(NetError, match="no layer"):
            live.change(live.preset.replace(layers={"nothing": 1.0}))
        with pytest.raises(PresetError, match="no preset"):
            live.change("nothing")
        assert live.preset.layers == {"block3": 1.0}
        show_for(live, frame, dreams=2)


def test_networks_are_traced_while_others_run():
    dreamer = tiny_dreamer()
    errors, done = [], threading.Event()

    def dream() -> None:
        try:
            while not done.is_set():
                dreamer(textured(48, 64), steps=1)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=dream) for _ in range(2)]
    for thread in threads:
        thread.start()
    # torch.fx changes every module of the process while it traces one.
    for seed in range(6):
        make_tiny_net(seed=seed).features(textured(32, 32), ["block2", "block3"])
    done.set()
    for thread in threads:
        thread.join()
    assert not errors


def test_an_error_of_the_dream_is_raised_where_pictures_are_asked_for(monkeypatch):
    dreamer = tiny_dreamer()
    monkeypatch.setattr(dreamer.net, "features", lambda *_: 1 / 0)
    with LiveDream(dreamer) as live, pytest.raises(VidreamError, match="the dream stopped: division by zero"):
        for _ in range(1000):
            live.show(textured(48, 64))
            time.sleep(0.01)


def test_its_thread_ends_with_it_and_frames_may_change_their_size():
    before = threading.active_count()
    with LiveDream(tiny_dreamer(), size=48) as live:
        for height, width in ((48, 64), (120, 40), (48, 64)):
            picture = show_for(live, textured(height, width), dreams=2)
            assert max(picture.shape[-2:]) == 48
    live.close()
    assert threading.active_count() == before


def test_settings_out_of_range_are_refused():
    with pytest.raises(PresetError, match=r"target fps is 0\.5; give 1 to 240"):
        LiveDream(tiny_dreamer(), target_fps=0.5)
    with pytest.raises(PresetError, match="max latency is 60 s"):
        LiveDream(tiny_dreamer(), max_latency_seconds=60)
