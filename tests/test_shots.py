"""Shots made apart and joined are the film made in one go."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import beep_starts, ffmpeg, make_clip, packet_times

from vidream import api as files
from vidream import find_shots
from vidream.cli import main
from vidream.engine.dreamer import Dreamer
from vidream.errors import TargetError, VidreamError
from vidream.looks.preset import Preset
from vidream.media import FrameReader
from vidream.media.writers import segments
from vidream.rendering import state_saver
from vidream.rendering.shots import Shares, Shot
from vidream.rendering.work_folder import WorkFolder
from vidream.temporal import flashes
from vidream.temporal.stream import Stream

PRESET = Preset(octaves=2, first_steps=2, jitter=8, layers={"block2": 1.0}, step_size="0:0.01, 1s:0.001")
BIG = [(textured(120, 200, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8) for seed in (0, 5, 9, 14)]
CUTS = (7, 12, 19)


def four_shots(index: int) -> np.ndarray:
    return BIG[sum(index >= cut for cut in CUTS)][30:102, index : index + 96]


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """24 frames at 30000/1001 in four shots, with a beep from 0.3 s on."""
    monkeypatch.setattr(state_saver, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(segments, "_SEGMENT_SECONDS", 3 * 1001 / 30000)
    # As after a second: flashes are counted over the cuts of shorter shots, which then go together.
    monkeypatch.setattr(flashes, "STEADY_SECONDS", 0.1)
    beep = ["-f", "lavfi", "-i", "aevalsrc='gt(t,0.3)*sin(880*2*PI*t)':d=0.8"]
    return make_clip(tmp_path / "walk.mp4", 24, "-c:a", "aac", rate="30000/1001", draw=four_shots, before=beep)


@pytest.fixture
def make(tiny_net):
    return lambda preset: Dreamer(preset, net=tiny_net)


def hashes(path):
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_shots_are_found_where_a_dream_begins_afresh(clip, tiny_net):
    with FrameReader(clip) as reader:
        assert find_shots(reader, PRESET) == [Shot(0, 7), Shot(7, 5), Shot(12, 7), Shot(19, 5)]
        assert find_shots(reader, PRESET.replace(reset_on_cut=False)) == [Shot(0, 24)]
        stream = Stream(Dreamer(PRESET, net=tiny_net), rate=reader.rate)
        began = [number for number, frame in enumerate(reader) if stream.next(frame) is not None and stream.began_shot]
        assert began == [0, *CUTS]


def test_a_shot_alone_is_dreamed_as_within_its_film(clip, tiny_net):
    with FrameReader(clip) as reader:
        frames = list(reader)
    whole, alone = (Stream(Dreamer(PRESET, net=tiny_net), rate=Fraction(30000, 1001)) for _ in range(2))
    dreams = [whole.next(frame) for frame in frames]
    alone.begin_shot_at(12)
    assert all(torch.equal(alone.next(frames[number]), dreams[number]) for number in range(12, 19))


@pytest.mark.parametrize(("suffix", "order"), [(".mp4", (1, 2, 3)), (".mkv", (3, 1, 2)), (".gif", (2, 3, 1))])
def test_shares_made_apart_join_to_the_film_made_in_one_go(clip, make, tmp_path, suffix, order):
    whole = files.dream(clip, tmp_path / f"whole{suffix}", preset=PRESET, make_dreamer=make)
    target = tmp_path / f"parts{suffix}"
    left = {1, 2, 3}
    for number in order:
        made = files.dream(clip, target, preset=PRESET, make_dreamer=make, shots=(number, 3))
        left.discard(number)
        assert set(made.shares_left) == left and target.exists() == (not left)
    assert hashes(target) == hashes(whole.path)
    assert (made.frames, made.cuts) == (whole.frames, whole.cuts) == (24, 3)
    assert (made.strength, made.warp_error) == pytest.approx((whole.strength, whole.warp_error), rel=1e-9)
    assert names(tmp_path) == sorted([target.name, "walk.mp4", whole.path.name])
    if suffix == ".mp4":
        assert packet_times(target) == [Fraction(1001 * number, 30000) for number in range(25)]
        assert beep_starts(target) == pytest.approx(beep_starts(clip), abs=0.03)


def test_a_share_that_was_stopped_goes_on(clip, make, tmp_path):
    class Stops(files.Progress):
        def frame(self, picture, frames):
            if frames == 5:
                raise KeyboardInterrupt

    whole = files.dream(clip, tmp_path / "whole.mp4", preset=PRESET, make_dreamer=make)
    target = tmp_path / "parts.mp4"
    assert not files.dream(clip, target, preset=PRESET, make_dreamer=make, shots=(2, 2), progress=Stops()).finished
    assert files.dream(clip, target, preset=PRESET, make_dreamer=make, shots=(1, 2)).shares_left == (2,)
    assert files.dream(clip, target, preset=PRESET, make_dreamer=make, shots=(2, 2)).shares_left == ()
    assert hashes(target) == hashes(whole.path)


def test_numbered_pictures_are_shared_by_their_numbers(clip, make, tmp_path):
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    files.dream(clip, tmp_path / "whole" / "%d.png", preset=PRESET, make_dreamer=make)
    for number in (2, 1):
        files.dream(clip, tmp_path / "parts" / "%d.png", preset=PRESET, make_dreamer=make, shots=(number, 2))
    assert names(tmp_path / "parts") == names(tmp_path / "whole")
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "parts" / path.name).read_bytes()


def test_more_shares_than_shots_leave_some_empty(clip, make, tmp_path):
    shares = [Shares(tmp_path / "a.mp4", number, 9) for number in range(1, 10)]
    parts = [share.part([Shot(0, 10), Shot(10, 14)]) for share in shares]
    assert [frames for frames in parts if frames[0] < frames[1]] == [(0, 10), (10, 24)]
    target = tmp_path / "parts.mp4"
    one_shot = PRESET.replace(reset_on_cut=False)
    for number in (3, 2, 1):
        made = files.dream(clip, target, preset=one_shot, make_dreamer=make, shots=(number, 3))
    assert made.frames == 24 and names(tmp_path) == ["parts.mp4", "walk.mp4"]


def test_a_share_of_another_look_or_number_is_refused(clip, make, tmp_path, capsys):
    files.dream(clip, tmp_path / "a.mp4", preset=PRESET, make_dreamer=make, shots=(1, 2))
    with pytest.raises(TargetError, match="keep was"):
        files.dream(clip, tmp_path / "a.mp4", preset=PRESET.replace(keep=0.5), make_dreamer=make, shots=(1, 2))
    with pytest.raises(VidreamError, match="3/2"):
        files.dream(clip, tmp_path / "a.mp4", preset=PRESET, make_dreamer=make, shots=(3, 2))
    assert main(["dream", str(clip), str(tmp_path / "b.mp4"), "--shots", "0/2"]) == 1
    with pytest.raises(SystemExit):
        main(["dream", str(clip), "--shots", "half"])


def test_a_film_for_one_picture_is_refused_before_its_shots_are_looked_for(clip, make, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(TargetError, match="holds one picture"):
        files.dream(clip, folder / "a.png", preset=PRESET, make_dreamer=make, shots=(1, 2))
    assert not list(folder.iterdir())


def test_shares_that_begin_together_look_for_the_shots_once(tmp_path):
    begun, found = threading.Barrier(2), []

    def find():
        found.append(0)
        # Long enough for the other to come here too, if it may.
        with contextlib.suppress(threading.BrokenBarrierError):
            begun.wait(0.5)
        return [Shot(0, 7), Shot(7, 5)]

    def share(number):
        shares = Shares(tmp_path / "a.mp4", number, 2)
        with shares.alone():
            return shares.shots({"keep": 0.5}, find)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(share, (1, 2))) == [[Shot(0, 7), Shot(7, 5)]] * 2
    assert len(found) == 1


@pytest.mark.parametrize("is_stopped", [False, True])
def test_of_two_shares_that_end_together_one_joins_the_film(clip, make, tmp_path, monkeypatch, is_stopped):
    whole = files.dream(clip, tmp_path / "whole.mp4", preset=PRESET, make_dreamer=make)
    target = tmp_path / "parts.mp4"
    files.dream(clip, target, preset=PRESET, make_dreamer=make, shots=(1, 2))
    part_is_done = WorkFolder.part_is_done

    def then_the_other_joins(work):
        part_is_done(work)
        with monkeypatch.context() as patch:
            patch.setattr(WorkFolder, "part_is_done", part_is_done)
            if is_stopped:
                patch.setattr(WorkFolder, "made", stop)
            with pytest.raises(KeyboardInterrupt) if is_stopped else contextlib.nullcontext():
                assert not files.dream(clip, target, preset=PRESET, make_dreamer=make, shots=(1, 2)).shares_left
        assert target.exists() != is_stopped

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(WorkFolder, "part_is_done", then_the_other_joins)
    made = files.dream(clip, target, preset=PRESET, make_dreamer=make, shots=(2, 2))
    assert made.shares_left == () and hashes(target) == hashes(whole.path)
    assert names(tmp_path) == ["parts.mp4", "walk.mp4", "whole.mp4"]


def test_a_share_that_is_repeated_while_another_joins_the_film_makes_nothing(clip, make, tmp_path):
    target = tmp_path / "parts.mp4"
    files.dream(clip, target, preset=PRESET, make_dreamer=make, shots=(1, 2))

    def slow_make(preset):
        assert files.dream(clip, target, preset=PRESET, make_dreamer=make, shots=(2, 2)).shares_left == ()
        return make(preset)

    with pytest.raises(TargetError, match="already there"):
        files.dream(clip, target, preset=PRESET, make_dreamer=slow_make, shots=(1, 2))
    assert names(tmp_path) == ["parts.mp4", "walk.mp4"]


def test_a_share_that_is_repeated_is_not_made_again(clip, make, tmp_path):
    class Counts(files.Progress):
        frames = 0

        def frame(self, picture, frames):
            self.frames += 1

    counts = Counts()
    for made_frames in (12, 12):
        made = files.dream(
            clip, tmp_path / "parts.mp4", preset=PRESET, make_dreamer=make, shots=(1, 2), progress=counts
        )
        assert counts.frames == made_frames and made.shares_left == (2,)
