"""A camera, its live dream, and every output that the pictures go to."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from torch import Tensor

from vidream.errors import TargetError, VidreamError
from vidream.live.controls import HELP, Controls
from vidream.live.live_dream import LiveDream
from vidream.live.live_report import LiveReport, SessionMeter
from vidream.media import Camera, write_picture
from vidream.outputs import Output, VideoRecorder, Window
from vidream.runtime.threads import run_single_threaded

__all__ = ["LiveSession"]

# The window is asked for keys at least this often, also while the camera is away.
LONGEST_WAIT_SECONDS = 0.1
BANNER_SECONDS = 2.5
# A key that is held down must not continue to act after it is released.
MOST_PRESSED = 3


class LiveSession:
    """Shows what a camera sees, dreaming, until it is told to stop. Use it in a `with` block.

    Args:
        camera: where the frames come from.
        live: dreams them.
        window: shows pictures and figures, and gives keys; None without a screen.
        outputs: where else the pictures go; opened and closed by the session.
        is_mirrored: exchange left and right.
        shows_figures: begin with the figures over the picture.
        name: of the look.
        says: takes a line for the user where there is no window to write it on.

    Raises:
        VidreamError: on entering the block: an output cannot be opened.
    """

    def __init__(
        self,
        camera: Camera,
        live: LiveDream,
        *,
        window: Window | None = None,
        outputs: Sequence[Output] = (),
        is_mirrored: bool = False,
        shows_figures: bool = True,
        name: str = "dream",
        says: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._camera, self._live, self._window = camera, live, window
        self._is_mirrored, self._shows_figures = is_mirrored, shows_figures
        self._says = says
        self._controls = Controls(live, name=name)
        self._outputs = list(outputs)
        self._stack = ExitStack()
        # Keys act in a thread of their own: a look may need another network, and loading one takes seconds.
        self._key_thread = ThreadPoolExecutor(1, "vidream-keys", run_single_threaded)
        self._pressed: deque[Future[str]] = deque()
        self._shows_help = False
        self._banner, self._banner_until = "", 0.0
        self._camera_error: str | None = None
        self._picture: Tensor | None = None
        self._meter = SessionMeter(camera, live)
        self._is_running = True

    def run(self, *, seconds: float | None = None) -> LiveReport:
        """Show pictures until the window is closed; Ctrl-C stops it as well.

        Args:
            seconds: stop this long after the first picture.

        Returns:
            How it went.

        Raises:
            VidreamError: camera, dream or an output failed for good.
        """
        try:
            while self._is_running and (seconds is None or self._meter.elapsed_seconds < seconds):
                self._step()
        except KeyboardInterrupt:
            pass
        return self.report

    @property
    def report(self) -> LiveReport:
        """How it has gone so far."""
        return self._meter.report

    def _step(self) -> None:
        """Show one picture, or ask for keys once while no frame comes."""
        taken = self._camera.next(timeout_seconds=LONGEST_WAIT_SECONDS)
        if taken is None:
            self._wait_for_camera()
        else:
            self._take(*taken)
        if self._window is not None:
            self._read_keys(self._window)

    def _take(self, frame: Tensor, captured_at: float) -> None:
        if self._camera_error:
            self._tell("the camera is back")
            self._camera_error = None
        picture = self._live.show(frame, captured_at)
        self._picture = picture.flip(-1) if self._is_mirrored else picture
        self._show(self._picture)
        self._live.presented(captured_at)
        self._meter.count(captured_at)

    def _show(self, picture: Tensor) -> None:
        if self._window is not None:
            self._draw(self._window, picture)
        for output in self._outputs:
            output.show(picture)
            if not self._meter.pictures and output.advice:
                self._tell(output.advice, everywhere=True)

    def _draw(self, window: Window, picture: Tensor) -> None:
        window.show(
            picture,
            lines=self._figure_lines() if self._shows_figures and not self._shows_help else (),
            banner=self._camera_error or (self._banner if time.monotonic() < self._banner_until else ""),
            help_rows=HELP if self._shows_help else (),
        )

    def _figure_lines(self) -> list[str]:
        figures, recorder = self._live.figures, self._recorder
        recording = f"   REC {recorder.path.name}" if recorder is not None else ""
        rates = f"{figures.picture_fps:.0f} fps   {figures.dream_fps:.0f} dreams/s   {figures.latency_p95_ms:.0f} ms"
        sizes = f"{figures.width}x{figures.height}   dreamed {figures.dreamed_width}x{figures.dreamed_height}"
        look = f"{figures.octaves} octaves   {self._controls.look} x{self._live.strength:.1f}   h: help"
        return [rates + recording, f"{sizes}, {look}"]

    def _wait_for_camera(self) -> None:
        error = self._camera.trouble
        if error and error != self._camera_error:
            self._camera_error = error
            self._says(error)
        if self._window is not None and self._picture is not None:
            self._draw(self._window, self._picture)

    def _read_keys(self, window: Window) -> None:
        key = window.key()
        if not window.is_open or key in ("q", "escape"):
            self._is_running = False
        elif key == "f":
            window.toggle_fullscreen()
        elif key == "m":
            self._is_mirrored = not self._is_mirrored
        elif key == "o":
            self._shows_figures = not self._shows_figures
        elif key in ("h", "?"):
            self._shows_help = not self._shows_help
        elif key == "c":
            self._save_picture()
        elif key == "r":
            self._toggle_recording()
        elif key and len(self._pressed) < MOST_PRESSED:
            self._pressed.append(self._key_thread.submit(self._controls.press, key))
        while self._pressed and self._pressed[0].done():
            if message := self._pressed.popleft().result():
                self._tell(message)

    def _save_picture(self) -> None:
        if self._picture is None:
            return
        try:
            path = _named_by_time(".png")
            write_picture(path, self._picture)
            self._tell(f"saved {path}", everywhere=True)
        except TargetError as error:
            self._tell(str(error))

    @property
    def _recorder(self) -> VideoRecorder | None:
        return next((output for output in self._outputs if isinstance(output, VideoRecorder)), None)

    def _toggle_recording(self) -> None:
        recorder = self._recorder
        try:
            if recorder is None:
                recorder = VideoRecorder(_named_by_time(".mp4"), rate=self._camera.rate)
                self._outputs.append(self._stack.enter_context(recorder))
                self._tell(f"recording {recorder.path}")
            else:
                self._outputs.remove(recorder)
                recorder.close()
                self._tell(f"saved {recorder.path}", everywhere=True)
        except TargetError as error:
            self._tell(str(error))

    def _tell(self, message: str, *, everywhere: bool = False) -> None:
        """Show a message in the window, or say it where there is none; everywhere: do both."""
        self._banner, self._banner_until = message, time.monotonic() + BANNER_SECONDS
        if self._window is None or everywhere:
            self._says(message)

    def __enter__(self) -> LiveSession:
        with ExitStack() as opened:
            opened.enter_context(self._key_thread)
            for output in self._outputs:
                opened.enter_context(output)
            self._stack = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A recording is finished whatever happened, so that nothing recorded is lost.
        try:
            self._stack.close()
        except VidreamError:
            if error is None:
                raise


def _named_by_time(suffix: str) -> Path:
    """A free name in the current folder."""
    stem = time.strftime("vidream-%Y%m%d-%H%M%S")
    path, number = Path(stem + suffix), 2
    while path.exists():
        path, number = Path(f"{stem}-{number}{suffix}"), number + 1
    return path
