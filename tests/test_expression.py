from __future__ import annotations

import itertools
import math
import pickle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vidream.errors import PresetError
from vidream.looks import Expression, Moment, Preset, Schedule, cross_faded
from vidream.looks.expression import split_outside
from vidream.looks.moment import SOUND_NAMES
from vidream.rendering.recipe import Recipe, preset_fields

WORDS = [
    *SOUND_NAMES,
    "t",
    "frame",
    "pi",
    "sin",
    "clamp",
    "smooth",
    "noise",
    "min",
    "if",
    "else",
    "lambda",
    "__class__",
]
SIGNS = [
    *"+-*/%(),<>=.: ",
    "**",
    "//",
    ">=",
    "==",
    "0",
    "1",
    "0.5",
    "9e9",
    "1e999",
    "é",
    "\n",
    "'",
    "[",
    "]",
    "@",
    "\0",
]


class Song:
    """A sound whose every value is known: a beat at each whole second."""

    def value(self, name: str, seconds: float) -> float:
        if name == "bpm":
            return 60.0
        if name == "beat":
            return float(seconds % 1.0 < 1e-9)
        return {"loud": 0.5, "bass": 0.25, "mid": 0.75, "treble": 1.0, "onset": 0.125, "bar": seconds / 4 % 1}[name]


SONG = Song()
PINNED = [
    0.007765133401324305,
    0.6223195913765392,
    0.02977459459327501,
    0.31504236238893174,
    0.666791435952017,
    0.7666016629702881,
]


def heard(text: str, seconds: float = 2.0, rate: float = 10.0) -> float:
    return Expression.parse(text).at(Moment(seconds, rate, SONG))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2*3 - 4/8", 6.5),
        ("-2**2", -4.0),
        ("+t", 2.0),
        ("frame", 20.0),
        ("7 % 4 + -1 % 4", 6.0),
        ("2**0.5", math.sqrt(2)),
        ("sin(pi/2) + cos(0)", 2.0),
        ("abs(-3)", 3.0),
        ("min(3, 1, 2) + max(1, 5)", 6.0),
        ("clamp(7, 0, 2) + clamp(-7, -1, 2) + clamp(0.5, 0, 1)", 1.5),
        ("step(2, 2) + step(2.1, 2)", 1.0),
        ("lerp(10, 20, 0.25)", 12.5),
        ("1 < 2", 1.0),
        ("1 < t < 2", 0.0),
        ("(t == 2) + (t != 2) + (t >= 2) + (t <= 1) + (t > 1)", 3.0),
        ("5 if t > 1 else 1/0", 5.0),
        ("loud + bass + mid + treble + onset + bar + beat", 0.5 + 0.25 + 0.75 + 1 + 0.125 + 0.5 + 1),
        ("bpm / 60", 1.0),
        ("smooth(0.3, 2)", 0.3),
        (" 1\n+ 1 ", 2.0),
    ],
)
def test_values(text, value):
    assert heard(text) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/0", 0.0),
        ("5 % 0", 0.0),
        ("0**-1", 0.0),
        ("(-8)**0.5", 0.0),
        ("10**10**10**10", 1e12),
        ("(-10)**63", -1e12),
        ("1e12 * 1e12 - 1e12", 0.0),
        ("1/1e-300", 1e12),
        ("2**1000", 1e12),
        ("1e-9**64", 0.0),
    ],
)
def test_results_are_finite_whatever_is_asked(text, value):
    assert heard(text) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_sound_that_is_no_number_does_no_harm(broken):
    class Broken:
        def value(self, name, seconds):
            return broken

    assert math.isfinite(Expression("bass * 2 + smooth(bass, 1)").at(Moment(1.0, 25.0, Broken())))


def test_without_a_sound_nothing_is_heard():
    for name in SOUND_NAMES:
        assert Expression(name).at(1.0) == 0.0
    assert Expression("t + frame").at(2.0) == Expression("t + frame").at(Moment(2.0, 25.0)) == 52.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.003 + 0.006*bas", 'unknown name "bas" at column 15 of "0.003 + 0.006*bas"; close: "bass"'),
        ("", "the expression is empty"),
        ("1 +", "the expression cannot be read at column"),
        ("t t", "the expression cannot be read at column 3"),
        ("sin(t", 'a "(" without its ")" at column 4'),
        ("t)", 'a ")" without its "(" at column 2'),
        ("2t", "a number that cannot be read at column 1"),
        ("0x10", "a number that cannot be read at column 1"),
        ("1e999", "too large at column 1"),
        ("t.real", "'.' cannot be used at column 2"),
        ("1 // 2", "something that cannot be used at column 1"),
        ("t, t", "something that cannot be used at column 1"),
        ("max(*t, *t)", "something that cannot be used at column 5"),
        ("sin(**t)", "something that cannot be used at column 1"),
        ("__import__", 'unknown name "__import__" at column 1'),
        ("lambda: 1", 'unknown name "lambda"'),
        ("t and t", 'unknown name "and" at column 3'),
        ("'a'", "cannot be used at column 1"),
        ("1 + sin", 'the function "sin" without its parentheses at column 5'),
        ("1 + t(2)", '"t" is no function at column 5'),
        ("sin(t)(t)", "something that cannot be used at column 1"),
        ("sin(1, 2)", "sin with 2 values at column 1"),
        ("min(1)", "min with 1 values at column 1 of"),
        ("smooth(t)", "smooth with 1 values"),
        ("smooth(t, bass)", "the seconds of smooth are no such number at column 11"),
        ("smooth(t, 11)", "give one of 0.01 to 10"),
        ("smooth(1 + smooth(t, 1), 1)", "a smooth inside a smooth at column 12"),
        ("+".join("t" * 99), "too many levels"),
        (f"max({','.join(['t+t+t+t'] * 7)})" + f"+max({','.join(['t+t+t+t'] * 7)})" * 4, "too many parts"),
        ("-" * 400 + "t", "too many levels"),
        ("(" * 240 + "t" + ")" * 240, "at column"),
        ("1" * 501, "501 characters; at most 500"),
        ("é", "'é' cannot be used at column 1"),
        ("t\u2028*\u202e", "cannot be used at column 4"),
    ],
)
def test_errors_are_one_line_that_points_at_the_place(text, words):
    with pytest.raises(ValueError) as caught:
        Expression.parse(text)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1 and str(caught.value).isprintable()
    # Keyframes and plain numbers are told apart first.
    if ":" not in text and not text.replace("e", "").isdigit():
        with pytest.raises(PresetError) as refused:
            Preset(keep=text)
        assert words in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_an_error_far_into_a_long_text_shows_the_place():
    with pytest.raises(ValueError, match=r'unknown name "bas" at column 401 of "…[^"]*bas[^"]*…"'):
        Expression("1+" * 200 + "bas" + "+1" * 40)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS + SIGNS), max_size=40).map("".join)))
@example("0:1, 2s:")
@example(":")
@example("0:(1, 2s:1)")
def test_any_text_is_a_number_or_is_refused_in_one_line(text):
    try:
        preset = Preset(style=text, layers={"a": text})
    except PresetError as error:
        assert len(str(error).splitlines()) == 1
        return
    for seconds in (0.0, 0.5, 1e9):
        now = preset.at(Moment(seconds, 10.0, SONG))
        assert 0.0 <= now.style <= 1e6 and math.isfinite(now.layers["a"])
    assert Preset.from_toml(preset.to_toml()) == preset
    assert pickle.loads(pickle.dumps(preset)) == preset


NUMBERS = st.sampled_from(["t", "frame", "bass", "0", "1e12", "0.5", "-3", "pi", "bpm", "1e-12"])
TREES = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%", "**", "<", "=="]), inner).map(
            lambda parts: f"({parts[0]}){parts[1]}({parts[2]})"
        ),
        st.tuples(st.sampled_from(["sin", "cos", "abs", "noise"]), inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"lerp({','.join(parts)})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"clamp({','.join(parts)})"),
    ),
    max_leaves=12,
).filter(lambda text: len(text) <= 400)


@settings(max_examples=300, deadline=None)
@given(TREES, st.floats(0, 1e9), st.floats(0.01, 1000))
def test_every_good_expression_has_a_finite_value(text, seconds, rate):
    moment = Moment(seconds, rate, SONG)
    assert abs(Expression(text).at(moment)) <= 1e12
    assert abs(Expression(f"smooth({text}, 0.01)").at(moment)) <= 1e12


def test_smooth_follows_and_never_depends_on_where_a_run_began():
    follow = Expression("smooth(step(1, t), 0.5)")
    film = [follow.at(Moment(number / 20, 20.0)) for number in range(60)]
    again = [follow.at(Moment(number / 20, 20.0)) for number in reversed(range(60))][::-1]
    assert film == again
    assert film[19] == 0.0 and 0 < film[20] < 0.2
    # One time constant after the step: 63 % of the way.
    assert film[29] == pytest.approx(1 - math.exp(-1), abs=0.02)
    assert film[20:] == sorted(film[20:]) and film[59] > 0.98


def test_smooth_is_the_weighted_sum_it_says():
    # Before the first frame there is the first frame.
    seconds, rate = 0.3, 10.0
    reach = math.ceil(4 * seconds * rate)
    for frame in (0, 1, 5, reach, reach + 5):
        weights = [math.exp(-back / (seconds * rate)) for back in range(reach + 1)]
        values = [max(0, frame - back) / rate + 1 for back in range(reach + 1)]
        wanted = sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)
        assert heard("smooth(t + 1, 0.3)", frame / rate) == pytest.approx(wanted, rel=1e-12)
    assert heard("smooth(t, 1)", -3.0) == 0.0


def test_noise_is_smooth_and_the_same_on_every_machine():
    noise = Expression("noise(t)")
    assert [noise.at(float(x)) for x in (0, 1, 2, 0.5, -1.5, 1e9 + 0.25)] == PINNED
    values = [noise.at(x / 100) for x in range(2000)]
    assert all(0 <= value <= 1 for value in values)
    assert max(abs(b - a) for a, b in itertools.pairwise(values)) < 0.02
    assert min(values) < 0.1 and max(values) > 0.9


def test_expressions_are_values():
    first, second = Expression("0.5*bass"), Expression.parse(" 0.5*bass ")
    assert first == second and hash(first) == hash(second) and str(first) == "0.5*bass"
    assert pickle.loads(pickle.dumps(first)) == first
    assert Expression("bass + min(beat, t) + sin(bpm)").names == {"bass", "beat", "bpm"}
    assert Expression("t").names == frozenset()


def test_keyframes_may_hold_expressions():
    schedule = Schedule.parse("0:min(bass, mid), 2s:0.5+0.5*beat, 4s:1")
    moments = [Moment(seconds, 25.0, SONG) for seconds in (0, 1, 2, 3, 9)]
    # Between two keys both values are of that moment: a beat is heard at once.
    assert [schedule.at(moment) for moment in moments] == pytest.approx([0.25, 0.625, 1.0, 1.0, 1.0])
    assert schedule.at(2.0) == 0.5 and schedule.names == {"bass", "mid", "beat"}
    assert str(schedule) == "0s:min(bass, mid), 2s:0.5+0.5*beat, 4s:1"
    assert Schedule.parse(str(schedule)) == schedule == pickle.loads(pickle.dumps(schedule))
    assert Schedule(((0.0, Expression("0.5")),)) == Schedule(((0.0, 0.5),))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0:1, 2s:min(bas, 1)", 'unknown name "bas" at column 5 of "min(bas, 1)"'),
        ("0:1, soon:2", "'soon' is no time of a keyframe"),
        ("0:1, 2s", "'2s' is no keyframe"),
        ("0:1, 2s:", "the expression is empty"),
    ],
)
def test_bad_keyframes_say_which_part(text, words):
    with pytest.raises(PresetError, match="keep cannot be") as caught:
        Preset(keep=text)
    assert words in str(caught.value)


def test_parts_are_split_outside_parentheses():
    assert split_outside("a:min(b, c), d") == ["a:min(b, c)", " d"]
    assert split_outside("(a/b)/c", "/") == ["(a/b)", "c"]
    assert split_outside("min(a, b") == ["min(a", " b"] and split_outside("a), (b") == ["a)", " (b"]


def test_a_preset_takes_expressions_everywhere_and_holds_them_in_range():
    preset = Preset(
        keep="bass - 1", style="1e9*treble", octaves="2.6 + t", first_steps="-5*beat", step_size="0:0, 2s:0.5*loud",
        layers="a:min(bass, 2), b:0.5", subject={"owl": "0:beat, 4s:0"}, net={"x": "bass - 1", "y": "0.5 + 0*t"},
    )  # fmt: skip
    now = preset.at(Moment(2.0, 25.0, SONG))
    assert (now.keep, now.style, now.octaves, now.first_steps, now.step_size) == (0.0, 1e6, 5, 0, 0.25)
    assert now.layers == {"a": 0.25, "b": 0.5} and now.subject == {"owl": 0.5} and now.networks == {"x": 0.0, "y": 0.5}
    assert now.expressions == {} and now.at(3.0) is now
    assert preset.sound_names == {"bass", "treble", "beat", "loud"}
    assert preset.expressions["keep"] == Expression("bass - 1")
    fields = {"net.x", "net.y", "layers.a", "subject.owl", "octaves", "step_size", "keep", "style", "first_steps"}
    assert set(preset.expressions) == fields
    assert isinstance(now.octaves, int)


def test_networks_that_all_fall_silent_have_equal_shares():
    preset = Preset(net={"x": "beat", "y": "bass"})
    assert preset.at(0.5).networks == {"x": 1.0, "y": 1.0}
    assert preset.at(Moment(0.5, 25.0, SONG)).networks == {"x": 0.0, "y": 0.25}


def test_constants_beside_expressions_are_checked_as_ever():
    with pytest.raises(PresetError, match=r"keep cannot be 1\.5; allowed: 0\.0 to 1\.0"):
        Preset(keep="0:1.5, 2s:bass")
    with pytest.raises(PresetError, match="net cannot be"):
        Preset(net={"x": "0:-1, 1s:bass", "y": 1})


def test_expressions_survive_files_settings_and_recipes():
    preset = Preset(layers={"a": "max(bass, 0.1)"}).with_settings(
        ["keep=0.9 if t >= 1 else 0.5", "layers.b=0:smooth(loud, 0.3), 2s:1", "steps=1+2*beat"]
    )
    assert preset.keep == Expression("0.9 if t >= 1 else 0.5")
    assert Preset.from_toml(preset.to_toml()) == preset
    assert pickle.loads(pickle.dumps(preset)) == preset
    assert preset_fields(preset)["layers"] == {"a": "max(bass, 0.1)", "b": "0s:smooth(loud, 0.3), 2s:1"}
    assert Recipe.from_json(Recipe(preset).to_json()).preset == preset
    assert Preset(keep=Expression("0.5")) == Preset(keep=0.5)


def test_presets_with_expressions_fade_into_others():
    fade = cross_faded([(0.0, Preset(keep=0.5)), (2.0, Preset(keep="0.9 if t > 1 else 0.7"))])
    assert [fade.at(seconds).keep for seconds in (0, 1, 1.5, 5)] == pytest.approx([0.5, 0.6, 0.8, 0.9])
    assert Preset.from_toml(fade.to_toml()) == fade
    same = cross_faded([(0.0, Preset(keep="bass")), (2.0, Preset(keep="bass", steps=3))])
    assert same.keep == Expression("bass") and same.at(1.0).steps == 2
    with pytest.raises(PresetError, match="keep has keyframes of its own in a preset that is to fade"):
        cross_faded([(0.0, Preset()), (2.0, Preset(keep="0:bass, 1s:1"))])


@pytest.mark.parametrize(("seconds", "rate"), [(math.nan, 25.0), (math.inf, 25.0), (0.0, 0.0), (0.0, math.nan)])
def test_moments_are_of_a_time_and_a_rate(seconds, rate):
    with pytest.raises(ValueError, match="no moment"):
        Moment(seconds, rate)
    moment = Moment(1.5, 10.0, SONG)
    assert (moment.frame, moment.at(3.0)) == (15, Moment(3.0, 10.0, SONG))
