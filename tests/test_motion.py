from __future__ import annotations

import cmath

import pytest
import torch
from conftest import textured

from vidream.errors import PresetError
from vidream.looks.schedule import Schedule
from vidream.motion.known import Motion, Similarity
from vidream.motion.resampling import resample

WANDERING = Motion(
    scale=Schedule.parse("0:1.1, 3s:2"), rotate=30, pan_x=0.05, centre_x=Schedule.parse("0:0.2, 5s:0.8"),
    drift=0.2, ease_in_seconds=1, ease_out_seconds=1, duration_seconds=5,
)  # fmt: skip


def place_after(motion, seconds, rate):
    """Where the corner of the last frame was in the first, frame by frame as a film is made."""
    place = 0.7 + 0.5j
    for number in reversed(range(round(seconds * rate))):
        place = motion.pull(number / rate, (number + 1) / rate, 160, 90)(place)
    return place


@pytest.mark.parametrize("motion", [Motion(rotate=10), WANDERING, WANDERING.looped(2.5)], ids=["even", "any", "looped"])
def test_24_60_and_odd_rates_come_to_the_same_place(motion):
    places = [place_after(motion, 5, rate) for rate in (24, 60, 24000 / 1001 * 1.001)]
    assert max(abs(place - places[0]) for place in places) < 1e-9
    assert abs(motion.pull(0, 5, 160, 90)(0.7 + 0.5j) - places[0]) < 1e-9


def test_a_second_magnifies_and_turns_as_much_as_was_asked():
    pull = Motion(scale=2, rotate=90, centre_x=0.75).pull(0, 1, 200, 100)
    assert abs(pull.turn) == pytest.approx(0.5)
    assert cmath.phase(pull.turn) == pytest.approx(-cmath.pi / 2)
    # The centre is the one place that stays where it is: a quarter of the width is half the height.
    assert pull(0.5) == pytest.approx(0.5)


def test_a_positive_turn_is_clockwise_and_a_pan_looks_right():
    picture = torch.zeros(1, 1, 41, 41)
    picture[..., 20, 35] = 1
    turned = resample(picture, Motion(scale=1, rotate=90).pull(0, 1, 41, 41))
    assert divmod(int(turned.argmax()), 41) == (35, 20)
    panned = resample(picture, Motion(scale=1, pan_x=5 / 41).pull(0, 1, 41, 41))
    assert divmod(int(panned.argmax()), 41) == (20, 30)


def test_backwards_undoes_forwards_and_no_motion_changes_nothing():
    pull, back = WANDERING.pull(1, 2, 160, 90), WANDERING.pull(2, 1, 160, 90)
    assert abs(back(pull(0.3 + 0.2j)) - (0.3 + 0.2j)) < 1e-12
    picture = textured(40, 64)
    assert torch.allclose(resample(picture, Similarity()), picture, atol=1e-5)


def test_a_motion_eases_from_rest_and_to_rest():
    motion = Motion(scale=2, ease_in_seconds=1, ease_out_seconds=1, duration_seconds=4)
    moves = [abs(motion.pull(t, t + 0.04, 160, 90).turn - 1) for t in (0, 2, 3.96)]
    assert moves[0] < 0.02 * moves[1] and moves[2] < 0.02 * moves[1]


@pytest.mark.parametrize("scale, looks", [(1.3, False), (0.8, True)])
def test_only_what_grows_smaller_looks_outside(scale, looks):
    assert Motion(scale=scale, rotate=2).looks_outside(160, 90, 5) is looks


def test_one_whole_turn_keeps_the_detail():
    """100 resamplings one upon the other neither blur a texture nor make it ring."""
    picture, motion = textured(128, 128), Motion(scale=1, rotate=360)
    turned = picture
    for number in range(100):
        turned = resample(turned, motion.pull(number / 100, (number + 1) / 100, 128, 128))
    inside = (..., slice(40, 88), slice(40, 88))
    assert float(turned[inside].std() / picture[inside].std()) == pytest.approx(1, abs=0.03)
    assert float((turned[inside] - picture[inside]).abs().mean()) < 0.012


@pytest.mark.parametrize("device_has_opencv", [True, False])
def test_a_turn_slower_than_places_are_known_arrives(monkeypatch, device_has_opencv):
    """A twentieth of a degree a frame moves what is 8 px from the middle by 1/140 px."""
    monkeypatch.setattr("vidream.motion.resampling.can_remap", lambda _: device_has_opencv)
    picture, motion = textured(129, 129), Motion(scale=1, rotate=20)
    turned = picture
    for number in range(1, 401):
        turned = resample(turned, motion.pull((number - 1) / 400, number / 400, 129, 129), step=number)
    monkeypatch.undo()
    wanted = resample(picture, motion.pull(0, 1, 129, 129))
    for reach, most in ((8, 0.006), (24, 0.012), (40, 0.02)):
        inside = (..., slice(64 - reach, 65 + reach), slice(64 - reach, 65 + reach))
        assert float((turned - wanted)[inside].abs().mean()) < most


@pytest.mark.parametrize("field", ["scale", "rotate", "drift", "ease_in_seconds"])
def test_what_cannot_be_a_motion_is_refused_in_one_line(field):
    with pytest.raises(PresetError, match=f"{field.removesuffix('_seconds')} cannot be 1e\\+09; give"):
        Motion(**{field: 1e9})
    with pytest.raises(PresetError):
        Motion(**{field: float("nan")})
