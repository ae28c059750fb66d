from __future__ import annotations

import pytest

from vidream.errors import PresetError
from vidream.looks.preset import Preset
from vidream.looks.schedule import Schedule


def test_values_run_in_straight_lines_and_are_held_at_the_ends():
    schedule = Schedule.parse("1:0.2, 3s:1.0, 5s:0.4")
    times = [0, 1, 2, 3, 4, 9]
    assert [schedule.at(time) for time in times] == pytest.approx([0.2, 0.2, 0.6, 1.0, 0.7, 0.4])
    assert Schedule.parse(str(schedule)) == schedule


@pytest.mark.parametrize("text", ["", "1", "2:1, 1:0", "1:1, 1:2", "-1:0", "a:1", "1:b", "1:nan", "0:1:2"])
def test_what_is_no_schedule_is_refused(text):
    with pytest.raises(ValueError):
        Schedule.parse(text)


def test_any_number_of_a_preset_may_be_a_schedule():
    preset = Preset(keep="0:0, 2s:1", octaves="0:2, 4s:6", layers={"a": "0:1, 4s:0", "b": 0.5})
    moment = preset.at(1.0)
    assert (moment.keep, moment.octaves, dict(moment.layers)) == (0.5, 3, {"a": 0.75, "b": 0.5})
    assert Preset.from_toml(preset.to_toml()) == preset
    plain = Preset()
    assert plain.at(3.0) is plain


def test_one_weight_can_be_set_from_the_command_line():
    preset = Preset(layers={"a": 1.0, "b": 2.0}).with_settings(["layers.a=0:1, 4s:0", "layers.c=3"])
    assert dict(preset.at(2).layers) == {"a": 0.5, "b": 2.0, "c": 3.0}


def test_every_value_of_a_schedule_must_be_in_range():
    with pytest.raises(PresetError, match=r"keep cannot be 1\.5; allowed: 0\.0 to 1\.0"):
        Preset(keep="0:0.5, 2s:1.5")
    with pytest.raises(PresetError, match="keep cannot be"):
        Preset(keep="2s:0.5, 1s:0.5")
