from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from conftest import textured

from vidream.engine.dreamer import Dreamer
from vidream.looks.preset import Preset
from vidream.motion.known import Motion
from vidream.motion.resampling import resample
from vidream.zoom.endless import Zoom, clouds, endless_zoom

PRESET = Preset(octaves=2, first_steps=6, first_step_size=0.006, step_size=0.004, jitter=8)


def dreamer(net, **changes):
    return Dreamer(PRESET.replace(**changes), net=net)


def shares(picture):
    """Brightness, contrast and fine detail of a picture."""
    detail = (picture - F.avg_pool2d(picture, 3, 1, 1)).abs().mean()
    return torch.stack([picture.mean(), picture.std(), detail])


@pytest.mark.parametrize("motion", [Motion(drift=0.1), Motion(scale=0.8, rotate=20)], ids=["in", "out"])
def test_a_long_fall_neither_burns_nor_fades_nor_blurs(tiny_net, motion):
    zoom = Zoom(textured(48, 64), dreamer(tiny_net), motion)
    found = [shares(zoom.advance()) for _ in range(400)]
    early, late = torch.stack(found[80:120]).mean(0), torch.stack(found[-40:]).mean(0)
    assert (late / early - 1).abs().max() < 0.1, late / early


def test_a_fall_shows_what_lay_in_the_middle_larger(tiny_net):
    picture, motion = textured(64, 64), Motion(scale=2)
    zoom = Zoom(picture, dreamer(tiny_net, first_steps=0, steps=0), motion, rate=10)
    for _ in range(10):
        shown = zoom.advance()
    expected = resample(picture, motion.pull(0, 1, 64, 64))
    alike = torch.corrcoef(torch.stack([shown.flatten(), expected.flatten()]))[0, 1]
    assert alike > 0.97


def test_nothing_but_dreams_comes_in_over_the_border(tiny_net):
    """Outwards, the border is as bright and as rich as the middle, and holds no bare or repeated lines."""
    zoom = Zoom(textured(64, 64), dreamer(tiny_net), Motion(scale=0.7))
    for _ in range(60):
        shown = zoom.advance()
    border, middle = shown[..., :6], shown[..., 29:35]
    assert float(border.std() / middle.std()) == pytest.approx(1, abs=0.5)
    columns = (shown[..., 1:8] - shown[..., 0:7]).abs().mean()
    assert columns > 0.3 * (shown[..., 30:37] - shown[..., 29:36]).abs().mean()


def test_as_much_is_dreamed_in_a_second_at_any_rate(tiny_net):
    strengths = []
    for rate in (12, 25, 60):
        still = Motion(scale=1)
        zoom = Zoom(textured(48, 64), dreamer(tiny_net), still, rate=rate)
        begun = zoom.picture.clone()
        for _ in range(rate):
            shown = zoom.advance()
        strengths.append(float((shown - begun).abs().mean()))
    assert max(strengths) < 1.35 * min(strengths), strengths


def test_a_zoom_goes_on_from_its_state_to_the_bit(tiny_net):
    motion = Motion(scale=0.8, drift=0.1)
    one, other = (Zoom(textured(48, 64), dreamer(tiny_net), motion) for _ in range(2))
    for _ in range(5):
        one.advance()
    other.restore({name: value.clone() for name, value in one.state().items()})
    assert all(isinstance(value, torch.Tensor) for value in one.state().values())
    for _ in range(3):
        assert torch.equal(one.advance(), other.advance())


def test_schedules_run_over_the_time_of_the_fall(tiny_net):
    bare = list(take(endless_zoom(textured(48, 64), dreamer(tiny_net, step_size="0:0, 1s:0"), rate=10), 12))
    late = list(take(endless_zoom(textured(48, 64), dreamer(tiny_net, step_size="0:0, 0.5s:0, 1s:0.01"), rate=10), 12))
    assert torch.equal(bare[5], late[5])
    assert float((bare[10] - late[10]).abs().mean()) > 0.003


def test_every_seed_begins_from_other_clouds():
    one, same, other = (clouds(64, 48, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert one.shape == (1, 3, 48, 64) and 0.05 < float(one.std()) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["creatures", "sea"])
def test_2000_frames_of_a_shipped_look_stay_as_they_were_at_100(preset):
    zoom = Zoom(clouds(160, 96), Dreamer(Preset.load(preset), precision="fp32"), Motion(drift=0.1))
    found = [shares(zoom.advance()) for _ in range(2000)]
    early = torch.stack(found[75:125]).mean(0)
    for end in (500, 1000, 1500, 2000):
        late = torch.stack(found[end - 50 : end]).mean(0)
        assert (late / early - 1).abs().max() < 0.1, (end, late / early)


def take(pictures, count):
    return (next(pictures) for _ in range(count))
