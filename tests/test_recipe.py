"""What was made is known: films carry how they were made, and reports say how steady they are."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from conftest import textured
from frames_helpers import ffmpeg, make_clip

from vidream import api as files
from vidream.cli import main
from vidream.engine.dreamer import Dreamer
from vidream.errors import PresetError, SourceError, TargetError
from vidream.looks.preset import Preset
from vidream.media import FrameReader, write_picture
from vidream.objectives import channel
from vidream.rendering.recipe import Recipe

LOOK = Preset(octaves=2, first_steps=2, layers={"block2": 1.0, "block3": "0:0, 1s:1"}, step_size="0:0.1, 3s:0.01")
BIG = [(textured(120, 200, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8) for seed in (0, 5)]


def two_shots(index: int) -> np.ndarray:
    return BIG[index >= 6][30:102, index : index + 96]


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_clip(tmp_path / "walk.mp4", 12, "-c:a", "aac", draw=two_shots, before=["-f", "lavfi", "-i", "sine=d=1"])


@pytest.fixture
def make(tiny_net):
    return lambda preset: Dreamer(preset, net=tiny_net, seed=7)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.mov", "a.gif", "a.png", "a.jpg", "%02d.png"])
def test_a_film_carries_how_it_was_made(clip, make, tmp_path, name):
    span = {"duration_seconds": 0.04} if name in ("a.png", "a.jpg") else {}
    made = files.dream(clip, name, preset=LOOK, make_dreamer=make, size=64, fps=12.5 if not span else None, **span)
    found = Recipe.read(str(made.path) % 1 if "%" in name else made.path)
    assert (found.preset, found.seed, found.size, found.source) == (LOOK, 7, 64, "walk.mp4")
    with FrameReader(made.path) as back:
        assert len(list(back)) == made.frames


def test_a_sidecar_says_it_too_where_the_file_cannot(clip, make, tmp_path):
    made = files.dream(clip, "a.bmp", preset=LOOK, make_dreamer=make, sidecar=True, duration_seconds=0.04)
    assert Recipe.read(made.path).preset == LOOK
    said = json.loads((tmp_path / "a.bmp.json").read_text())
    assert said["film"]["frames"] == 1 and said["seed"] == 7
    with pytest.raises(TargetError, match="already there"):
        files.dream(clip, "a.bmp", preset=LOOK, make_dreamer=make, sidecar=True, duration_seconds=0.04)


def test_like_dreams_another_source_in_the_same_way(clip, tmp_path):
    quick = ["--set", "octaves=1", "--set", "first_steps=1", "--set", "keep=0.5", "--precision", "fp32"]
    assert main(["dream", "walk.mp4", "old.mp4", "-q", "--size", "64", "--seed", "3", *quick]) == 0
    assert main(["dream", "walk.mp4", "same.mp4", "-q", "--like", "old.mp4", "--precision", "fp32"]) == 0
    assert main(["dream", "walk.mp4", "other.mp4", "-q", "--like", "old.mp4", "--set", "keep=0.1"]) == 0
    old, same, other = (
        ffmpeg("-i", name, "-map", "0:v", "-f", "framemd5", "-") for name in ("old.mp4", "same.mp4", "other.mp4")
    )
    assert old == same != other
    assert Recipe.read("other.mp4").preset == Recipe.read("old.mp4").preset.replace(keep=0.1)


def test_like_a_file_that_says_nothing_is_one_line(clip, tmp_path, capsys):
    write_picture(tmp_path / "plain.png", textured(32, 32))
    (tmp_path / "bad.json").write_text('{"preset": {"octaves": "many"}, "seed": 0, "source": "", "vidream": "1"}')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    for name, error in [("walk.mp4", PresetError), ("plain.png", PresetError), ("no.mp4", SourceError),
                        ("bad.json", PresetError), ("deep.json", PresetError)]:  # fmt: skip
        with pytest.raises(error):
            Recipe.read(name)
        assert main(["dream", "walk.mp4", "new.mp4", "--like", name]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "Traceback" not in said


def test_a_report_is_one_page_that_needs_nothing_else(clip, make, tmp_path):
    made = files.dream(clip, "a.mp4", preset=LOOK, make_dreamer=make, report="a.html")
    page = (tmp_path / "a.html").read_text()
    assert page.count("<svg") == 4 and page.count('class="cut"') == 4 and "0.24 s" in page
    assert f"{made.strength:.5f}".rstrip("0") in page
    assert not re.search(r"https?:|//|src=|@import|url\(", page)
    for svg in re.findall(r"<svg.*?</svg>", page, re.S):
        for line in ElementTree.fromstring(svg).iter("polyline"):
            places = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
            assert all(0 <= x <= 860 and 0 <= y <= 120 for x, y in places)
            assert places == sorted(places, key=lambda place: place[0])


def test_a_json_report_has_every_frame_of_a_film_made_in_two_goes(clip, make, tmp_path):
    class Stops(files.Progress):
        def frame(self, picture, frames):
            if frames == 5:
                raise KeyboardInterrupt

    files.dream(clip, "a.mp4", preset=LOOK, make_dreamer=make, report="a.json", progress=Stops())
    assert json.loads((tmp_path / "a.json").read_text())["finished"] is False
    made = files.dream(clip, "a.mp4", preset=LOOK, make_dreamer=make, report="a.json", resume=True)
    said = json.loads((tmp_path / "a.json").read_text())
    frames = said["of_each_frame"]
    assert {len(values) for values in frames.values()} == {12}
    assert said["cuts"] == [6] and frames["warp_error"][0] is None is frames["warp_error"][6]
    assert sum(frames["strength"]) / 12 == pytest.approx(made.strength, rel=1e-4)
    files.dream(clip, "b.mp4", preset=LOOK, make_dreamer=make, report="b.json")
    other = json.loads((tmp_path / "b.json").read_text())["of_each_frame"]
    assert all(other[name] == frames[name] for name in ("strength", "brightness", "source_brightness", "warp_error"))


def test_a_report_that_cannot_be_written_is_told_before_the_film_is_made(clip, make, tmp_path):
    (tmp_path / "there.html").write_text("mine")
    for name in ("a.pdf", "nowhere/a.html", "there.html"):
        with pytest.raises(TargetError):
            files.dream(clip, "a.mp4", preset=LOOK, make_dreamer=make, report=name)
    assert (tmp_path / "there.html").read_text() == "mine" and not (tmp_path / "a.mp4").exists()


def test_two_objectives_on_one_layer_are_two_films(clip, tiny_net, tmp_path):
    class Stops(files.Progress):
        def frame(self, picture, frames):
            if frames == 3:
                raise KeyboardInterrupt

    def with_objective(made):
        return lambda preset: Dreamer(preset, net=tiny_net, objective=made, seed=7)

    options = {"preset": LOOK, "size": 64}
    first, second = (with_objective(channel("block2", index)) for index in (1, 2))
    assert not files.dream(clip, "a.mp4", make_dreamer=first, progress=Stops(), **options).finished
    assert Recipe.read("a.mp4").objective == {"objective": "channel", "name": "block2", "index": 1}
    with pytest.raises(TargetError, match=r'objective.*"index": 2'):
        files.dream(clip, "a.mp4", make_dreamer=second, resume=True, **options)
    with pytest.raises(TargetError, match="objective"):
        files.dream(
            clip, "a.mp4", make_dreamer=lambda preset: Dreamer(preset, net=tiny_net, seed=7), resume=True, **options
        )
    assert files.dream(clip, "a.mp4", make_dreamer=first, resume=True, **options).finished
    assert Recipe.read("a.mp4").objective == {"objective": "channel", "name": "block2", "index": 1}
