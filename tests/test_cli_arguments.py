"""Arguments of every command: options anywhere, what was given counts, errors on one line that say what is allowed."""

from __future__ import annotations

import argparse

import pytest
from conftest import textured
from frames_helpers import make_clip

from vidream.cli import command_parser, main
from vidream.cli.failures import spelled_for
from vidream.errors import DeviceError, NetError, TargetError
from vidream.media import write_picture
from vidream.rendering.recipe import Recipe


def commands() -> dict[str, argparse.ArgumentParser]:
    return next(a for a in command_parser()._actions if isinstance(a, argparse._SubParsersAction)).choices


def parsed(*words: str) -> argparse.Namespace:
    return command_parser().parse_args(words)


@pytest.mark.parametrize(
    "words",
    [
        "dream a.mp4 y.mp4 --size 64 -q -p fast",
        "dream a.mp4 --size 64 y.mp4 -q -p fast",
        "dream --size=64 a.mp4 -q y.mp4 -pfast",
        "dream a.mp4 -qp fast --siz 64 y.mp4",
        "dream -qpfast a.mp4 --size 64 -- y.mp4",
    ],
)
def test_options_stand_anywhere_between_positional_arguments(words):
    found = parsed(*words.split())
    assert (found.source, found.target, found.size, found.quiet, found.preset) == ("a.mp4", "y.mp4", 64, True, "fast")
    assert found.given == {"size", "quiet", "preset"}


def test_every_command_with_positional_arguments_takes_options_between_them():
    assert (parsed("zoom", "a.png", "--size", "64", "z.mp4").source, parsed("zoom", "z.mp4").source) == ("a.png", None)
    assert parsed("zoom", "--seconds", "2", "z.mp4", "--loop").target == "z.mp4"
    assert parsed("presets", "--debug", "eyes").name == "eyes"
    assert str(parsed("atlas", "--cell", "64", "out.png", "-q").target) == "out.png"


def test_names_that_look_like_options_are_names():
    assert parsed("dream", "--size", "64", "--", "-a.mp4", "--size").target == "--size"
    assert parsed("dream", "-my film.mp4", "--size", "64").source == "-my film.mp4"
    assert parsed("dream", "a.mp4", "--seed", "-4", "-5").target == "-5"
    assert parsed("dream", "a.mp4", "--set", "keep=0", "--set", "octaves=2", "b.mp4").set == ["keep=0", "octaves=2"]


def typed_options():
    for name, parser in commands().items():
        for action in parser._actions:
            is_path = getattr(action.type, "__name__", "") in ("path_text", "file_path")
            if action.option_strings and action.nargs is None and (action.type or action.choices) and not is_path:
                yield pytest.param(name, action.option_strings[-1], id=f"{name} {action.option_strings[-1]}")


@pytest.mark.parametrize(("command", "option"), list(typed_options()))
@pytest.mark.parametrize("value", ["nonsense", "", "nan", "1e999"])
def test_a_wrong_value_is_one_line_with_the_option_the_value_and_what_is_allowed(command, option, value, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, option, value, *(["out.png"] if command in ("atlas", "zoom") else [])])
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert said.count("\n") == 1 and option in said and value in said
    assert "allowed: " in said or "choose from" in said


def test_bench_says_what_sizes_are(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--sizes", "320"])
    said = capsys.readouterr().err
    assert '"320"' in said and "720p" in said and "WIDTHxHEIGHT" in said


@pytest.fixture
def old_film(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "walk.mp4", 3)
    quick = ["--set", "octaves=1", "--set", "first_steps=1", "--set", "steps=0"]
    assert main(["dream", "walk.mp4", "old.mp4", "-q", "--seed", "3", "--size", "80", "--fps", "20", *quick]) == 0
    return "old.mp4"


def test_an_option_that_is_given_counts_over_like_whatever_its_value(old_film, capsys):
    for name, options, seed, size in [("a.mp4", [], 3, 80), ("b.mp4", ["--seed", "0", "--size", "96"], 0, 96)]:
        assert main(["dream", "walk.mp4", name, "-q", "--like", old_film, *options]) == 0
        found = Recipe.read(name)
        assert (found.seed, found.size, found.rate) == (seed, size, "20")
    with pytest.raises(SystemExit):
        main(["dream", "walk.mp4", "c.mp4", "--like", old_film, "-p", "creatures"])
    assert "--like brings a preset" in capsys.readouterr().err


def test_paths_after_an_equals_sign_are_those_of_the_shell(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = parsed("dream", "~/a.mp4", "--mask=~/m.png", "--like=~/o.mp4", "--weights=~/w.pth", "--report=~/r.html")
    names = (found.source, found.mask, found.like, found.weights, found.report)
    assert names == tuple(f"{tmp_path}/{name}" for name in ("a.mp4", "m.png", "o.mp4", "w.pth", "r.html"))
    (tmp_path / "~").mkdir()
    assert parsed("dream", "~").source == "~"


def test_errors_of_the_library_speak_python_and_those_of_a_command_name_its_options():
    there = TargetError('"a.mp4" is already there; write to another name', use={"overwrite": True})
    assert str(there) == '"a.mp4" is already there; write to another name, or use overwrite=True'
    every = commands()
    assert spelled_for(there, every["dream"]).endswith("another name, or use --overwrite")
    # Where a command has no such option, nothing is said of it.
    assert spelled_for(there, every["nets"]) == '"a.mp4" is already there; write to another name'
    dream = every["dream"]
    assert spelled_for(TargetError("too large", use={"max_bytes": "8MB", "tile": 512}), dream) == (
        "too large; use --max-size 8MB or --tile 512"
    )
    assert spelled_for(TargetError("no sound", use={"audio": False}), dream) == "no sound; use --no-audio"
    assert spelled_for(NetError("no layers", use={"layers": "s3b:1, s2:0.5"}), dream) == (
        "no layers; use --set 'layers=s3b:1, s2:0.5'"
    )
    assert spelled_for(DeviceError('no device "gpu"', argument="device"), dream) == '--device: no device "gpu"'


def test_an_existing_target_of_each_kind_names_the_option(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "there.png", textured(32, 32))
    assert main(["atlas", "there.png"]) == 1
    assert capsys.readouterr().err == (
        'vidream: "there.png" is already there; write to another name, or use --overwrite\n'
    )
