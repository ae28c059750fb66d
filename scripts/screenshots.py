"""Make the README's pictures of the page and of the window.

    xvfb-run -s "-screen 0 1280x720x24" python scripts/screenshots.py CLIP

CLIP: what the camera sees, a video. Needs a Chromium on the path, playwright, and the extra vidream[web].
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import cv2
import imageio_ffmpeg
from torch import Tensor

from vidream.live import LiveDream, LiveSession
from vidream.looks.preset import Preset
from vidream.media import Camera
from vidream.media.arrays import to_array
from vidream.outputs import Window
from vidream.outputs.window import drawn
from vidream.web.limits import Settings
from vidream.web.server import make_server, open_socket
from vidream.web.shared import Engine

DOCS = Path(__file__).parent.parent / "docs"
SIZE, SECONDS, LOOK = 480, 20, "creatures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    clip = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        camera = Path(name, "camera.y4m")
        command = ["-v", "error", "-i", clip, "-t", "8", "-vf", "scale=640:-2,format=yuv420p", str(camera)]
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *command], check=True)
        shoot_page(camera, DOCS / "web.jpg")
    shoot_window(clip, DOCS / "live.jpg")
    return 0


def shoot_page(camera: Path, target: Path) -> None:
    """The page, once its dream is fully grown."""
    from playwright.sync_api import sync_playwright

    server = make_server(Engine(Settings(size=SIZE), first=(LOOK, Preset.load(LOOK))))
    listening = open_socket("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    flags.append(f"--use-file-for-fake-video-capture={camera}")
    try:
        with sync_playwright() as driver:
            program = next(filter(None, map(shutil.which, BROWSERS)))
            browser = driver.chromium.launch(executable_path=program, args=flags)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"http://127.0.0.1:{listening.getsockname()[1]}/")
            page.wait_for_timeout(SECONDS * 1000)
            page.screenshot(path=target, type="jpeg", quality=82)
            browser.close()
    finally:
        server.should_exit = True
        thread.join()


class Kept(Window):
    """A window that keeps what it showed last."""

    def show(self, picture: Tensor, **words: Any) -> None:
        super().show(picture, **words)
        self.last = drawn(to_array(picture), **words)


def shoot_window(clip: str, target: Path) -> None:
    """The window's inside, with its figures."""
    with (
        Kept() as window,
        Camera(clip, size=SIZE) as camera,
        LiveDream(LOOK, size=SIZE, target_fps=camera.rate) as live,
        LiveSession(camera, live, window=window, name=LOOK) as session,
    ):
        session.run(seconds=SECONDS)
    cv2.imwrite(str(target), window.last[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 84])


if __name__ == "__main__":
    sys.exit(main())
