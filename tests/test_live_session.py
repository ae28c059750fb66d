"""Camera, live dream and where the picture goes: figures, recording, keys, a camera that goes away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_tiny_net, textured
from live_helpers import RATE, FakeSource, Plug, moving_clip, moving_frame, wait_until

from vidream.cli import main
from vidream.engine.dreamer import Dreamer
from vidream.errors import DeviceError, TargetError
from vidream.live.controls import HELP, Controls
from vidream.live.live_dream import LiveDream
from vidream.live.live_session import LiveSession
from vidream.looks.preset import Preset, preset_names
from vidream.media import Camera, FrameReader
from vidream.media.sources import camera
from vidream.outputs import Output, VideoRecorder, VirtualCamera, Window, make_output, output_names, output_registry
from vidream.outputs.window import drawn, padded

PRESET = Preset(octaves=1, step_size=0.02, jitter=4)


class FakeWindow:
    """A window without a screen: gives `keys` one by one after the first picture, and keeps what was shown.

    "shows WORDS" among the keys gives none until the banner WORDS was shown.
    """

    is_open = True

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.shown: list[dict] = []
        self.pictures: list[torch.Tensor] = []
        self.fullscreen_toggles = 0

    def show(self, picture, **words) -> None:
        self.pictures.append(picture)
        self.shown.append(words)

    def key(self) -> str:
        awaited = self.keys[0].partition("shows ")[2] if self.keys else ""
        if awaited and any(words["banner"] == awaited for words in self.shown):
            self.keys.pop(0)
        elif self.keys and self.pictures and not awaited:
            return self.keys.pop(0)
        return ""

    def toggle_fullscreen(self) -> None:
        self.fullscreen_toggles += 1


@pytest.fixture
def live():
    with LiveDream(Dreamer(PRESET, net=make_tiny_net())) as made:
        yield made


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr(camera, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(camera, "_SILENT_SECONDS", 0.1)


def test_a_clip_dreams_at_its_own_rate_and_memory_stays_flat(tmp_path, live, monkeypatch):
    monkeypatch.setattr("vidream.live.live_report.SETTLED_SECONDS", 1.0)
    with Camera(moving_clip(tmp_path / "clip.mp4")) as source, LiveSession(source, live) as session:
        report = session.run(seconds=4)
    assert 4 <= report.seconds < 5
    # All that came was shown or counted; nothing waited anywhere.
    assert abs((report.pictures - 1 + report.dropped_frames) / report.seconds - 20) < 2
    assert report.dreams > 10 and report.latency_p50_ms <= report.latency_p95_ms
    assert report.memory_growth_mib < 20
    assert report.peak_rss_mib > 100


def test_what_is_recorded_plays_for_as_long_as_it_took(tmp_path, live):
    target = tmp_path / "out.mp4"
    recorder = VideoRecorder(target, rate=RATE)
    with Camera("7", opener=lambda name: FakeSource()) as source:
        began = time.monotonic()
        with LiveSession(source, live, outputs=[recorder]) as session:
            report = session.run(seconds=1.5)
        whole_seconds = time.monotonic() - began
    with FrameReader(target) as film:
        assert film.rate == RATE
        # The last picture is shown until the session ends, which comes after it was counted.
        assert report.seconds - 0.1 < film.frame_count / RATE < whole_seconds + 0.1
        assert (film.width, film.height) == (96, 64)
        first, *_, last = (picture.clone() for picture in film)
    assert float((first - last).abs().mean()) > 0.02


def test_a_recording_is_finished_though_the_dream_breaks(tmp_path, live, monkeypatch):
    target = tmp_path / "out.mp4"
    monkeypatch.chdir(tmp_path)
    with (
        Camera("7", opener=lambda name: FakeSource()) as source,
        pytest.raises(ValueError, match="broken"),
        LiveSession(source, live, outputs=[VideoRecorder(target, rate=RATE)]) as session,
    ):
        session.run(seconds=0.5)
        raise ValueError("broken")
    assert target.stat().st_size > 1000
    with pytest.raises(TargetError, match="already there"):
        VideoRecorder(target)
    with pytest.raises(TargetError, match="cannot be recorded as"):
        VideoRecorder(tmp_path / "out.png")


def test_a_camera_that_goes_away_is_said_and_waited_for(live):
    class StopsAt25(Output):
        pictures = 0

        def show(self, picture):
            self.pictures += 1
            if self.pictures == 25:
                raise KeyboardInterrupt

    said = []
    with (
        Camera("7", opener=Plug(10, 10_000, fails=3)) as source,
        LiveSession(source, live, outputs=[StopsAt25()], says=said.append) as session,
    ):
        report = session.run(seconds=60)
    assert said == ["camera 7 is gone; waiting for it to come back", "the camera is back"]
    assert report.reconnects == 1
    assert report.pictures == 24


def test_the_window_shows_figures_and_a_banner_while_the_camera_is_away(live):
    class ClosedOnceTold(FakeWindow):
        @property
        def is_open(self) -> bool:
            return not any("waiting" in words["banner"] for words in self.shown)

    window = ClosedOnceTold()
    with Camera("7", opener=Plug(10, fails=10**6)) as source, LiveSession(source, live, window=window) as session:
        session.run(seconds=60)
    lines = window.shown[5]["lines"]
    assert "fps" in lines[0] and "dreams/s" in lines[0] and "ms" in lines[0]
    assert "96x64" in lines[1] and "octaves" in lines[1]


def test_keys_do_what_the_help_says(tmp_path, live, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keys = ["h", "h", "o", "f", "c", "r", *[""] * 20, "r", "m", "+", "shows strength 1.1"]
    keys += ["l", "shows layer block2 of tiny", "s", "shows subject low", "x", "q"]
    window = FakeWindow(*keys)
    said = []
    source = Camera("7", opener=lambda name: FakeSource())
    with source, LiveSession(source, live, window=window, says=said.append) as session:
        session.run(seconds=30)
    assert window.shown[1]["help_rows"] == HELP and not window.shown[2]["help_rows"]
    assert window.shown[0]["lines"] and not window.shown[3]["lines"]
    assert window.fullscreen_toggles == 1
    (still,), (film,) = tmp_path.glob("vidream-*.png"), tmp_path.glob("vidream-*.mp4")
    assert said == [f"saved {still.name}", f"saved {film.name}"]
    with FrameReader(film) as frames:
        assert frames.frame_count >= 2
    assert live.strength == 1.1
    assert live.preset.subject == {"low": 1.0}
    assert window.keys == []


def test_the_picture_alone_is_mirrored(live):
    class StillSource(FakeSource):
        def read(self):
            return None if super().read() is None else moving_frame(0)[:, :, ::-1]

    class ClosedAtAnotherPicture(FakeWindow):
        @property
        def is_open(self) -> bool:
            return all(torch.equal(each, self.pictures[0]) for each in self.pictures)

    window = ClosedAtAnotherPicture("", "m")
    live.strength = 0
    with Camera("7", opener=lambda name: StillSource()) as source:
        frame, _ = source.next()
        with LiveSession(source, live, window=window, is_mirrored=True) as session:
            session.run(seconds=30)
    assert not torch.equal(frame, frame.flip(-1))
    assert torch.equal(window.pictures[0], frame.flip(-1))
    assert torch.equal(window.pictures[-1], frame)


def test_looks_are_cycled_and_one_that_fails_gives_a_message(monkeypatch):
    monkeypatch.setattr("vidream.live.controls.has_weights", lambda net: net != "googlenet")
    live = LiveDream("fast")
    controls = Controls(live, name="fast")
    net = live.nets[0]
    assert controls.press("?") == "" and controls.press("") == ""
    assert controls.press("1").startswith("creatures: ")
    looks = [controls.press("p").partition(":")[0] for _ in range(3)]
    assert looks == [name for name in preset_names() if name != "classic-googlenet"][1:4]
    assert controls.press("P").startswith(looks[1])
    assert controls.press("s") == f"subject {next(iter(net.groups))}"
    assert controls.look == f"{looks[1]} {next(iter(net.groups))}"
    controls.press("0")
    assert controls.look == looks[1]
    assert controls.press("space").startswith("held") and live.freeze
    assert controls.press("space") == "continuing" and not live.freeze
    for _ in range(30):
        controls.press("-")
    assert live.strength == 0
    assert live.nets[0] is net
    controls._names = ["nothing"]
    assert controls.press("1").startswith('no preset "nothing"')


def test_words_are_written_over_a_picture_that_is_large_enough_to_read_on():
    plain = np.full((90, 160, 3), 90, np.uint8)
    assert drawn(plain).shape == (540, 960, 3)
    assert (drawn(plain) == 90).all()
    for words in ({"lines": ["30 fps"]}, {"banner": "saved"}, {"help_rows": HELP}):
        written = drawn(plain, **words)
        assert (written > 200).any() and (written < 40).any()
    assert padded(plain, 160, 90) is plain
    assert padded(plain, 320, 320).shape[:2] == (160, 160)
    assert padded(plain, 400, 90).shape[:2] == (90, 400)


@pytest.fixture
def screen(tmp_path):
    """The number of an X screen of our own, in memory."""
    if sys.platform != "linux" or not shutil.which("Xvfb"):
        pytest.skip("no Xvfb here")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        number = os.read(read, 16).decode().strip()
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()
        os.close(read)


def test_a_real_window_opens_and_closes(screen):
    code = """
import time, torch
from vidream.outputs import Window
with Window("vidream-test") as window:
    for _ in range(5):
        window.show(torch.rand(1, 3, 90, 160), lines=["30 fps"])
        assert window.key() == "" and window.is_open
        time.sleep(0.02)
    window.toggle_fullscreen()
    window.show(torch.rand(1, 3, 90, 160))
    assert window.is_fullscreen and window.is_open
assert not window.is_open
print("closed")
"""
    environment = {**os.environ, "DISPLAY": screen}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "closed\n", done.stderr


def test_without_a_screen_the_options_that_help_are_named(monkeypatch, capsys):
    monkeypatch.setattr("vidream.outputs.window.has_screen", lambda: False)
    with pytest.raises(DeviceError, match="no window can be opened here"):
        Window().open()
    assert main(["live"]) == 1
    assert "use --headless" in capsys.readouterr().err


def test_a_virtual_camera_gets_every_picture_at_even_sides(live, monkeypatch):
    sent = []

    class FakeCamera:
        device = "/dev/video9"

        def __init__(self, *, width, height, fps):
            assert (width, height, fps) == (96, 64, RATE)

        def send(self, array):
            sent.append(array)

        def close(self):
            sent.append("closed")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=FakeCamera))
    said = []
    source = Camera("7", opener=lambda name: FakeSource())
    with source, LiveSession(source, live, outputs=[VirtualCamera(rate=RATE)], says=said.append) as session:
        report = session.run(seconds=0.5)
    *arrays, last = sent
    assert last == "closed" and len(arrays) == report.pictures
    assert arrays[0].shape == (64, 96, 3) and arrays[0].dtype == np.uint8
    assert said == ["virtual camera: choose /dev/video9 in the other program"]


def test_a_virtual_camera_that_is_not_available_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(DeviceError, match=r"pip install 'vidream\[camera\]'"):
        make_output("virtual-camera")

    def refuse(**_):
        raise RuntimeError("'v4l2loopback' backend: no device found.\nsecond line")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", types.SimpleNamespace(Camera=refuse))
    with (
        pytest.raises(DeviceError, match=r"no virtual camera \('v4l2loopback' backend: no device found\); ") as raised,
        VirtualCamera() as output,
    ):
        output.show(textured(48, 64))
    assert "\n" not in str(raised.value)


def test_the_command_writes_figures_and_a_film(tmp_path, capsys):
    clip, figures, film = moving_clip(tmp_path / "clip.mp4"), tmp_path / "live.json", tmp_path / "out.mp4"
    command = ["live", "--camera", clip, "--headless", "--seconds", "2", "--json", figures, "--record", film]
    assert main([*map(str, command), "--max-latency", "120ms"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{film}\n"
    assert "pictures and" in said.err and "dropped" in said.err
    report = json.loads(figures.read_text())
    for key in ("picture_fps", "dream_fps", "latency_p95_ms", "dropped_frames", "peak_rss_mib"):
        assert report[key] >= 0, key
    with FrameReader(film) as frames:
        assert abs(frames.frame_count / 20 - report["seconds"]) < 0.3


def test_the_command_opens_outputs_by_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vidream.outputs.preview.has_screen", lambda: False)
    clip = str(moving_clip(tmp_path / "clip.mp4"))
    command = ["live", "--camera", clip, "--headless", "--seconds", "1", "-q", "--size", "64"]
    assert main([*command, "--output", "preview=now.png", "--output", "preview", "--output", "file=out.mp4"]) == 0
    assert all(Path(name).stat().st_size for name in ("now.png", "vidream-preview.jpg", "out.mp4"))
    assert main([*command, "--output", "file=out.mp4"]) == 1
    assert "already there" in capsys.readouterr().err
    assert main([*command, "--output", "previw"]) == 1
    assert 'no output "previw"; close: "preview"' in capsys.readouterr().err
    assert main(["live", "--output", "list"]) == 0
    assert {"file", "preview"} <= set(capsys.readouterr().out.split())
    with pytest.raises(SystemExit):
        main([*command, "--output", "window"])


def test_the_command_says_what_is_missing_in_one_line(capsys, monkeypatch):
    monkeypatch.setattr("vidream.media.sources.capture._LINUX_CAMERAS", camera_folder := types.SimpleNamespace())
    camera_folder.is_dir = lambda: False
    assert main(["live", "--camera", "list"]) == 0
    assert main(["live", "--camera", "walk.mp4", "--headless"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith('vidream: no file "walk.mp4"') and said.err.count("\n") == 1
    with pytest.raises(SystemExit) as raised:
        main(["live", "--seconds", "0"])
    assert raised.value.code == 2


def test_a_slow_disk_never_slows_the_caller(tmp_path, monkeypatch):
    monkeypatch.setattr("vidream.outputs.recorder.FrameWriter.write", lambda *_: time.sleep(0.5))
    recorder = VideoRecorder(tmp_path / "out.mp4", rate=50)
    recorder.open()
    began = time.monotonic()
    for _ in range(100):
        recorder.show(textured(16, 16))
    assert time.monotonic() - began < 0.5 * 100
    monkeypatch.setattr("vidream.outputs.recorder.FrameWriter.frames_written", 10**6)
    monkeypatch.setattr("vidream.outputs.recorder.FrameWriter.close", lambda _: None)
    recorder.close()
    wait_until(lambda: not recorder._thread.is_alive())


def test_an_output_is_added_by_one_class_in_a_file_of_the_folder(monkeypatch, live):
    assert {"window", "file", "virtual-camera", "preview"} <= set(output_names())
    module = types.ModuleType("vidream.outputs.wall")
    exec(
        """
from vidream.outputs.output import Output
class Wall(Output):
    name = "wall"
    shown = []
    def show(self, picture):
        self.shown.append(picture)
    def close(self):
        self.shown.append("closed")
""",
        module.__dict__,
    )
    monkeypatch.setattr("vidream.outputs.output_registry.modules_of", lambda package: [module])
    output_registry._classes.cache_clear()
    try:
        wall = make_output("wall", "north", rate=25)
        assert isinstance(wall, Output) and (wall.target, wall.rate) == ("north", 25)
        with pytest.raises(DeviceError, match='no output "walls"; close: "wall"'):
            make_output("walls")
    finally:
        output_registry._classes.cache_clear()
    with Camera("7", opener=lambda name: FakeSource()) as source, LiveSession(source, live, outputs=[wall]) as session:
        report = session.run(seconds=0.3)
    *pictures, last = wall.shown
    assert last == "closed" and len(pictures) == report.pictures


def test_an_output_that_fails_to_open_leaves_the_others_closed(live):
    events = []

    class Good(Output):
        def show(self, picture):
            raise AssertionError("the session never began")

        def open(self):
            events.append("opened")

        def close(self):
            events.append("closed")

    class Missing(Good):
        @classmethod
        def why_unavailable(cls):
            return "no such thing here; buy one"

        def open(self):
            Output.open(self)

    with (
        Camera("7", opener=lambda name: FakeSource()) as source,
        pytest.raises(DeviceError, match="buy one"),
        LiveSession(source, live, outputs=[Good(), Missing()]),
    ):
        raise AssertionError("the session began")
    assert events == ["opened", "closed"]
