"""Many clips: each dreamed once, with one load of the networks, whatever happens to the others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from frames_helpers import ffmpeg, make_clip

from vidream import Dreamer, FrameReader
from vidream.cli import main
from vidream.errors import SourceError
from vidream.many import expand
from vidream.many.many_clips import LEDGER

FAST = ["-p", "fast", "--set", "octaves=2", "--set", "first_steps=2", "--set", "steps=1"]


def hashes(path: Path) -> list[str]:
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def vidream(*words: object, **options: object) -> subprocess.Popen:
    command = [sys.executable, "-m", "vidream", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for number, name in enumerate(("a.mp4", "b.mp4", "a.mov")):
        make_clip(folder / name, 4 + number)
    return folder


@pytest.fixture
def loads(monkeypatch):
    """How often networks are loaded."""
    from vidream.networks import pool

    loaded, load = [], pool.load_net
    monkeypatch.setattr(pool, "load_net", lambda name, **options: loaded.append(name) or load(name, **options))
    return loaded


def test_many_clips_are_those_of_separate_runs_with_one_load_of_the_networks(clips, tmp_path, capsys, loads):
    out = tmp_path / "dreams"
    assert main(["dream", *FAST, str(clips / "a.mp4"), str(clips / "b.mp4"), "--out-dir", str(out)]) == 0
    assert loads == ["dreamnet"]
    assert names(out) == ["a-dream.mp4", "b-dream.mp4"]
    assert capsys.readouterr().out.split() == [str(out / "a-dream.mp4"), str(out / "b-dream.mp4")]
    for name in ("a", "b"):
        assert main(["dream", *FAST, str(clips / f"{name}.mp4"), str(tmp_path / f"{name}.mp4"), "-q"]) == 0
        assert hashes(out / f"{name}-dream.mp4") == hashes(tmp_path / f"{name}.mp4")


def test_a_broken_clip_is_named_and_the_others_are_made(clips, tmp_path, capsys):
    (clips / "broken.mp4").write_bytes(b"no film" * 100)
    out = tmp_path / "dreams"
    words = [
        "dream",
        *FAST,
        str(clips / "a.mp4"),
        str(clips / "broken.mp4"),
        str(clips / "none.mp4"),
        str(clips / "b.mp4"),
    ]
    assert main([*words, "--out-dir", str(out)]) == 1
    said = capsys.readouterr().err
    assert names(out) == ["a-dream.mp4", "b-dream.mp4"]
    assert "vidream: broken.mp4: " in said and "vidream: none.mp4: " in said
    assert said.splitlines()[-1] == "vidream: not made: broken.mp4, none.mp4"


def test_clips_of_one_name_get_dreams_of_several_and_the_same_ones_again(clips, tmp_path, capsys):
    out = tmp_path / "dreams"
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(clips / "b.mp4", other / "a.mp4")
    words = ["dream", *FAST, *map(str, (clips / "a.mp4", clips / "a.mov", other / "a.mp4")), "--out-dir", str(out)]
    assert main(words) == 0
    assert names(out) == ["a-dream.mp4", "a-mov-dream.mp4", "a-mp4-dream.mp4"]
    counts = [FrameReader(out / name).frame_count for name in names(out)]
    assert counts == [4, 6, 5]
    made = {name: (out / name).stat().st_mtime_ns for name in names(out)}
    capsys.readouterr()
    assert main(["dream", *FAST, *words[-3:-6:-1], "--out-dir", str(out)]) == 0
    assert {name: (out / name).stat().st_mtime_ns for name in names(out)} == made
    assert "3 were there" in capsys.readouterr().err


def test_a_clip_with_new_content_is_dreamed_again_and_another_look_is_not_mixed_in(clips, tmp_path, capsys):
    out = tmp_path / "dreams"
    words = ["dream", *FAST, str(clips / "a.mp4"), "--out-dir", str(out)]
    assert main(words) == 0
    make_clip(clips / "a.mp4", 9)
    assert main(words) == 0
    assert FrameReader(out / "a-dream.mp4").frame_count == 9
    capsys.readouterr()
    assert main([*words, "--seed", "2"]) == 1
    assert "made with another look; write to another folder, or use --overwrite" in capsys.readouterr().err
    before = hashes(out / "a-dream.mp4")
    assert main([*words, "--seed", "2", "--overwrite"]) == 0
    assert hashes(out / "a-dream.mp4") != before


def test_what_somebody_else_put_there_is_left_alone(clips, tmp_path, capsys):
    out = tmp_path / "dreams"
    out.mkdir()
    (out / "a-dream.mp4").write_bytes(b"mine")
    assert main(["dream", *FAST, str(clips / "a.mp4"), "--out-dir", str(out)]) == 1
    assert (out / "a-dream.mp4").read_bytes() == b"mine"
    assert "already there" in capsys.readouterr().err


def test_patterns_are_looked_up_and_names_with_brackets_are_names(clips, tmp_path):
    assert expand([str(clips / "*.mp4")]) == [clips / "a.mp4", clips / "b.mp4"]
    assert expand([str(tmp_path / "**" / "*.mov")]) == [clips / "a.mov"]
    (clips / "x[1].mp4").touch()
    assert expand([str(clips / "x[1].mp4"), str(clips / "%04d.png")]) == [clips / "x[1].mp4", clips / "%04d.png"]
    with pytest.raises(SourceError, match=r'no file fits ".*\*\.avi"'):
        expand([str(clips / "*.avi")])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a", "b", "c"], "3 files came: for many clips add --out-dir DIR"),
        (["a", "--out-dir", "d", "--report", "r.html"], "--report is for one clip"),
        (["a", "--out-dir", "d", "--shots", "1/2"], "--shots is for one clip"),
        (["a", "--worker-cpus", "2"], "--worker-cpus is for --cluster"),
    ],
)
def test_words_that_do_not_go_together_are_said(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["dream", *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_folder_is_dreamed_once_each_and_nothing_in_it_is_changed(clips, tmp_path, capsys):
    out = clips / "dreams"
    for name in ("notes.txt", ".hidden.mp4", "half.mp4.part"):
        (clips / name).write_text("x")
    before = {path.name: path.stat().st_mtime_ns for path in clips.iterdir()}
    words = ["watch", str(clips), "--out-dir", str(out), *FAST, "--once", "--settle", "0.3"]
    assert main(words) == 0
    assert names(out) == ["a-dream.mp4", "a-mov-dream.mp4", "b-dream.mp4"] or names(out) == [
        "a-dream.mp4", "a-mp4-dream.mp4", "b-dream.mp4"
    ]  # fmt: skip
    assert {name: (clips / name).stat().st_mtime_ns for name in before} == before
    capsys.readouterr()
    (out / "b-dream.mp4").unlink()  # taken away: it is not made again
    assert main(words) == 0
    assert "0 made" in capsys.readouterr().err


def test_dreams_in_the_watched_folder_are_not_dreamed_again(clips, capsys):
    words = ["watch", str(clips), "--out-dir", str(clips), *FAST, "--once", "--settle", "0.3"]
    assert main(words) == 0
    assert main(words) == 0
    assert len(names(clips)) == 6


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.1)


def test_a_growing_file_is_waited_for_and_ctrl_c_ends_the_watch(clips, tmp_path):
    whole = make_clip(tmp_path / "slow.mp4", 30).read_bytes()
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    watching = vidream("watch", inbox, "--out-dir", out, *FAST, "--settle", "1.5")
    try:
        with (inbox / "slow.mp4").open("wb") as file:
            for at in range(0, len(whole), len(whole) // 5 + 1):
                file.write(whole[at : at + len(whole) // 5 + 1])
                file.flush()
                time.sleep(0.7)
        shutil.copy(clips / "b.mp4", inbox / "b.mp4")
        wait_for(lambda: out.is_dir() and names(out) == ["b-dream.mp4", "slow-dream.mp4"])
        (inbox / "broken.mp4").write_bytes(b"no film" * 99)
        wait_for(lambda: "broken" in (out / LEDGER).read_text())
    finally:
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=60)
    assert watching.returncode == 1  # one failed
    assert said.count("broken.mp4: ") == 1 and said.splitlines()[-1] == "vidream: not made: broken.mp4"
    assert FrameReader(out / "slow-dream.mp4").frame_count == 30


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_killed_watch_goes_on_where_it_was(clips, tmp_path):
    out = tmp_path / "out"
    make_clip(clips / "z.mp4", 400)
    watching = vidream("watch", clips, "--out-dir", out, *FAST, "--settle", "0.3", "--once")
    wait_for(lambda: (out / "z-dream.mp4.vidream").is_dir())
    watching.kill()
    watching.communicate()
    done = {name: (out / name).stat().st_mtime_ns for name in names(out) if name.endswith(".mp4")}
    assert len(done) == 3
    again = vidream("watch", clips, "--out-dir", out, *FAST, "--settle", "0.3", "--once")
    _, said = again.communicate(timeout=120)
    assert again.returncode == 0 and "1 made" in said
    assert {name: (out / name).stat().st_mtime_ns for name in done} == done
    assert FrameReader(out / "z-dream.mp4").frame_count == 400
    assert len(json.loads((out / LEDGER).read_text())) == 4


def test_two_runs_do_not_work_in_one_folder(clips, tmp_path, capsys):
    from vidream.many import Clips

    with Clips(tmp_path / "out", lambda *_: None):
        result = []
        words = ["dream", *FAST, str(clips / "a.mp4"), "--out-dir", str(tmp_path / "out")]
        thread = threading.Thread(target=lambda: result.append(main(words)))
        thread.start()
        thread.join()
    assert result == [1]
    assert "another run is at work in it" in capsys.readouterr().err


def test_a_dreamer_keeps_nothing_from_clip_to_clip(clips, tmp_path):
    from vidream import Preset, dream

    dreamer = Dreamer(Preset.load("fast").replace(octaves=2, first_steps=2, steps=1))
    for name in ("one", "two"):
        dream(clips / "a.mp4", tmp_path / f"{name}.mp4", dreamer=dreamer)
        dream(clips / "b.mp4", tmp_path / f"{name}-b.mp4", dreamer=dreamer)
    assert hashes(tmp_path / "one.mp4") == hashes(tmp_path / "two.mp4")


@pytest.mark.slow
def test_two_hundred_clips_in_flat_memory_with_the_broken_ones_named(tmp_path, capsys, loads):
    inbox, out = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    clip = make_clip(tmp_path / "clip.mp4", 25)
    for number in range(200):
        shutil.copy(clip, inbox / f"{number:03d}.mp4")
    for number in (20, 90, 150):
        (inbox / f"{number:03d}.mp4").write_bytes(b"no film" * 99)
    memory = []
    ends = threading.Event()

    def measure() -> None:
        while not ends.wait(0.5):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            memory.append(
                (len(list(out.glob("*.mp4"))) if out.is_dir() else 0, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
            )

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        assert main(["watch", str(inbox), "--out-dir", str(out), *FAST, "--once", "--settle", "0.5", "-q"]) == 1
    finally:
        ends.set()
        thread.join()
    assert capsys.readouterr().err.splitlines()[-1] == "vidream: not made: 020.mp4, 090.mp4, 150.mp4"
    assert loads == ["dreamnet"]
    assert len(names(out)) == 197
    early, late = (max(mib for made, mib in memory if low <= made <= high) for low, high in ((40, 60), (170, 197)))
    print(f"memory after 50 clips {early:.0f} MiB, at the end {late:.0f} MiB")
    assert late < early * 1.05 + 20
