from __future__ import annotations

import pytest

from vidream.errors import PresetError
from vidream.looks.loading import load_look
from vidream.looks.mixture import with_networks
from vidream.looks.preset import Preset


def test_two_presets_fade_into_each_other_in_all_their_numbers():
    fade, creatures, sea = load_look("1:creatures, 5s:sea"), Preset.load("creatures"), Preset.load("sea")
    middle = fade.at(3)
    assert middle.step_size == pytest.approx((creatures.step_size + sea.step_size) / 2)
    for at, preset in ((0, creatures), (9, sea)):
        moment = fade.at(at)
        assert (moment.step_size, moment.colour, moment.keep) == (preset.step_size, preset.colour, preset.keep)
        named = with_networks(preset, creatures.net)
        for weights, own in ((moment.subject, named.subject), (moment.layers, named.layers)):
            assert {name: weight for name, weight in weights.items() if weight} == dict(own)
        assert {name: share for name, share in moment.networks.items() if share} == preset.networks
    assert Preset.from_toml(fade.to_toml()) == fade


def test_a_name_or_a_file_is_one_preset(tmp_path):
    assert load_look("eyes") == Preset.load("eyes")
    path = tmp_path / "mine.toml"
    path.write_text(Preset(keep=0.5).to_toml())
    assert load_look(path).keep == 0.5


@pytest.mark.parametrize(
    "text, says",
    [
        ("0:creatures, 5s:nosuch", "no preset"),
        ("5:creatures, 1s:sea", "in order"),
        ("0:creatures, 5s:multiscale", "same channels"),
        ("0:creatures, sea", "no preset"),
    ],
)
def test_what_cannot_fade_is_told_in_one_line(text, says):
    with pytest.raises(PresetError, match=says) as told:
        load_look(text)
    assert "\n" not in str(told.value)
