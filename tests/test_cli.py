from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import make_clip

from vidream.cli import main
from vidream.media import FrameReader, write_picture

QUICK = ["--set", "octaves=1", "--set", "first_steps=1", "--precision", "fp32"]
BIG = (textured(120, 200)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_clip(tmp_path / "walk.mp4", 8, draw=lambda index: BIG[30:102, index : index + 96])


def files_here(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_first_command_makes_a_film_and_prints_its_path(clip, capsys):
    assert main(["dream", "walk.mp4", *QUICK]) == 0
    said = capsys.readouterr()
    assert said.out == "walk-dream.mp4\n"
    for words in ("dreamnet and efficientnet_lite0 on cpu", "96x72", "8 frames", "strength", "warp error"):
        assert words in said.err
    with FrameReader("walk-dream.mp4") as back:
        assert len(list(back)) == 8


def test_quiet_says_nothing(clip, capsys):
    assert main(["dream", "walk.mp4", "-q", *QUICK]) == 0
    assert capsys.readouterr() == ("", "")


def test_span_size_and_rate_are_taken_from_the_options(clip):
    options = ["--size", "64", "--start", "0:0.04", "--duration", "0.16", "--fps", "50"]
    assert main(["dream", "walk.mp4", "out.mkv", "-q", *QUICK, *options]) == 0
    with FrameReader("out.mkv") as back:
        assert (back.width, back.height, float(back.rate)) == (64, 48, 50.0)
        assert len(list(back)) == pytest.approx(8, abs=1)


def test_preview_keeps_a_picture_where_there_is_no_screen(clip, capsys, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if sys.platform != "linux":
        pytest.skip("a window would open")
    assert main(["dream", "walk.mp4", "--preview", *QUICK]) == 0
    assert "vidream-preview.jpg" in capsys.readouterr().err
    with FrameReader("vidream-preview.jpg") as shown:
        assert (shown.width, shown.height) == (96, 72)


def test_another_net_is_dreamed_with_its_own_layers(clip, capsys):
    assert main(["dream", "walk.mp4", "--net", "googlenet", "--weights", "absent.pth", *QUICK]) == 1
    assert "no weights file absent.pth" in capsys.readouterr().err


BAD = {
    "no such file": (["wlak.mp4"], 'close: "walk.mp4"'),
    "a directory": (["folder"], "is a folder"),
    "text named mp4": (["text.mp4"], "text.mp4"),
    "truncated mp4": (["cut.mp4"], "cut.mp4"),
    "empty file": (["empty.mp4"], "empty"),
    "a 1x1 picture": (["dot.png"], "16"),
    "no such folder": (["walk.mp4", "nowhere/out.mp4"], "nowhere"),
    "unknown suffix": (["walk.mp4", "out.xyz"], ".mp4"),
    "target is there": (["walk.mp4", "text.mp4"], "--overwrite"),
    "unknown preset": (["walk.mp4", "-p", "cretures"], 'close: "creatures"'),
    "unknown field": (["walk.mp4", "--set", "octave=2"], 'close: "octaves"'),
    "unknown layer": (["walk.mp4", "--set", "subject=", "--set", "layers=s3c"], "s3a"),
    "unknown subject": (["walk.mp4", "--set", "subject=beast"], 'close: "beasts"'),
    "unknown net": (["walk.mp4", "--net", "googlnet"], 'close: "googlenet"'),
    "value out of range": (["walk.mp4", "--set", "keep=2"], "0.0 to 1.0"),
    "size out of range": (["walk.mp4", "--size", "-4"], "-4"),
    "start beyond the end": (["walk.mp4", "--start", "99"], "99"),
    "fps out of range": (["walk.mp4", "--fps", "-1"], "-1"),
    "unknown device": (["walk.mp4", "--device", "gpu"], "auto, cpu, cuda, mps"),
    "unknown precision": (["walk.mp4", "--precision", "int8"], "bf16"),
    "tile out of range": (["walk.mp4", "--tile", "3"], "tile"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line_and_exit_1_with_nothing_left(clip, tmp_path, capsys, case):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.mp4").write_text("not a film\n" * 50)
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 3])
    (tmp_path / "empty.mp4").touch()
    write_picture(tmp_path / "dot.png", textured(64, 64)[..., :1, :1])
    before = files_here(tmp_path)
    arguments, words = BAD[case]
    assert main(["dream", *arguments, *(["--set", "octaves=1"] if "--set" not in arguments else [])]) == 1
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith("vidream: ")]
    assert said.err.count("\n") == 1 and len(lines) == 1, said.err
    assert words in lines[0]
    assert said.out == ""
    assert files_here(tmp_path) == before


def test_cuda_asked_for_where_there_is_none_is_a_clear_error(clip, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["dream", "walk.mp4", "--device", "cuda"]) == 1
    said = capsys.readouterr().err
    assert "no CUDA GPU here" in said and "use --device cpu" in said


def test_debug_adds_the_traceback(clip):
    command = [sys.executable, "-m", "vidream", "dream", "absent.mp4", "--debug"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_reader_who_has_seen_enough_is_no_error():
    child = subprocess.Popen(
        [sys.executable, "-m", "vidream", "presets"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    assert b"Traceback" not in child.stderr.read()
    child.wait(timeout=20)


def test_usage_errors_exit_with_2(capsys):
    for arguments in ([], ["dream"], ["dream", "a.mp4", "--fps", "fast"], ["sleep"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_file_with_the_frames_made_so_far(tmp_path, sent):
    clip = make_clip(tmp_path / "long.mp4", 100, draw=lambda index: BIG[30:102, index : index + 96])
    command = [sys.executable, "-m", "vidream", "dream", str(clip), "--set", "first_steps=4", "--set", "steps=20"]
    # A group of its own, all of it hit at once, as a terminal does on Ctrl-C.
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob("*.part.mp4")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    os.killpg(child.pid, sent)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 1, err
    assert "frames made so far" in err and "Traceback" not in err
    assert files_here(tmp_path) == ["long-dream.mp4", "long-dream.mp4.vidream", "long.mp4"]
    assert "--resume goes on" in err
    with FrameReader(tmp_path / "long-dream.mp4") as back:
        assert 0 < len(list(back)) < 100
    assert out.strip() == str(tmp_path / "long-dream.mp4")


def test_presets_can_be_listed_printed_and_dreamed_from_a_file(clip, capsys, tmp_path):
    assert main(["presets"]) == 0
    assert "creatures" in capsys.readouterr().out
    assert main(["presets", "gentle"]) == 0
    (tmp_path / "mine.toml").write_text(capsys.readouterr().out)
    assert main(["dream", "walk.mp4", "-q", "-p", "mine.toml", "--duration", "0.08", *QUICK]) == 0


def test_nets_layers_and_doctor_speak_to_people_and_to_scripts(tmp_path, capsys):
    for command, words in [("nets", "googlenet"), ("layers", "s3b"), ("doctor", "ffmpeg")]:
        path = tmp_path / f"{command}.json"
        assert main([command, "--json", str(path)]) == 0
        assert words in capsys.readouterr().out
        assert words in json.dumps(json.loads(path.read_text()))
    assert main(["nets", "--json", str(tmp_path / "absent" / "x.json")]) == 1
    assert main(["layers", "--net", "googlnet"]) == 1
    assert 'close: "googlenet"' in capsys.readouterr().err


def test_layers_of_any_net_can_be_listed_without_a_download(capsys):
    assert main(["layers", "--net", "googlenet"]) == 0
    assert "inception4c" in capsys.readouterr().out


def test_the_convolutions_of_inception5h_are_listed_as_the_write_ups_print_them(capsys):
    assert main(["layers", "--net", "inception5h"]) == 0
    said = capsys.readouterr().out
    assert "59 convolutions" in said
    assert "mixed4d_3x3_bottleneck_pre_relu/conv  (?, ?, ?, 144)" in said


def test_running_out_of_memory_is_one_clear_line_and_leaves_nothing(clip, tmp_path, capsys, monkeypatch):
    def greedy(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 80.00 GiB")

    monkeypatch.setattr("vidream.engine.dreamer.Dreamer._step", greedy)
    assert main(["dream", "walk.mp4", *QUICK]) == 1
    assert "--tile 512" in capsys.readouterr().err
    assert files_here(tmp_path) == ["walk.mp4"]
