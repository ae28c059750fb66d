"""vidream bench: figures that hold together, at sizes small enough for a test."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from vidream import Dreamer, Preset, load_net
from vidream.bench import against_plain_clip, against_plain_step, gpu_suite, measure, measure_all, plain_loop
from vidream.bench.measure import moving_frames
from vidream.cli import main
from vidream.engine.octaves import octave_sizes
from vidream.networks.registry import make_net, network_entry


@pytest.fixture(scope="module")
def dreamer():
    return Dreamer(Preset.load("fast"), net=load_net("dreamnet"))


def test_a_bench_tells_of_every_size_and_part(dreamer):
    told = []
    found = measure_all(dreamer, [(96, 64), (128, 96)], seconds=0.1, live_seconds=0.5, told=told.append)
    assert [(each.width, each.height) for each in found.sizes] == [(96, 64), (128, 96)]
    assert found.sizes[1].step_operations > 1.5 * found.sizes[0].step_operations
    for each in found.sizes:
        assert min(each.first_frame_seconds, each.frame_seconds, each.step_seconds) > 0
        assert {"read", "flow", "carry", "finish, figures", "hand over", "encode, rest"} < set(each.parts)
        assert any(name.startswith("octave") for name in each.parts) and all(
            seconds > 0 for seconds in each.parts.values()
        )
    assert found.matrix_peak > 1e8 and found.live is not None and found.live.pictures > 0
    assert "96x64" in " ".join(told)


def test_the_first_frame_is_told_apart_from_those_that_carry_on(dreamer, monkeypatch):
    """By a clock of gradient steps, since a busy machine may hold up any frame."""
    taken = []
    step = Dreamer._step
    monkeypatch.setattr(Dreamer, "_step", lambda *given: taken.append(1) or step(*given))
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: float(len(taken))))
    found = measure.size_figures(dreamer, 288, 192, 1.0, 0.1)
    look = dreamer.preset
    octaves = len(octave_sizes(192, 288, look.octaves, look.octave_scale, look.finest))
    assert octaves > 1 and found.first_frame_seconds == look.first_steps * octaves
    # Octaves take turns: two frames together take all.
    assert found.frame_seconds == look.steps * octaves / look.octave_turns


@pytest.fixture
def compile_by_hand(monkeypatch):
    """torch.compile takes a minute and needs a compiler: here it gives the function back."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


@pytest.fixture
def no_compiler(monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("no working C++ compiler\nand more lines")

    monkeypatch.setattr(torch, "compile", refuse)


def test_every_baseline_does_the_same_step(dreamer, compile_by_hand):
    both = against_plain_step(dreamer, moving_frames(96, 80, 1)[0], budget_seconds=0.1)
    assert both.compiled_seconds is not None and both.compiled_reason == ""
    picture = torch.rand(1, 3, 80, 96)
    scores = [plain_loop._plain_score(dreamer, trains=False)]
    scores.append(plain_loop._scored(dreamer, plain_loop._three_lines(dreamer)))
    found = [float(score(picture)) for score in scores]
    assert found[1] == pytest.approx(found[0], rel=1e-4)


def test_without_a_compiler_torch_compile_is_skipped_with_a_word(dreamer, no_compiler):
    both = against_plain_step(dreamer, moving_frames(96, 80, 1)[0], budget_seconds=0.1)
    assert both.compiled_seconds is None and both.compiled_reason == "RuntimeError: no working C++ compiler"
    assert both.three_lines_seconds > 0


def test_operations_are_those_counted_by_hand():
    net = load_net("dreamnet")
    # Its first layer alone: 16 channels of 6x6x3 at half the size, a multiplication and an addition each.
    assert net.operations(["stem.conv"], 64, 96) == 2 * 16 * 6 * 6 * 3 * 32 * 48


def test_the_plain_step_climbs_as_ours_does(dreamer, compile_by_hand):
    dreamer = dreamer.with_preset(Preset(layers={"s3b": 1.0}))
    both = against_plain_step(dreamer, moving_frames(96, 80, 1)[0], budget_seconds=0.1)
    assert both.objective_ratio == pytest.approx(1, abs=0.02)
    assert both.ratio == both.plain_seconds / both.ours_seconds


def test_googlenet_climbs_as_the_plain_one_does_in_bfloat16(no_compiler):
    torch.manual_seed(0)
    entry = network_entry("googlenet")
    loaded = entry.untrained()
    loaded.module.train()
    with torch.no_grad():
        loaded.module(torch.randn(8, 3, 64, 64))
    net = make_net(entry, loaded, dtype=torch.bfloat16)
    both = against_plain_step(
        Dreamer(Preset(net="googlenet"), net=net), moving_frames(128, 96, 1)[0], budget_seconds=0.1
    )
    assert both.objective_ratio == pytest.approx(1, abs=0.02)


def test_a_clip_both_ways_is_measured_alike(dreamer):
    both = against_plain_clip(dreamer, moving_frames(96, 80, 4))
    assert both.frames == 4 and both.ratio > 1
    assert both.steadiness_ratio > 2
    with pytest.raises(ValueError, match="two frames"):
        against_plain_clip(dreamer, moving_frames(96, 80, 1))


def test_the_command_writes_figures_and_a_picture(tmp_path, capsys, no_compiler):
    figures, picture = tmp_path / "bench.json", tmp_path / "profile.png"
    command = ["bench", "-p", "fast", "--sizes", "96x64", "--seconds", "0.1", "--no-live", "--against", "plain"]
    assert main([*command, "--json", str(figures), "--profile", str(picture)]) == 0
    said = capsys.readouterr().out
    assert "96x64" in said and "times as fast" in said and "no working C++ compiler" in said
    written = json.loads(figures.read_text())
    assert written["sizes"][0]["parts"] and written["plain_step"]["ratio"] > 0
    assert Image.open(picture).size[0] > 500


def test_the_gpu_suite_goes_through_all_its_parts_where_one_of_them_fails(tmp_path, capsys, monkeypatch, no_compiler):
    def fail(self):
        raise RuntimeError("out of memory\nat a place")

    monkeypatch.setattr(gpu_suite._Suite, "_live", fail)
    monkeypatch.setattr(gpu_suite, "LOOKS", {name: gpu_suite.LOOKS[name] for name in list(gpu_suite.LOOKS)[:3]})
    figures = tmp_path / "gpu.json"
    command = ["bench", "--suite", "gpu", "--device", "cpu", "--sizes", "64x64", "--seconds", "0.1"]
    assert main([*command, "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    assert found["live"]["error"] == "RuntimeError: out of memory"
    measured = {name: part["figures"] for name, part in found.items() if "figures" in part}
    assert set(found) - set(measured) == {"live"}
    assert measured["steps"]["both 64x64 bf16"]["figures"]["step, s"] > 0
    assert measured["frames"]["dreamnet 64x64"]["figures"]["frames a second"] > 0
    assert measured["cpu and gpu"]["cosine"] > 0.999 and measured["flow"]["dis, s"] > 0
    assert measured["plain"]["dreamnet"]["plain over ours"] > 0
    assert measured["tests"]["exit code"] == 0 and "passed" in measured["tests"]["said"]
    assert "left out" in measured["recorded steps"]  # a CPU has none
    assert "machine" in capsys.readouterr().out


def test_the_gpu_suite_leaves_out_what_it_has_no_time_for(monkeypatch):
    monkeypatch.setattr(gpu_suite, "SUITE_SECONDS", 0.0)
    monkeypatch.setattr(gpu_suite, "TEST_SECONDS", 0.0)
    found = gpu_suite.run_gpu_suite(torch.device("cpu"), [(64, 64)], seconds=0.1)
    assert all(part["left out"] == "no time was left" for part in found.values()) and len(found) == 10


def test_bad_wishes_are_one_line_before_anything_is_measured(tmp_path, capsys):
    assert main(["bench", "--json", str(tmp_path / "none" / "x.json")]) == 1
    assert "there is no folder" in capsys.readouterr().err
    for wrong in (
        ["--sizes", "12x9"],
        ["--sizes", "big"],
        ["--clip", "x.mp4"],
        ["--seconds", "0"],
        ["--suite", "gpu", "-p", "sea"],
    ):
        with pytest.raises(SystemExit):
            main(["bench", *wrong])
