"""Trouble of every kind, made for real: a clean end, one line, and nothing of the film lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import textured
from frames_helpers import AtOnce, children, ffmpeg, make_clip
from memory_helpers import run_measured

import vidream
from vidream import api as files
from vidream.cli import main
from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError, TargetError
from vidream.looks.preset import Preset
from vidream.media.writers import segments
from vidream.rendering import state_saver
from vidream.rendering import work_folder as work

PRESET = Preset(octaves=2, first_steps=2, jitter=8, layers={"block2": 1.0})
BIG = (textured(120, 200)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, mounts a disk")


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.setattr(state_saver, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(segments, "_SEGMENT_SECONDS", 0.25)
    tone = ["-f", "lavfi", "-i", "sine=d=2"]
    return make_clip(
        tmp_path / "walk.mp4", 24, "-c:a", "aac", draw=lambda index: BIG[30:102, index : index + 96], before=tone
    )


@pytest.fixture
def make(tiny_net):
    return lambda preset: Dreamer(preset, net=tiny_net)


@pytest.fixture
def whole(clip, make, tmp_path):
    """The frames and the sound of the film made without trouble."""
    made = files.dream(clip, tmp_path / "whole.mp4", preset=PRESET, make_dreamer=make)
    return hashes(made.path)


@pytest.fixture
def disk(tmp_path):
    """A disk of its own: gives its folder, and a function that mounts it again with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small disk can only be mounted by root on Linux")

    mount("size=128m")
    yield folder, lambda options: mount(f"remount,{options}")
    subprocess.run(["umount", "-l", str(folder)], check=True)


class At(files.Progress):
    """Does something after frame `number`."""

    def __init__(self, number, act):
        self.number, self.act = number, act

    def frame(self, picture, frames):
        if frames == self.number:
            self.act()


def hashes(path: Path) -> list[str]:
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


@linux_only
@pytest.mark.parametrize(("suffix", "step_kilobytes", "kept"), [(".mp4", 15, 6), (".gif", 40, 12)])
def test_a_disk_that_fills_stops_the_film_says_how_much_it_needs_and_goes_on(
    clip, make, tmp_path, disk, suffix, step_kilobytes, kept
):
    whole = hashes(files.dream(clip, tmp_path / f"whole{suffix}", preset=PRESET, make_dreamer=make).path)
    folder, remount = disk
    target, sizes = folder / f"a{suffix}", []
    # The room runs out in states and segments, wherever the threads that save and close happen to be. Of a video, two
    # states are larger than all else: where they fit, all does. A GIF's segments are without loss, and larger.
    for kilobytes in range(40, 6000, step_kilobytes):
        remount(f"size={kilobytes}k")
        try:
            files.dream(clip, target, preset=PRESET, make_dreamer=make, resume=True)
            break
        except TargetError as error:
            assert "is full" in str(error), error
            sizes.append(work.WorkFolder(target, resume=True).frames_held)
            assert not target.exists()
    assert len(sizes) > 5 and sizes == sorted(sizes) and sizes[-1] >= kept
    assert hashes(target) == whole and [path.name for path in folder.iterdir()] == [target.name]


@linux_only
@pytest.mark.parametrize("room", [1, 3, 6])
def test_a_disk_that_fills_while_the_film_is_joined_loses_nothing(clip, make, whole, disk, monkeypatch, room):
    folder, remount = disk
    join = segments.join_pieces
    # States are saved at once: one that is still being saved takes or leaves room while the disk is measured.
    monkeypatch.setattr(state_saver, "ThreadPoolExecutor", AtOnce)

    def fill(*arguments):
        used = os.statvfs(folder)
        remount(f"size={(used.f_blocks - used.f_bfree + room) * used.f_frsize // 1024}k")
        return join(*arguments)

    monkeypatch.setattr(segments, "join_pieces", fill)
    with pytest.raises(TargetError, match="is full"):
        files.dream(clip, folder / "a.mp4", preset=PRESET, make_dreamer=make)
    monkeypatch.setattr(segments, "join_pieces", join)
    remount("size=8m")
    assert hashes(files.dream(clip, folder / "a.mp4", preset=PRESET, make_dreamer=make, resume=True).path) == whole


@linux_only
def test_a_full_disk_is_told_with_the_room_it_needs(clip, make, disk):
    folder, remount = disk
    remount("size=80k")
    with pytest.raises(TargetError, match=r"is full \(\d+\.\d MB left, about \d+\.\d MB needed\)"):
        files.dream(clip, folder / "a.mp4", preset=PRESET, make_dreamer=make)


@linux_only
def test_a_disk_that_takes_nothing_is_told_before_the_net_is_loaded(clip, disk):
    folder, remount = disk
    remount("ro")

    def never(preset):
        raise AssertionError("loaded")

    with pytest.raises(TargetError, match="cannot be written"):
        files.dream(clip, folder / "a.mp4", preset=PRESET, make_dreamer=never)
    remount("rw")
    assert list(folder.iterdir()) == []


def test_a_source_that_vanishes_and_comes_back_loses_nothing(clip, make, whole, tmp_path):
    away = tmp_path / "away.mp4"
    with pytest.raises(SourceError, match="is gone") as caught:
        files.dream(clip, preset=PRESET, make_dreamer=make, progress=At(5, lambda: clip.rename(away)))
    assert "are kept: continue with resume=True" in caught.value.__notes__[0]
    with pytest.raises(SourceError, match="no file"):
        files.dream(clip, preset=PRESET, make_dreamer=make, resume=True)
    away.rename(clip)
    assert hashes(files.dream(clip, preset=PRESET, make_dreamer=make, resume=True).path) == whole


@linux_only
def test_a_killed_decoder_stops_the_film_and_a_killed_encoder_does_not(clip, make, whole, tmp_path):
    def kill(words):
        for pid in children(words):
            os.kill(pid, signal.SIGKILL)

    long = make_clip(tmp_path / "long.mp4", 400, draw=lambda index: BIG[30:102, index % 96 : index % 96 + 96])
    with pytest.raises(SourceError, match="stopped by signal 9"):
        files.dream(long, preset=PRESET, make_dreamer=make, progress=At(9, lambda: kill("pipe:1")))
    assert work.WorkFolder(tmp_path / "long-dream.mp4", resume=True).frames_held >= 9

    killed = []

    class Unlucky(files.Progress):
        def frame(self, picture, frames):
            # Within a segment of 6 frames, and with its last: it is then killed while it is closed, or at once.
            if frames in (3, 12):
                killed.extend(children(".part.mp4"))
                kill(".part.mp4")

    made = files.dream(clip, preset=PRESET, make_dreamer=make, progress=Unlucky())
    assert killed and hashes(made.path) == whole


@linux_only
def test_running_out_of_memory_is_one_line_and_keeps_the_film(clip, whole, tmp_path, monkeypatch):
    child = """
import pathlib, resource, sys, threading, time
from vidream.media.writers import segments
from vidream.rendering import state_saver
from vidream.rendering import work_folder as work
from vidream.cli import main
from vidream.cli.terminal import Screen
state_saver.SAVE_SECONDS, segments._SEGMENT_SECONDS = 0.0, 0.08
save_state, frame, saves = state_saver.save_state, Screen.frame, threading.Lock()
def save(*state):
    with saves:
        save_state(*state)
state_saver.save_state = save
def scarce(self, picture, frames):
    frame(self, picture, frames)
    if frames != 5:
        return
    while not pathlib.Path("a.mp4.vidream/state.safetensors").exists():  # of a segment's end, two frames long
        time.sleep(0.05)
    with saves:  # what a save holds for a moment is no room
        used = int(open("/proc/self/statm").read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**20, resource.RLIM_INFINITY))
Screen.frame = scarce
sys.exit(main())
"""
    options = [
        "dream",
        str(clip),
        "a.mp4",
        "--size",
        "320",
        "--duration",
        "0.48",
        "--precision",
        "fp32",
        "--set",
        "octaves=1",
    ]
    monkeypatch.chdir(tmp_path)
    # Every large block is asked of the system anew: what the allocator keeps back might do for the whole film. So
    # might a thread's own arena, of which 64 MiB are reserved from the beginning.
    asking = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    place = {**os.environ, **asking, "PYTHONPATH": str(Path(vidream.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", child, *options], capture_output=True, text=True, timeout=120, env=place
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("vidream: out of memory")
    assert "are kept: continue with --resume" in done.stderr
    assert main([*options, "-q", "--resume", "--tile", "192"]) == 0
    assert sum(line.startswith("0,") for line in hashes(tmp_path / "a.mp4")) == 12


def test_names_of_every_kind_are_only_names(clip, make, whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(state_saver, "SAVE_SECONDS", 5.0)
    plain = ("a b'c\"d.mp4", "-i.mp4", "ünï 漢字 🎞.mp4", "file:x.mp4", "100%.mp4", "a?b#c&d.mp4", "$(ls)\n;.mp4")
    for name in plain:
        source = Path("in-" + name if not name.startswith("-") else name)
        source.write_bytes(clip.read_bytes())
        folder = Path(f"to {name}")
        folder.mkdir()
        made = files.dream(source, folder / name, preset=PRESET, make_dreamer=make)
        assert hashes(made.path) == whole
        assert [path.name for path in folder.iterdir()] == [name]


def test_broken_files_of_every_kind_are_read_or_refused_in_one_line():
    """The short form; `python scripts/fuzz.py --cases 10000` is the long one."""
    script = [
        sys.executable,
        str(Path(__file__).parent.parent / "scripts" / "fuzz.py"),
        "--cases",
        "90",
        "--seed",
        "11",
    ]
    done = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "90 files, 0 failures" in done.stdout


@linux_only
@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.bmp", "a.tif", "a.webp", "a.mp4"])
def test_a_picture_of_absurd_size_is_refused_before_it_is_decoded(tmp_path, name):
    import struct
    import zlib

    side = 60000
    header = b"IHDR" + struct.pack(">II5B", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    tags = [(256, 4, side), (257, 4, side), (258, 3, 32), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 4, side)]
    tiff = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in [*tags, (279, 4, 9), (339, 3, 3)])
    data = {
        "a.png": png + bytes(100),
        "a.gif": b"GIF89a" + struct.pack("<HH", side, side) + bytes(100),
        "a.bmp": b"BM" + struct.pack("<IIIIiiHHIIIIII", 100, 0, 54, 40, side, side, 1, 24, *[0] * 6) + bytes(99),
        "a.tif": b"II*\0" + struct.pack("<IH", 8, 9) + tiff + bytes(100),
        "a.webp": b"RIFF" + struct.pack("<I", 92) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0"
        + struct.pack("<I", 16383)[:3] * 2 + bytes(74),
        "a.mp4": png + bytes(100),
    }  # fmt: skip
    (tmp_path / name).write_bytes(data[name])
    child = """
import sys
import vidream.api, vidream.cli.terminal
before = peak_kb()
code = vidream.cli.main(sys.argv[1:])
print(code, peak_kb() - before)
"""
    done = run_measured(child, "dream", tmp_path / name, tmp_path / "out.png", "-q")
    code, grown_kb = map(int, done.stdout.split())
    assert code == 1, done.stderr
    assert grown_kb < 100_000
    assert not (tmp_path / "out.png").exists()
