"""What was made is kept: resumed films are those of an unbroken run, whatever broke it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import AtOnce, beep_starts, ffmpeg, make_clip, packet_times

from vidream import api as files
from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError, TargetError
from vidream.looks.preset import Preset
from vidream.media import FrameReader, FrameWriter, write_picture
from vidream.media.writers import segments
from vidream.rendering import state_saver
from vidream.rendering.work_folder import WorkFolder
from vidream.zoom import zoom_film

PRESET = Preset(octaves=2, first_steps=2, jitter=8, layers={"block2": 1.0})
BIG = [(textured(120, 200, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8) for seed in (0, 5)]


def two_shots(index: int) -> np.ndarray:
    """A pan of 96x72 px; another shot from frame 13 on."""
    return BIG[index >= 13][30:102, index : index + 96]


@pytest.fixture
def clip(tmp_path):
    """24 frames at 30000/1001 in two shots, with a beep from 0.3 s on."""
    beep = ["-f", "lavfi", "-i", "aevalsrc='gt(t,0.3)*sin(880*2*PI*t)':d=0.8"]
    return make_clip(tmp_path / "walk.mp4", 24, "-c:a", "aac", rate="30000/1001", draw=two_shots, before=beep)


@pytest.fixture
def make(tiny_net, monkeypatch):
    """Dreamers of the tiny net, over work folders that are saved after every frame, in segments of 5 frames."""
    monkeypatch.setattr(state_saver, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(state_saver, "SAVE_SHARE", 1e9)
    monkeypatch.setattr(segments, "_SEGMENT_SECONDS", 5 * 1001 / 30000)
    return lambda preset: Dreamer(preset, net=tiny_net)


class Stops(files.Progress):
    """Ends the run with `error` after frame `number`."""

    def __init__(self, number: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.number, self.error = number, error

    def frame(self, picture, frames):
        if frames == self.number:
            raise self.error("stop")


def hashes(path: Path) -> list[str]:
    """A hash of every frame and its time, and of the sound's every packet."""
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_a_film_stopped_and_resumed_again_and_again_is_that_of_one_run(clip, make, tmp_path, suffix):
    whole = files.dream(clip, tmp_path / f"whole{suffix}", preset=PRESET, make_dreamer=make)
    target = tmp_path / f"broken{suffix}"
    for number in (1, 5, 7, 13, 14, 20):
        made = files.dream(clip, target, preset=PRESET, make_dreamer=make, resume=True, progress=Stops(number))
        assert (made.frames, made.finished) == (number, False)
        with FrameReader(target) as back:
            assert len(list(back)) == pytest.approx(number, abs=1 if suffix == ".gif" else 0)
    made = files.dream(clip, target, preset=PRESET, make_dreamer=make, resume=True)
    assert (made.frames, made.cuts, made.finished) == (24, 1, True)
    assert (made.strength, made.warp_error) == (whole.strength, whole.warp_error)
    assert hashes(target) == hashes(whole.path)
    assert names(tmp_path) == sorted([f"broken{suffix}", "walk.mp4", f"whole{suffix}"])


def test_states_within_a_long_segment_are_saved_and_gone_on_from(clip, make, tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "_SEGMENT_SECONDS", 60)
    monkeypatch.setattr(state_saver, "LONGEST_UNSAVED_SECONDS", 0.0)
    monkeypatch.setattr(state_saver, "ThreadPoolExecutor", AtOnce)
    target, killed = tmp_path / "a.mp4", tmp_path / "b.mp4"

    class Copies(files.Progress):
        """Copies the work folder when a state within the first shot's segment is there: as a kill would leave it."""

        held = 0

        def frame(self, picture, frames):
            if not self.held and frames >= 4:
                shutil.copytree(tmp_path / "a.mp4.vidream", tmp_path / "b.mp4.vidream")
                self.held = WorkFolder(killed, resume=True).frames_held

    copies = Copies()
    whole = files.dream(clip, target, preset=PRESET, make_dreamer=make, progress=copies)
    assert 0 < copies.held <= 4
    files.dream(clip, killed, preset=PRESET, make_dreamer=make, resume=True)
    assert hashes(killed) == hashes(whole.path)


def test_a_film_made_of_segments_keeps_exact_times_and_its_sound(clip, make):
    made = files.dream(clip, preset=PRESET, make_dreamer=make)
    assert packet_times(made.path) == [Fraction(1001 * number, 30000) for number in range(25)]
    assert beep_starts(made.path) == pytest.approx(beep_starts(clip), abs=0.03)


def test_an_error_of_any_kind_keeps_the_frames_and_says_so(clip, make, tmp_path):
    whole = files.dream(clip, tmp_path / "whole.mp4", preset=PRESET, make_dreamer=make)
    target = tmp_path / "broken.mp4"
    for number, error in ((4, RuntimeError), (9, MemoryError), (11, SourceError), (16, SystemExit)):
        with pytest.raises(error) as caught:
            files.dream(clip, target, preset=PRESET, make_dreamer=make, resume=True, progress=Stops(number, error))
        assert caught.value.__notes__ == [f"the {number} frames made so far are kept: continue with resume=True"]
        assert not target.exists()
    files.dream(clip, target, preset=PRESET, make_dreamer=make, resume=True)
    assert hashes(target) == hashes(whole.path)


def test_numbered_pictures_go_on_with_the_next_number(clip, make, tmp_path):
    for folder in ("whole", "broken"):
        (tmp_path / folder).mkdir()
    files.dream(clip, tmp_path / "whole" / "%d.png", preset=PRESET, make_dreamer=make)
    for number in (6, 15, 99):
        target = tmp_path / "broken" / "%d.png"
        files.dream(clip, target, preset=PRESET, make_dreamer=make, resume=True, progress=Stops(number))
    assert names(tmp_path / "broken") == names(tmp_path / "whole")
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "broken" / path.name).read_bytes()


def test_masks_guides_and_schedules_go_on_at_their_frame(clip, make, tmp_path):
    mask = make_clip(tmp_path / "mask.mp4", 12, draw=lambda index: BIG[1][:48, index * 4 : index * 4 + 64])
    look = PRESET.replace(guide=[str(clip)], guide_share=0.5, blend="0:0, 0.8s:1", step_size="0:0.01, 0.8s:0.001")
    options = {"preset": look, "make_dreamer": make, "mask": mask, "fps": 20, "start_seconds": 0.1}
    whole = files.dream(clip, tmp_path / "whole.mp4", **options)
    target = tmp_path / "broken.mp4"
    for number in (3, 10):
        files.dream(clip, target, resume=True, progress=Stops(number), **options)
    files.dream(clip, target, resume=True, **options)
    assert hashes(target) == hashes(whole.path)


def test_an_unfinished_film_is_told_of_with_both_ways_on(clip, make, tmp_path):
    files.dream(clip, preset=PRESET, make_dreamer=make, progress=Stops(7))
    with pytest.raises(TargetError, match=r"unfinished film \(7 frames.*resume=True or overwrite=True"):
        files.dream(clip, preset=PRESET, make_dreamer=make)
    assert (tmp_path / "walk-dream.mp4.vidream").exists()
    files.dream(clip, preset=PRESET, make_dreamer=make, overwrite=True, progress=Stops(3))
    with pytest.raises(TargetError, match=r"\(3 frames"):
        files.dream(clip, preset=PRESET, make_dreamer=make)


def test_a_changed_setting_or_source_is_refused_with_the_difference(clip, make, tmp_path):
    files.dream(clip, tmp_path / "a.mp4", preset=PRESET, make_dreamer=make, progress=Stops(7))
    for words, options in [
        ("step_size was 0.003, is now 0.004", {"preset": PRESET.replace(step_size=0.004)}),
        ("size was 96x72, is now 64x48", {"size": 64}),
        ("frames was 24, is now 12", {"duration_seconds": 0.4}),
        ("seed was 0, is now 3", {"make_dreamer": lambda preset: Dreamer(preset, net=make(preset).net, seed=3)}),
    ]:
        with pytest.raises(TargetError, match=words):
            files.dream(clip, tmp_path / "a.mp4", resume=True, **{"preset": PRESET, "make_dreamer": make, **options})
    make_clip(clip, 24, rate="30000/1001", draw=lambda index: two_shots(index)[::-1].copy())
    with pytest.raises(TargetError, match="content of the source was"):
        files.dream(clip, tmp_path / "a.mp4", preset=PRESET, make_dreamer=make, resume=True)


def test_the_partial_film_of_a_stop_is_replaced_but_another_file_is_not(clip, make, tmp_path):
    target = tmp_path / "a.mp4"
    files.dream(clip, target, preset=PRESET, make_dreamer=make, progress=Stops(7))
    target.write_bytes(b"mine")
    with pytest.raises(TargetError, match="already there"):
        files.dream(clip, target, preset=PRESET, make_dreamer=make, resume=True)
    assert target.read_bytes() == b"mine"
    target.unlink()
    assert files.dream(clip, target, preset=PRESET, make_dreamer=make, resume=True).frames == 24


def test_two_runs_never_work_in_one_folder(tmp_path):
    with WorkFolder(tmp_path / "a.mp4") as one, WorkFolder(tmp_path / "a.mp4") as two:
        one.open({"seed": 0})
        with pytest.raises(TargetError, match="another run is at work"):
            two.open({"seed": 0})


def test_a_state_comes_back_to_the_bit(tmp_path):
    tensors = {
        "eight": torch.arange(256).repeat(3, 1).float() * torch.tensor(1 / 255),
        "sixteen": torch.arange(65536).float() * torch.tensor(1 / 65535),
        "any": torch.rand(1, 3, 5, 7),
        "odd": torch.tensor([float("nan"), -0.0, float("inf"), 1e-40]),
    }
    with WorkFolder(tmp_path / "%d.png") as folder:
        folder.open({})
        with FrameWriter(tmp_path / "%d.png", work=folder) as writer:
            writer.write(textured(32, 32))
            folder.keep((tensors, {"number": 1}), writer)
    assert (folder.folder / "state.safetensors").stat().st_size < 768 + 2 * 65536 + 2000
    with WorkFolder(tmp_path / "%d.png", resume=True) as folder:
        folder.open({})
        back, numbers = folder.restore(FrameWriter(tmp_path / "%d.png", overwrite=True, work=folder))
        assert numbers == {"number": 1}
        for name, tensor in tensors.items():
            assert torch.equal(back[name].view(torch.int32), tensor.view(torch.int32)), name
        folder.finished()
    assert names(tmp_path) == ["1.png"]


@pytest.mark.parametrize("seek", [True, False])
def test_reading_begins_at_any_frame_exactly(clip, seek, tmp_path):
    gif = make_clip(tmp_path / "a.gif", 9, rate=10, draw=two_shots)
    for source, options in [(clip, {}), (clip, {"fps": 20}), (clip, {"start_seconds": 0.2}), (gif, {})]:
        with FrameReader(source, **options) as reader:
            frames = list(reader)
            for first in (0, 1, len(frames) // 2, len(frames) - 1):
                rest = [frame.picture for frame in reader.frames(first, seek=seek)]
                assert len(rest) == len(frames) - first
                assert all(torch.equal(a, b) for a, b in zip(rest, frames[first:], strict=True))


def test_reading_goes_on_only_where_the_source_gives_the_same_frame(clip):
    with FrameReader(clip) as reader:
        frames = list(reader)
        assert torch.equal(next(reader.frames_after(9, frames[8])).picture, frames[9])
        with pytest.raises(SourceError, match="no longer gives the frames"):
            reader.frames_after(9, frames[7])


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_render_killed_at_random_moments_is_that_of_one_run(clip, kills):
    options = ["--size", "160" if kills > 3 else "64", "--precision", "fp32", "--set", f"steps={kills}"]
    script = [
        sys.executable,
        str(Path(__file__).parent.parent / "scripts" / "kills.py"),
        "--kills",
        str(kills),
    ]
    done = subprocess.run([*script, "--source", str(clip), "--", *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kills} kills; the film is the same" in done.stdout


def test_a_still_picture_leaves_no_folder(tmp_path, make):
    write_picture(tmp_path / "one.png", textured(64, 80))
    files.dream(tmp_path / "one.png", preset=PRESET, make_dreamer=make, resume=True)
    assert names(tmp_path) == ["one-dream.png", "one.png"]


@pytest.mark.parametrize("loop, frames", [("boomerang", 46), ("crossfade", 16)])
def test_a_looped_clip_stopped_and_resumed_is_that_of_one_run_and_the_film_so_far_is_a_loop_too(
    clip, make, tmp_path, loop, frames
):
    options = {"preset": PRESET, "make_dreamer": make, "loop": loop}
    whole = files.dream(clip, tmp_path / "whole.mp4", **options)
    assert whole.frames == frames and whole.warning == "a loop has no sound"
    target = tmp_path / "broken.mp4"
    for number in (1, 9, 17, 22):
        made = files.dream(clip, target, resume=True, progress=Stops(number), **options)
        assert not made.finished
        assert made.frames == (
            max(1, 2 * number - 2) if loop == "boomerang" else number - (8 if number > 16 else number // 3)
        )
    made = files.dream(clip, target, resume=True, **options)
    assert made.finished and hashes(target) == hashes(tmp_path / "whole.mp4")
    assert names(tmp_path) == ["broken.mp4", "walk.mp4", "whole.mp4"]


@pytest.mark.parametrize("loop", [False, True], ids=["fall", "loop"])
def test_a_zoom_stopped_and_resumed_is_that_of_one_run(make, tmp_path, loop):
    options = {"preset": PRESET, "make_dreamer": make, "seconds": 1.0, "fps": 12, "size": (48, 32), "loop": loop}
    zoom_film(None, tmp_path / "whole.mp4", **options)
    target = tmp_path / "broken.mp4"
    for number in (1, 4, 10):
        made = zoom_film(None, target, resume=True, progress=Stops(number), **options)
        assert not made.finished and made.frames == number
    with pytest.raises(TargetError, match=r"seconds was 1\.0, is now 2\.0"):
        zoom_film(None, target, resume=True, **{**options, "seconds": 2.0})
    made = zoom_film(None, target, resume=True, **options)
    assert made.finished and hashes(target) == hashes(tmp_path / "whole.mp4")
    assert names(tmp_path) == ["broken.mp4", "whole.mp4"]
