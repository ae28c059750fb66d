"""When writing goes wrong: no half file, no endless wait, one clear line."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from frames_helpers import beep_starts, children, index_of, make_clip, numbered_frame, packet_times, smooth_picture

from vidream.errors import TargetError
from vidream.media import Delivery, FrameReader, FrameWriter, from_array
from vidream.media.ffmpeg import Child

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
NAMES = ["out.mp4", "out.gif", "out.webm", "out.png"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 256 kB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk can only be mounted by root on Linux")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_an_exception_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    threads = threading.active_count()
    with pytest.raises(RuntimeError, match="dream"), FrameWriter(tmp_path / name) as writer:
        writer.write(smooth_picture())
        raise RuntimeError("dream")
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads


@pytest.mark.parametrize("name", NAMES)
def test_an_exception_leaves_an_older_file_as_it_was(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(RuntimeError), FrameWriter(tmp_path / name, overwrite=True) as writer:
        writer.write(smooth_picture())
        raise RuntimeError
    assert (tmp_path / name).read_bytes() == b"precious"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", [*NAMES, "%d.png"])
def test_no_frame_at_all_is_an_error_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(TargetError, match="nothing was written"), FrameWriter(tmp_path / name):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out.mkv"])
def test_an_interrupt_finishes_the_file_and_goes_on(tmp_path: Path, name: str) -> None:
    sound = ["-f", "lavfi", "-i", "sine=d=3"]
    clip = make_clip(tmp_path / "a.mp4", 50, before=sound)
    with (
        pytest.raises(KeyboardInterrupt),
        FrameReader(clip) as reader,
        FrameWriter(tmp_path / name, like=reader) as writer,
    ):
        for picture in reader:
            writer.write(picture)
            if writer.frames_written == 7:
                raise KeyboardInterrupt
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["a.mp4", name])
    with FrameReader(tmp_path / name) as reader:
        assert [index_of(picture) for picture in reader] == list(range(7))
        assert reader.has_audio == (name != "out.gif")
    if name != "out.gif":
        assert beep_starts(tmp_path / name) < 0.05


def test_an_interrupt_before_the_first_frame_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), FrameWriter(tmp_path / "out.mp4"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal to a process group")
def test_ctrl_c_in_the_terminal_does_not_reach_ffmpeg(tmp_path: Path) -> None:
    script = (
        "import sys, time, torch\n"
        "from vidream.media import FrameWriter\n"
        "with FrameWriter(sys.argv[1]) as writer:\n"
        "    while True:\n"
        "        writer.write(torch.rand(1, 3, 48, 64))\n"
        "        print(writer.frames_written, flush=True)\n"
        "        time.sleep(0.02)\n"
    )
    target = tmp_path / "out.mp4"
    root = Path(sys.modules["vidream"].__file__ or "").parents[1]
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert child.stdout is not None
    for _ in range(5):
        child.stdout.readline()
    os.killpg(child.pid, signal.SIGINT)
    child.wait(30)
    child.stdout.close()
    assert child.returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert len(packet_times(target)) - 1 >= 5


def kill_encoder() -> None:
    """Kill the ffmpeg that encodes; the only one with a hidden target."""
    (encoder,) = children("/.vidream-")
    os.kill(encoder, signal.SIGKILL)


@linux_only
@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out.mkv"])
def test_a_killed_ffmpeg_is_one_clear_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(TargetError) as caught, FrameWriter(tmp_path / name) as writer:
        writer.write(smooth_picture())
        kill_encoder()
        for _ in range(50):
            writer.write(smooth_picture())
            time.sleep(0.01)
    assert name in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@linux_only
def test_a_killed_ffmpeg_is_noticed_at_the_end_too(tmp_path: Path) -> None:
    with pytest.raises(TargetError), FrameWriter(tmp_path / "out.mp4") as writer:
        writer.write(smooth_picture())
        kill_encoder()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.gif", "%d.png", "out.png"])
def test_a_full_disk_is_one_clear_line_and_leaves_room(tiny_disk: Path, name: str) -> None:
    noise = torch.rand(1, 3, 480, 640, generator=torch.Generator().manual_seed(1))
    with pytest.raises(TargetError) as caught, FrameWriter(tiny_disk / name) as writer:
        for _ in range(1 if name == "out.png" else 40):
            writer.write(noise.roll(writer.frames_written * 7, 3))
    assert "full" in str(caught.value) and "MB left" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [path for path in tiny_disk.iterdir() if path.name.startswith(".") or "mp4" in path.name]


def test_a_disk_that_fills_up_while_sound_is_added_is_said(tiny_disk: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 25, before=["-f", "lavfi", "-i", "sine=d=1"])
    noise = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))

    def render(folder: Path) -> Path:
        with (
            FrameReader(clip) as reader,
            FrameWriter(folder / "out.mp4", like=reader, delivery=Delivery(quality=60)) as writer,
        ):
            for _ in reader:
                writer.write(noise.roll(writer.frames_written, 3))
        return folder / "out.mp4"

    # Room for the film once, but not for a second copy of it with its sound.
    needed = render(tmp_path).stat().st_size
    (tiny_disk / "filler").write_bytes(b"\0" * (shutil.disk_usage(tiny_disk).free - needed * 3 // 2))
    with pytest.raises(TargetError, match="full"):
        render(tiny_disk)
    assert [path.name for path in tiny_disk.iterdir()] == ["filler"]


def test_a_slow_dream_does_not_starve_the_writer(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "out.mp4", rate=Fraction(10)) as writer:
        for index in range(4):
            writer.write(from_array(numbered_frame(index)))
            time.sleep(0.1)
    assert len(packet_times(tmp_path / "out.mp4")) - 1 == 4


def test_writing_after_the_end_is_a_callers_bug(tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "out.mp4") as writer:
        writer.write(smooth_picture())
    with pytest.raises(ValueError, match="closed"):
        writer.write(smooth_picture())


@linux_only
@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_an_interrupt_while_ffmpeg_starts_leaves_no_ffmpeg(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    started: list[subprocess.Popen[bytes]] = []
    plain_start = subprocess.Popen

    def slow_start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        time.sleep(0.3 - seconds)
        started.append(plain_start(*arguments, **options))
        time.sleep(seconds)
        return started[0]

    monkeypatch.setattr("vidream.media.ffmpeg.subprocess.Popen", slow_start)
    threading.Timer(0.15, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        Child(["-f", "lavfi", "-i", "testsrc", "-f", "null", "-"])
    assert started[0].poll() is not None
    assert "ffmpeg-stderr" not in [thread.name for thread in threading.enumerate()]
