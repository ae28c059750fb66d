"""The newest frame of a camera, an address or a file."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import torch
from frames_helpers import index_of, make_clip
from live_helpers import FakeSource, Plug, wait_until

from vidream.errors import SourceError
from vidream.media import Camera, list_cameras, write_picture
from vidream.media.images import read_picture
from vidream.media.sources import camera, capture


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr(camera, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(camera, "_SILENT_SECONDS", 0.2)


def test_a_file_plays_at_its_own_rate_in_a_loop(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 10, rate=50)
    seen, times = [], []
    with Camera(clip) as source:
        while len(seen) < 25:
            picture, captured_at = source.next()
            seen.append(index_of(picture))
            times.append(captured_at)
    assert (source.width, source.height, source.rate, source.is_file) == (64, 48, 50, True)
    assert sum(later < sooner for sooner, later in pairwise(seen)) >= 2, "it never began again"
    steps = [(later - sooner) * 50 for sooner, later in pairwise(times)]
    # Each frame is captured when it is due: whole periods apart, however late a busy machine reads it.
    assert all(abs(step - round(step)) < 0.01 and step > 0.5 for step in steps[1:])


def test_only_the_newest_frame_is_kept_and_the_others_are_counted():
    source = FakeSource()
    with Camera("7", opener=lambda name: source) as seen:
        wait_until(lambda: source.given >= 20)
        _, captured_at = seen.newest()
        again = seen.newest()
        assert time.monotonic() - captured_at < 1.0
        assert seen.dropped_frames >= 15
        assert again[1] >= captured_at
    assert source.is_closed


def test_next_gives_each_frame_once():
    with Camera("7", opener=lambda name: FakeSource()) as seen:
        times = [seen.next()[1] for _ in range(6)]
    assert times == sorted(set(times))


def test_an_unplugged_camera_is_waited_for_and_comes_back():
    plug = Plug(3, 10_000, fails=3)
    with Camera("7", opener=plug) as seen:
        wait_until(lambda: seen.trouble is not None)
        assert seen.trouble == "camera 7 is gone; waiting for it to come back"
        assert seen.newest() is None
        assert seen.next(timeout_seconds=0.01) is None
        wait_until(lambda: seen.newest() is not None)
        assert seen.trouble is None and seen.reconnects == 1
        assert plug.sources[0].is_closed


def test_frames_are_made_smaller_and_never_larger(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 5)
    with Camera(clip, size=32) as small, Camera(clip, size=640) as whole:
        assert small.newest()[0].shape == (1, 3, 24, 32)
        assert whole.newest()[0].shape == (1, 3, 48, 64)
    with pytest.raises(SourceError, match="16 to 16384"):
        Camera(clip, size=3)


def test_a_picture_is_a_camera_before_which_nobody_moves(tmp_path):
    write_picture(tmp_path / "still.png", torch.rand(1, 3, 40, 60))
    with Camera(tmp_path / "still.png") as seen:
        pictures = [seen.next()[0] for _ in range(3)]
    assert all(torch.equal(picture, read_picture(tmp_path / "still.png")) for picture in pictures)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("walk.mp4", 'no file ".*walk.mp4"; close: "talk.mp4"'),
        ("talk.mp4", "holds no video that can be read"),
        ("http://127.0.0.1:9/cam", "nothing can be read from"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, monkeypatch, name, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.mp4").write_text("no video")
    with pytest.raises(SourceError, match=says) as raised:
        Camera(name)
    assert "\n" not in str(raised.value)


def test_a_camera_that_is_not_there_is_told_from_one_that_is_busy(tmp_path, monkeypatch):
    monkeypatch.setattr(capture.sys, "platform", "linux")
    monkeypatch.setattr(capture, "_LINUX_CAMERAS", tmp_path)
    for number, index, name in ((0, "0", "Front"), (1, "1", "Front"), (12, "0", "Desk")):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "index").write_text(index)
        (tmp_path / f"video{number}" / "name").write_text(name + "\n")
    assert list_cameras() == ["0  Front", "12  Desk"]
    with pytest.raises(SourceError, match="no camera 77; there are: 0, 12"):
        Camera(77)
    silent = FakeSource(0)
    with pytest.raises(SourceError, match="camera 0 gives no picture; another program may be using it"):
        Camera(0, opener=lambda name: silent)
    assert silent.is_closed
