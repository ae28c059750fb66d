from __future__ import annotations

import math
import pickle

import pytest

from vidream.cli import cmd_zoom, main
from vidream.errors import PresetError
from vidream.looks import Expression, Schedule
from vidream.motion.known import Motion

WIDTH, HEIGHT = 160, 90


class Beats:
    """A beat at each whole second, for a tenth of it."""

    def value(self, name: str, seconds: float) -> float:
        return float(name == "beat" and seconds % 1.0 < 0.1)


def grown(motion: Motion, start: float, end: float) -> float:
    """How many times larger, from one time to another."""
    return 1 / abs(motion.pull(start, end, WIDTH, HEIGHT).turn)


def test_a_constant_expression_moves_as_the_number_does():
    plain = Motion(scale=1.5, rotate=20.0, centre_x=0.3, pan_x=0.1)
    same = Motion(scale=Expression("1 + 0.5"), rotate=20.0, centre_x=Expression("0.1*3"), pan_x=Expression("0.1"))
    for start, end in ((0.0, 1.0), (0.4, 0.44), (3.0, 2.0)):
        one, other = plain.pull(start, end, WIDTH, HEIGHT), same.pull(start, end, WIDTH, HEIGHT)
        assert abs(one.turn - other.turn) < 1e-12 and abs(one.shift - other.shift) < 1e-12


def test_a_speed_that_grows_evenly_is_summed_exactly():
    turned = Motion(scale=1.0, rotate=Expression("10*t")).pull(0.0, 2.0, WIDTH, HEIGHT)
    assert math.degrees(math.atan2(turned.turn.imag, turned.turn.real)) == pytest.approx(-20.0)
    keyed = Motion(scale=1.0, rotate=Schedule.parse("0:0, 2s:10*2")).pull(0.0, 2.0, WIDTH, HEIGHT)
    assert abs(keyed.turn - turned.turn) < 1e-12


def test_the_motion_is_the_same_wherever_it_begins():
    words = {"scale": "1.2 + 0.5*smooth(beat, 0.2)", "rotate": "30*noise(t)", "drift": "0.1*beat"}
    motion = Motion(**{name: Expression(text) for name, text in words.items()}).hearing(Beats(), 30)
    steps = [motion.pull(number / 30, (number + 1) / 30, WIDTH, HEIGHT) for number in range(90)]
    again = motion.hearing(Beats(), 30)
    assert steps[::-1] == [again.pull(n / 30, (n + 1) / 30, WIDTH, HEIGHT) for n in reversed(range(90))]
    place = whole = 0.3 + 0.1j
    for step in reversed(steps):
        place = step(place)
    assert abs(motion.pull(0, 3, WIDTH, HEIGHT)(whole) - place) < 1e-9
    assert abs(motion.pull(3, 0, WIDTH, HEIGHT)(place) - whole) < 1e-9


def test_a_zoom_hears_the_beat():
    silent = Motion(scale=Expression("1 + beat"))
    assert silent.sound_names == {"beat"} and grown(silent, 0, 1) == 1.0
    motion = silent.hearing(Beats(), 25)
    # Frames 25 to 27 hear the beat, and so half of the steps to 25 and from 27.
    assert grown(motion, 24 / 25, 1.0) == pytest.approx(1.5 ** (1 / 25))
    assert grown(motion, 25 / 25, 26 / 25) == pytest.approx(2 ** (1 / 25))
    assert grown(motion, 0.5, 0.8) == 1.0


def test_a_loop_with_expressions_repeats():
    motion = Motion(scale=Expression("1.2 + 0.1*t + beat")).hearing(Beats(), 25).looped(2.0)
    for number in range(50):
        first, later = (motion.pull(at / 25, (at + 1) / 25, WIDTH, HEIGHT) for at in (number, number + 100))
        assert abs(first.turn - later.turn) < 1e-12


def test_expressions_are_held_within_the_ranges():
    assert grown(Motion(scale=Expression("-7")), 0, 1) == pytest.approx(0.02)
    assert grown(Motion(scale=Expression("1/0 + 1e9")), 0, 1) == pytest.approx(50)
    with pytest.raises(PresetError, match="scale cannot be 51"):
        Motion(scale=Schedule.parse("0:t, 1s:51"))
    with pytest.raises(ValueError, match="no moment"):
        Motion().hearing(None, 0)


def test_a_motion_is_known_by_its_text():
    motion = Motion(scale=Expression("1 + beat"))
    heard = motion.hearing(Beats(), 30)
    grown(heard, 0, 1)
    assert str(heard) == str(motion) and "1 + beat" in str(motion) and "rate" not in str(motion)
    assert "rate" not in str(Motion()) and Motion().hearing(None, 25) == Motion()
    assert pickle.loads(pickle.dumps(motion)) == motion


def test_memory_stays_flat():
    motion = Motion(scale=Expression("1.1"))
    for number in range(0, 20_000, 100):
        motion.pull(number, number + 4, 16, 9)
    assert len(motion._kept) <= 4096


def test_the_command_line_takes_them():
    assert cmd_zoom.NUMBER("1.2+0.2*sin(t)") == Expression("1.2+0.2*sin(t)")
    assert cmd_zoom.NUMBER("1.5") == 1.5 and cmd_zoom.NUMBER("0:1, 2s:beat") == Schedule.parse("0:1, 2s:beat")
    assert cmd_zoom.PAN("min(bass, 0.1), 0") == (Expression("min(bass, 0.1)"), 0.0)
    assert cmd_zoom.PLACE("0.5, 0.5*(t/4)") == (0.5, Expression("0.5*(t/4)"))
    along_x, along_y = cmd_zoom.PLACE("0:max(bass, 0.2)/0.5, 2s:(t/4)/0.6")
    assert str(along_x) == "0s:max(bass, 0.2), 2s:(t/4)" and str(along_y) == "0s:0.5, 2s:0.6"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--scale", "1+bas"], 'unknown name "bas" at column 3 of "1+bas"'),
        (["--pan", "1"], "allowed: two numbers"),
        (["--centre", "0:0.5, 2s:1"], "allowed: shares of the frame"),
        (["--ease", "bass,1"], "allowed: two numbers, such as 0.1,0.2"),
    ],
)
def test_the_command_line_says_what_is_wrong(words, says, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["zoom", "a.png", "b.mp4", *words])
    assert caught.value.code == 2
    shown = capsys.readouterr().err
    assert says in shown and shown.count("\n") == 1
