"""A watched folder: what comes is dreamed once, when it has come whole, and a restart goes on."""

from __future__ import annotations

import builtins
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import textured
from frames_helpers import ffmpeg, make_clip

from vidream.cli import main
from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError, TargetError, VidreamError
from vidream.looks.preset import Preset
from vidream.many import ClipBatch, ClipMaker, FolderWatch, ManyProgress, folder_watch, watch_folder
from vidream.media import FrameReader, write_picture

PRESET = Preset(octaves=1, first_steps=1, steps=1, jitter=8, layers={"block2": 1.0})
QUICK = ["--set", "octaves=1", "--set", "first_steps=1", "--set", "steps=1", "--precision", "fp32", "--net", "dreamnet"]
BIG = (textured(120, 200)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


def pan(index: int) -> np.ndarray:
    return BIG[30:78, index : index + 64]


def hashes(path: Path) -> list[str]:
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


class Told(ManyProgress):
    def __init__(self) -> None:
        self.words: list[str] = []

    def made(self, source, made):
        self.words.append(f"made {source.name}")

    def skipped(self, source, why):
        self.words.append(f"skipped {source.name}")

    def failed(self, source, error):
        self.words.append(f"failed {source.name}")

    def noted(self, words):
        self.words.append(words)


class Folder:
    """A watched folder whose clock and events are the test's: each step is (seconds passed, changed, what happens)."""

    def __init__(self, folder: Path, out_dir: Path, maker: ClipMaker) -> None:
        self.folder, self.out_dir, self.maker = folder, out_dir, maker
        self.told = Told()
        self.now = 0.0

    def run(self, *steps, once=False, **options):
        def ticks():
            for seconds, is_changed, happens in steps:
                self.now += seconds
                happens()
                yield is_changed

        batch = ClipBatch(self.out_dir, self.maker, follows=True, resume=True, progress=self.told, **options)
        watch = FolderWatch(self.folder, batch, settle_seconds=2.0, rescan_seconds=30.0, clock=lambda: self.now)
        return watch.run(ticks(), once=once)


def nothing() -> None:
    pass


SETTLED = (3, False, nothing)


@pytest.fixture
def clip(tmp_path):
    (tmp_path / "clips").mkdir()
    return make_clip(tmp_path / "clips" / "walk.mp4", 3, draw=pan)


@pytest.fixture
def inbox(tmp_path, tiny_net):
    maker = ClipMaker(PRESET, make_dreamer=lambda preset: Dreamer(preset, net=tiny_net))
    (tmp_path / "in").mkdir()
    return Folder(tmp_path / "in", tmp_path / "out", maker)


def put(path: Path, data: bytes):
    return lambda: path.write_bytes(data)


def test_what_lies_there_and_what_comes_is_dreamed_once_with_one_load(inbox, clip):
    data = clip.read_bytes()
    (inbox.folder / "first.mp4").write_bytes(data)
    write_picture(inbox.folder / "still.png", textured(48, 64))
    result = inbox.run(
        SETTLED, (1, True, put(inbox.folder / "second.mp4", data)), (1, False, nothing), SETTLED, (40, True, nothing)
    )
    assert inbox.told.words == ["made first.mp4", "made still.png", "made second.mp4"]
    assert names(inbox.out_dir) == ["first-dream.mp4", "second-dream.mp4", "still-dream.png"]
    assert inbox.maker.loads == 1 and not result.failed and len(result.made) == 3
    with FrameReader(inbox.out_dir / "second-dream.mp4") as back:
        assert len(list(back)) == 3
    # The next start makes nothing again.
    assert not inbox.run(SETTLED, SETTLED).made


def test_a_file_that_grows_is_waited_for(inbox, clip):
    data, path = clip.read_bytes(), inbox.folder / "big.mp4"
    steps = [(1.5, True, put(path, data[: len(data) * part // 8])) for part in range(1, 9)]
    result = inbox.run(*steps, (1.5, False, nothing))
    assert not result.made and not inbox.told.words
    result = inbox.run((0, True, nothing), (1.9, False, nothing), (0.2, False, nothing))
    assert inbox.told.words == ["made big.mp4"]


def test_a_file_of_unchanged_size_that_is_still_written_is_waited_for(inbox, clip):
    data, path = clip.read_bytes(), inbox.folder / "big.mp4"
    blocks = [bytes(len(data)), data]
    stamps = iter(range(1, 9))

    def write(block):
        path.write_bytes(block)
        os.utime(path, ns=(0, next(stamps) * 10**9))

    steps = [(1.5, True, lambda block=block: write(block)) for block in (blocks[0], blocks[0], blocks[0], blocks[1])]
    inbox.run(*steps, SETTLED)
    assert inbox.told.words == ["made big.mp4"]


def test_new_content_under_an_old_name_is_dreamed_again_but_a_changed_dream_is_left(inbox, clip, tmp_path):
    path, dream = inbox.folder / "a.mp4", inbox.out_dir / "a-dream.mp4"
    longer = make_clip(tmp_path / "longer.mp4", 5, draw=pan).read_bytes()
    path.write_bytes(clip.read_bytes())
    inbox.run(SETTLED, (1, True, put(path, longer)), SETTLED)
    assert inbox.told.words == ["made a.mp4", "made a.mp4"] and names(inbox.out_dir) == ["a-dream.mp4"]
    with FrameReader(dream) as back:
        assert len(list(back)) == 5
    # What the user has put in the dream's place stays.
    dream.write_bytes(b"mine")
    path.write_bytes(clip.read_bytes())
    result = inbox.run(SETTLED)
    assert dream.read_bytes() == b"mine" and "overwrite=True" in result.failed[path]
    path.write_bytes(longer)
    assert inbox.run(SETTLED, overwrite=True).made == [dream]


def test_a_broken_file_is_named_not_tried_again_and_made_when_it_changes(inbox, clip):
    path = inbox.folder / "bad.mp4"
    path.write_bytes(b"no film\n")
    (inbox.folder / "good.mp4").write_bytes(clip.read_bytes())
    result = inbox.run(SETTLED, SETTLED, (40, True, nothing))
    assert inbox.told.words == ["failed bad.mp4", "made good.mp4"]
    assert list(result.failed) == [path]
    # A restart says so again, and does not try.
    result = inbox.run(SETTLED)
    assert inbox.told.words[2:] == ["skipped bad.mp4"] and list(result.failed) == [path]
    result = inbox.run((1, True, put(path, clip.read_bytes())), SETTLED)
    assert inbox.told.words[-1] == "made bad.mp4" and not result.failed


def test_what_failed_for_want_of_room_is_tried_again_at_the_next_start(inbox, clip):
    (inbox.folder / "a.mp4").write_bytes(clip.read_bytes())
    maker, inbox.maker = inbox.maker, lambda *_, **__: (_ for _ in ()).throw(TargetError("the disk is full"))
    assert inbox.run(SETTLED, SETTLED).failed == {inbox.folder / "a.mp4": "the disk is full"}
    assert inbox.told.words == ["failed a.mp4"]
    inbox.maker = maker
    assert len(inbox.run(SETTLED).made) == 1


def test_a_wrong_option_does_not_mark_a_clip_as_broken(inbox, clip, tiny_net):
    (inbox.folder / "a.mp4").write_bytes(clip.read_bytes())
    maker = inbox.maker
    inbox.maker = ClipMaker(PRESET, make_dreamer=maker._make_dreamer, mask="absent.png")
    assert len(inbox.run(SETTLED).failed) == 1
    inbox.maker = maker
    assert len(inbox.run(SETTLED).made) == 1


@pytest.mark.parametrize("place", ["in", "in/dreams"])
def test_hidden_and_unfinished_files_other_files_and_dreams_are_left_alone(inbox, clip, tmp_path, place):
    data = clip.read_bytes()
    others = [".a.mp4", "b.mp4.part", "c.mp4.crdownload", "d.tmp", "e.mp4~", "~f.mp4", "g.part.mp4", "notes.txt"]
    for name in [*others, "walk.mp4"]:
        (inbox.folder / name).write_bytes(data)
    (inbox.folder / "b.mp4").touch()  # the place that a browser keeps
    (inbox.folder / "sub").mkdir()
    (inbox.folder / "sub" / "h.mp4").write_bytes(data)
    inbox.out_dir = tmp_path / place
    for _ in range(2):
        inbox.run(SETTLED, (1, True, nothing), SETTLED, (40, True, nothing))
    assert inbox.told.words == ["made walk.mp4"]
    assert (inbox.out_dir / "walk-dream.mp4").exists()
    # A lost journal makes dreams of no dreams.
    (inbox.out_dir / ".vidream-clips.json").unlink()
    inbox.run(SETTLED, SETTLED)
    assert inbox.told.words[1:] == ["skipped walk.mp4"]
    assert all((inbox.folder / name).read_bytes() == data for name in others)


def test_a_change_that_nothing_told_of_is_found_in_time(inbox, clip):
    path = inbox.folder / "late.mp4"
    inbox.run((5, False, put(path, clip.read_bytes())), (5, False, nothing))
    assert not inbox.told.words
    inbox.now = 0.0
    path.unlink()
    inbox.run((5, False, put(path, clip.read_bytes())), (26, False, nothing), SETTLED)
    assert inbox.told.words == ["made late.mp4"]


def test_a_file_that_goes_away_and_a_folder_that_comes_back_are_no_failures(inbox, clip):
    path, away = inbox.folder / "a.mp4", inbox.folder.with_name("away")
    path.write_bytes(clip.read_bytes())
    result = inbox.run(
        (1, True, path.unlink), SETTLED, (1, True, lambda: inbox.folder.rename(away)), (1, True, nothing),
        (1, True, lambda: away.rename(inbox.folder)), (1, True, put(path, clip.read_bytes())), SETTLED,
    )  # fmt: skip
    assert not result.failed and len(inbox.told.words) == 2
    assert "cannot be looked into" in inbox.told.words[0] and inbox.told.words[1] == "made a.mp4"


def test_a_file_that_changes_while_it_is_dreamed_is_dreamed_again(inbox, clip, tmp_path):
    path, maker = inbox.folder / "a.mp4", inbox.maker
    longer = make_clip(tmp_path / "longer.mp4", 5, draw=pan).read_bytes()
    path.write_bytes(clip.read_bytes())

    def make(source, target, **how):
        made = maker(source, target, **how)
        path.write_bytes(longer)
        return made

    inbox.maker = make
    inbox.run(SETTLED, SETTLED, SETTLED)
    inbox.maker = maker
    inbox.run(SETTLED, SETTLED)
    with FrameReader(inbox.out_dir / "a-dream.mp4") as back:
        assert len(list(back)) == 5


def test_once_waits_until_all_has_come_and_ends(tmp_path, clip, tiny_net):
    maker = ClipMaker(PRESET, make_dreamer=lambda preset: Dreamer(preset, net=tiny_net))
    result = watch_folder(clip.parent, tmp_path / "out", make=maker, once=True, settle_seconds=0.1)
    assert result.made == [tmp_path / "out" / "walk-dream.mp4"] and not result.stopped
    result = watch_folder(clip.parent, tmp_path / "out", make=maker, once=True, settle_seconds=0.1)
    assert not result.made and not result.failed
    with pytest.raises(SourceError, match="no folder"):
        watch_folder(tmp_path / "absent", tmp_path / "out", make=maker, once=True)


@pytest.mark.parametrize("poll", [False, True])
def test_files_that_come_while_it_runs_are_found_by_the_systems_events(tmp_path, clip, tiny_net, poll):
    maker = ClipMaker(PRESET, make_dreamer=lambda preset: Dreamer(preset, net=tiny_net))
    (tmp_path / "in").mkdir()

    class Drops(ManyProgress):
        """Puts the next file there when one is made, and ends as Ctrl-C does after the third."""

        count = 0

        def made(self, source, made):
            Drops.count += 1
            if Drops.count == 3:
                raise KeyboardInterrupt
            drop()

    def drop():
        name = f"{Drops.count}.mp4"
        threading.Timer(0.3, lambda: (tmp_path / "in" / name).write_bytes(clip.read_bytes())).start()

    Drops.count = 0
    drop()
    options = {"make": maker, "poll": poll, "settle_seconds": 0.2, "progress": Drops()}
    result = watch_folder(tmp_path / "in", tmp_path / "out", **options)
    assert [path.name for path in result.made] == ["0-dream.mp4", "1-dream.mp4", "2-dream.mp4"]
    assert result.stopped and maker.loads == 1


def test_where_the_system_gives_no_events_it_says_so_and_looks_by_itself(tmp_path, monkeypatch):
    def refuses(*_, **__):
        raise OSError("no inotify left")
        yield

    monkeypatch.setattr("watchfiles.watch", refuses)
    monkeypatch.setattr(folder_watch, "BLIND_SECONDS", 0.01)
    said: list[str] = []
    changes = folder_watch.folder_changes(tmp_path, tell=said.append)
    assert [next(changes), next(changes)] == [True, True]
    assert "no inotify left" in said[0]


def test_a_missing_package_is_one_line_with_what_to_install(tmp_path, monkeypatch, capsys):
    real = importlib.util.find_spec
    monkeypatch.setattr(folder_watch, "find_spec", lambda name: None if name == "watchfiles" else real(name))
    assert main(["watch", str(tmp_path), "--out-dir", str(tmp_path / "out"), "-q"]) == 1
    assert capsys.readouterr().err == (
        "vidream: to watch a folder watchfiles is needed; install it with: pip install 'vidream[watch]'\n"
    )
    with pytest.raises(VidreamError):
        folder_watch.check_watch_extra()
    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: _refused(name) or imported(name, *rest))
    assert main(["watch", str(tmp_path), "--out-dir", str(tmp_path / "out"), "--once", "--settle", "0"]) == 0


def _refused(name: str) -> None:
    if name == "watchfiles":
        raise ImportError(name)


@pytest.mark.parametrize("words", [["--settle", "-1"], ["--settle", "9:00:00"], ["--like", "x.mp4", "-p", "eyes"], []])
def test_usage_errors_are_one_line_and_exit_2(tmp_path, capsys, words):
    out = ["--out-dir", str(tmp_path)] if words else []
    with pytest.raises(SystemExit) as caught:
        main(["watch", str(tmp_path), *out, *words])
    assert caught.value.code == 2 and capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_watch_that_was_killed_goes_on_in_the_clip_it_was_in(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "in").mkdir(exist_ok=True)
        make_clip(tmp_path / "in" / f"{name}.mp4", 100, draw=pan)
    options = [*QUICK, "--set", "steps=4", "--settle", "0.1"]
    start = [sys.executable, "-m", "vidream", "watch", str(tmp_path / "in"), "--out-dir"]
    subprocess.run([*start, str(tmp_path / "whole"), "--once", "-q", *options], check=True)
    child = subprocess.Popen([*start, str(tmp_path / "out"), "-q", *options], start_new_session=True)
    work = tmp_path / "out" / "b-dream.mp4.vidream"
    deadline = time.monotonic() + 120
    while not (work / "state.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    journal = json.loads((tmp_path / "out" / ".vidream-clips.json").read_text())
    assert [clip["state"] for clip in journal["clips"].values()] == ["made", "begun"]
    done = subprocess.run([*start, str(tmp_path / "out"), "--once", *options], capture_output=True, text=True)
    assert done.returncode == 0 and "resuming after frame" in done.stderr
    assert done.stdout == f"{tmp_path / 'out' / 'b-dream.mp4'}\n"
    for name in ("a-dream.mp4", "b-dream.mp4"):
        assert hashes(tmp_path / "out" / name) == hashes(tmp_path / "whole" / name)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("has_failed", [False, True])
def test_ctrl_c_ends_it_with_what_failed_and_the_right_exit_code(tmp_path, clip, has_failed):
    if has_failed:
        (clip.parent / "bad.mp4").write_bytes(b"no film")
    command = [sys.executable, "-m", "vidream", "watch", str(clip.parent), "--out-dir", str(tmp_path / "out")]
    child = subprocess.Popen(
        [*command, "--settle", "0.1", *QUICK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == f"{tmp_path / 'out' / 'walk-dream.mp4'}\n"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (int(has_failed), "")
    assert "Traceback" not in err and ("failed: " in err.splitlines()[-1]) == has_failed


_COUNTED = """
import sys
from pathlib import Path
import vidream.networks.pool as pool
from vidream.cli import main
from vidream.cli.clips_screen import ClipsScreen

loads, real = [], pool.load_net
pool.load_net = lambda name, **options: loads.append(name) or real(name, **options)
made, count = ClipsScreen.made, [0]

def resident_kb():
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("VmRSS:")).split()[1])

def counted(self, *given):
    made(self, *given)
    count[0] += 1
    if count[0] in (50, 100, 150, 197):
        print("resident", count[0], resident_kb(), file=sys.stderr)

ClipsScreen.made = counted
code = main(sys.argv[1:])
print("loads", len(loads), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_200_clips_are_made_with_one_load_in_flat_memory_and_three_broken_ones_are_named(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for width in (64, 80, 96):
        draw = lambda index, width=width: BIG[30:94, index : index + width]  # noqa: E731
        make_clip(tmp_path / f"{width}.mp4", 25, draw=draw)
    for number in range(200):
        data = (tmp_path / f"{(64, 80, 96)[number % 3]}.mp4").read_bytes()
        (folder / f"{number:03d}.mp4").write_bytes(b"no film" if number in (20, 90, 160) else data)
    words = ["watch", str(folder), "--out-dir", str(tmp_path / "out"), "--once", *QUICK]
    done = subprocess.run([sys.executable, "-c", _COUNTED, *words], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == 197 and "197 made, 3 failed" in done.stderr
    ends = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert [re.search(r"(\d+)\.mp4", line)[1] for line in ends] == ["020", "090", "160"]
    assert "loads 1\n" in done.stderr
    resident = {int(count): int(kb) for count, kb in re.findall(r"resident (\d+) (\d+)", done.stderr)}
    print(resident)
    assert resident[197] < resident[50] * 1.05, resident
    with FrameReader(tmp_path / "out" / "199-dream.mp4") as back:
        assert len(list(back)) == 25
