from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from conftest import textured

from vidream.engine.dreamer import Dreamer
from vidream.errors import TargetError
from vidream.looks.preset import Preset
from vidream.media.frame import Frame
from vidream.motion.estimators import DisFlow
from vidream.networks import load_net
from vidream.temporal.prefetch import Ahead
from vidream.temporal.stream import Stream, dream_frames

PRESET = Preset(octaves=2, first_steps=8, first_step_size=0.006, step_size=0.005, keep=0.95, jitter=8)


def dreamer(net, **changes):
    return Dreamer(PRESET.replace(**changes), net=net)


def panned(count, pixels=2):
    big = textured(72, 96 + pixels * count)
    return [big[..., pixels * i : pixels * i + 96] for i in range(count)]


def test_a_carried_dream_is_far_steadier_than_frames_on_their_own(tiny_net):
    frames, errors, strengths = panned(12), {}, {}
    for keep in (0.0, 0.95):
        stream = Stream(dreamer(tiny_net, keep=keep))
        for frame in frames:
            stream.next(frame)
        errors[keep], strengths[keep] = stream.figures.warp_error, stream.figures.strength
    assert errors[0.95] < errors[0.0] / 3
    assert strengths[0.95] > 0.7 * strengths[0.0]


def test_the_dream_moves_with_what_it_grew_on(tiny_net):
    frames = panned(2, pixels=6)
    stream = Stream(dreamer(tiny_net, steps=0))
    first, second = (stream.next(frame) for frame in frames)
    residuals = [(dream - frame.to(dream.device)) for dream, frame in zip((first, second), frames, strict=True)]
    moved, unmoved = residuals[0][..., 14:-8], residuals[0][..., 8:-14]
    inside = residuals[1][..., 8:-14]
    assert float((inside - 0.95 * moved).abs().mean()) < 0.35 * float((inside - 0.95 * unmoved).abs().mean())


def test_a_still_picture_neither_brightens_nor_burns_nor_fades(tiny_net):
    frame = textured(48, 64).to(tiny_net.device)
    stream, brightness, strength = Stream(dreamer(tiny_net)), [], []
    for _ in range(300):
        dream = stream.next(frame)
        brightness.append(float(dream.mean()))
        strength.append(float((dream - frame).abs().mean()))
    assert max(brightness) - min(brightness) < 0.02 * float(frame.mean())
    assert sum(strength[-50:]) == pytest.approx(sum(strength[50:100]), rel=0.2)


def test_a_cut_starts_afresh_and_fully_dreamed(tiny_net):
    shots = [textured(72, 96, seed=1), 1 - 0.8 * textured(72, 96, seed=2)]
    shots[1] = shots[1] * torch.tensor([1.0, 0.5, 0.3]).view(1, 3, 1, 1)
    stream = Stream(dreamer(tiny_net))
    for frame in [shots[0]] * 4:
        stream.next(frame)
    dream = stream.next(shots[1])
    alone = Stream(dreamer(tiny_net))
    alone.begin_shot_at(4)
    assert stream.figures.cuts == 1
    assert torch.equal(dream, alone.next(shots[1]))


def test_without_reset_the_dream_lives_on_over_a_cut(tiny_net):
    stream = Stream(dreamer(tiny_net, reset_on_cut=False, flow="none"))
    stream.next(textured(72, 96, seed=1))
    stream.next(1 - textured(72, 96, seed=2))
    assert stream.figures.cuts == 0


def test_what_comes_into_view_warms_up_within_a_few_frames(device):
    frames = panned(14, pixels=5)
    stream = Stream(Dreamer(PRESET.replace(subject={"beasts": 1.0}), net=load_net("dreamnet", device=device)))
    for frame in frames:
        dream = stream.next(frame)
    change = (dream - frames[-1].to(dream.device)).abs().mean(dim=(0, 1, 2))
    # The right 20 px came into view over the last four frames.
    assert float(change[-20:].mean()) > 0.4 * float(change[10:60].mean())


def test_the_strength_is_capped(tiny_net):
    stream = Stream(dreamer(tiny_net, strength_cap=0.02, steps=0))
    frame = textured(48, 64).to(tiny_net.device)
    for _ in range(3):
        dream = stream.next(frame)
    assert float((dream - frame).abs().mean()) < 0.021


def test_the_same_seed_gives_the_same_film(tiny_net):
    films = [[p.clone() for p in dream_frames(panned(5), dreamer(tiny_net))] for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*films, strict=True))


def test_frames_of_another_size_begin_a_new_shot(tiny_net):
    stream = Stream(dreamer(tiny_net))
    assert stream.next(textured(48, 64)).shape[-2:] == (48, 64)
    assert stream.next(textured(64, 48)).shape[-2:] == (64, 48)


def test_frames_are_dreamed_one_by_one_as_they_are_asked_for(tiny_net):
    asked = []

    def frames():
        for index in range(1000):
            asked.append(index)
            yield textured(48, 64)

    made = dream_frames(frames(), dreamer(tiny_net))
    next(made)
    next(made)
    assert asked == [0, 1]


def test_frames_that_repeat_have_no_flow_to_be_found(tiny_net):
    asked, find = [], DisFlow()

    def estimate(current, previous):
        asked.append(current)
        return find(current, previous)

    first, second = panned(2)
    list(dream_frames([first, first, first, second, second], dreamer(tiny_net), flow=estimate))
    assert len(asked) == 1


@pytest.mark.parametrize("flow", ["farneback", "none"])
def test_other_flows_carry_too(tiny_net, flow):
    stream = Stream(dreamer(tiny_net, flow=flow))
    for frame in panned(3):
        stream.next(frame)
    assert stream.figures.warp_error is not None


def test_a_mask_leaves_the_rest_of_the_frame_untouched_to_the_bit(tiny_net):
    mask = torch.zeros(1, 1, 72, 96)
    mask[..., 30:60] = 0.5
    mask[..., 36:54] = 1
    stream = Stream(dreamer(tiny_net, smoothing=2.0))
    for frame in panned(4):
        shown = stream.next(frame, mask=mask).cpu()
        assert torch.equal(shown[..., :30], frame[..., :30]) and torch.equal(shown[..., 60:], frame[..., 60:])
        assert float((shown - frame).abs()[..., 36:54].mean()) > 0.005


def test_the_frames_own_colour_is_kept_when_asked_for(tiny_net):
    frame = 0.25 + 0.5 * textured(72, 96)

    def chroma(picture):
        return picture - (picture * torch.tensor([0.2126, 0.7152, 0.0722]).view(1, 3, 1, 1)).sum(1, keepdim=True)

    for share, limit in ((0.0, None), (1.0, 1e-3)):
        change = chroma(Stream(dreamer(tiny_net, keep_colour=share)).next(frame).cpu()) - chroma(frame)
        assert float(change.abs().mean()) > 0.005 if limit is None else float(change.abs().median()) < limit


def test_blend_lays_the_frame_over_its_dream(tiny_net):
    frame = textured(72, 96).to(tiny_net.device)
    alone, half = (Stream(dreamer(tiny_net, blend=share)).next(frame) for share in (0.0, 0.5))
    assert torch.allclose(half, (alone + frame) / 2, atol=1e-6)


def test_schedules_run_with_the_film(tiny_net):
    frame = textured(72, 96).to(tiny_net.device)
    stream = Stream(dreamer(tiny_net, blend="0:1, 0.2s:0"), rate=10)
    changes = [float((stream.next(frame) - frame).abs().mean()) for _ in range(3)]
    assert changes[0] == 0 < changes[1] < changes[2]


def test_layers_cross_fade_over_the_film(tiny_net):
    moving = dreamer(tiny_net, octaves=1, layers={"block2": "0:1, 1s:0", "block3": "0:0, 1s:1"})
    frame = textured(72, 96).to(tiny_net.device)
    for seconds, name in ((0.0, "block2"), (1.0, "block3")):
        alone = dreamer(tiny_net, octaves=1, layers={name: 1.0})(frame)
        assert torch.allclose(moving.at(seconds)(frame), alone, atol=1e-3)


def test_frames_keep_their_alpha_and_time(tiny_net):
    pictures = panned(4)
    frames = [
        Frame(picture, torch.full((1, 1, 72, 96), 0.1 * number) if number else None, Fraction(number, 7))
        for number, picture in enumerate(pictures)
    ]
    made = list(dream_frames(iter(frames), dreamer(tiny_net)))
    for frame, found, picture in zip(frames, made, dream_frames(pictures, dreamer(tiny_net)), strict=True):
        assert isinstance(found, Frame) and isinstance(picture, torch.Tensor)
        assert found.alpha is frame.alpha and found.time_seconds == frame.time_seconds
        assert torch.equal(found.picture, picture)


def test_frames_with_alpha_are_found_ahead_of_the_dream(tiny_net):
    frames = [Frame(picture, torch.rand(1, 1, 72, 96)) for picture in panned(4)]
    stream = Stream(dreamer(tiny_net))
    with Ahead(stream.followed(frames)) as ready:
        for wanted, (frame, motion) in zip(frames, ready, strict=True):
            assert frame is wanted
            stream.next(frame.picture, motion=motion)
    alone = list(dream_frames(frames, dreamer(tiny_net)))
    assert torch.equal(stream.state()[0]["dream"], alone[-1].picture)


def test_a_state_of_another_version_is_refused_in_one_line(tiny_net):
    stream = Stream(dreamer(tiny_net))
    stream.next(textured(48, 64))
    tensors, numbers = stream.state()
    tensors["ripeness"] = tensors.pop("warm_up")
    with pytest.raises(TargetError, match="another version of vidream") as caught:
        Stream(dreamer(tiny_net)).restore(tensors, numbers)
    assert "\n" not in str(caught.value)


def test_the_parts_of_a_frame_are_told_in_their_order(tiny_net):
    stream, told = Stream(dreamer(tiny_net, octave_turns=1, octave_scale=1.2, steps=2)), []
    for frame in panned(2):
        told.clear()
        stream.next(frame, done=told.append)
    assert told == ["carry", *["octave 80x60"] * 2, *["octave 96x72"] * 2, "enlarge", "finish, figures"]


@pytest.mark.slow
def test_the_default_look_holds_a_still_picture_for_1000_frames(device):
    frame = textured(126, 224).to(device)
    stream, brightness, strength, grain = Stream(Dreamer(device=device)), [], [], []
    for _ in range(1000):
        dream = stream.next(frame)
        brightness.append(float(dream.mean()))
        strength.append(float((dream - frame).abs().mean()))
        grain.append(float((dream[..., 1:] - dream[..., :-1]).abs().mean()))
    assert max(brightness) - min(brightness) < 0.02 * float(frame.mean())
    assert sum(strength[250:300]) == pytest.approx(sum(strength[50:100]), rel=0.2)
    assert sum(strength[-50:]) == pytest.approx(sum(strength[250:300]), rel=0.1)
    assert sum(grain[-50:]) == pytest.approx(sum(grain[250:300]), rel=0.1)
