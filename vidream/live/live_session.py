"""mirror: camera, live dream, and everything the picture goes to."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from torch import Tensor

from vidream.errors import TargetError, VidreamError
from vidream.live.controls import HELP, Controls
from vidream.live.live_dream import LiveDream
from vidream.live.meter import peak_memory_mib
from vidream.media import Camera, write_picture
from vidream.outputs import Recorder, VirtualCamera, Window
from vidream.runtime.threads import run_single_threaded

__all__ = ["Mirror", "MirrorReport"]

# The window listens for keys at least this often, also while the camera is away.
LONGEST_WAIT_SECONDS = 0.1
BANNER_SECONDS = 2.5
# Memory is compared from here on: by then every size of picture has been seen.
SETTLED_SECONDS = 5.0
# A key that is held down must not go on acting after it is let go.
MOST_PRESSED = 3
LARGEST_LATENCY_MS = 10_000


@dataclass(frozen=True)
class MirrorReport:
    """How a live dream went, from its first picture to its last. rates: a second; latency: capture to picture.

    peak_rss_mib, memory_growth_mib: the most memory, and how much of it came after the first five
    seconds; None where the system does not tell.
    """

    picture_fps: float
    dream_fps: float
    latency_p50_ms: float
    latency_p95_ms: float
    dropped_frames: int
    peak_rss_mib: float | None
    memory_growth_mib: float | None
    seconds: float
    pictures: int
    dreams: int
    camera_fps: float
    width: int
    height: int
    dreamed_width: int
    dreamed_height: int
    octaves: int
    steps: int
    reconnects: int
    decisions: list[str]


class Mirror:
    """Shows what a camera sees, dreaming, until it is told to stop; use it as a context manager.

    window: None without a screen.  record: a file.  is_mirrored: left and right exchanged.
    name: of the look.  says: takes a line for the user where there is no window to write it on.
    """

    def __init__(
        self,
        camera: Camera,
        live: LiveDream,
        *,
        window: Window | None = None,
        record: str | Path | None = None,
        overwrite: bool = False,
        virtual_camera: bool = False,
        is_mirrored: bool = False,
        shows_figures: bool = True,
        name: str = "dream",
        says: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._camera, self._live, self._window = camera, live, window
        self._wants_virtual = virtual_camera
        self._is_mirrored, self._shows_figures = is_mirrored, shows_figures
        self._says = says
        self._controls = Controls(live, name=name)
        self._stack = ExitStack()
        # Keys act in a thread of their own: a look may need another net, and loading one takes seconds.
        self._presser = self._stack.enter_context(ThreadPoolExecutor(1, "vidream-keys", run_single_threaded))
        self._pressed: deque[Future[str]] = deque()
        self._recorder = self._recording(record, overwrite=overwrite) if record else None
        self._virtual: VirtualCamera | None = None
        self._shows_help = False
        self._banner, self._banner_until = "", 0.0
        self._trouble: str | None = None
        self._picture: Tensor | None = None
        self._dropped_before = 0
        self._latencies_ms: Counter[int] = Counter()
        self._first_at = self._last_at = 0.0
        self._dreams_before = 0
        self._pictures = 0
        self._settled_mib: float | None = None
        self._is_running = True

    def run(self, *, seconds: float | None = None) -> MirrorReport:
        """Go on until the window is closed, or for so long from the first picture on. Returns how it went.

        Ctrl-C stops it as well. Raises VidreamError where camera, dream or recording fail for good.
        """
        try:
            while self._is_running and (seconds is None or not self._pictures or self._elapsed < seconds):
                self._turn()
        except KeyboardInterrupt:
            pass
        return self.report

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._first_at

    def _turn(self) -> None:
        """One picture, or one look at the keys."""
        taken = self._camera.next(timeout_seconds=LONGEST_WAIT_SECONDS)
        if taken is None:
            self._while_away()
        else:
            self._take(*taken)
        if self._window is not None:
            self._listen(self._window)

    def _take(self, frame: Tensor, captured_at: float) -> None:
        if self._trouble:
            self._tell("the camera is back")
            self._trouble = None
        picture = self._live.show(frame, captured_at)
        self._picture = picture.flip(-1) if self._is_mirrored else picture
        self._send(self._picture)
        self._live.presented(captured_at)
        self._count(captured_at)

    def _send(self, picture: Tensor) -> None:
        if self._window is not None:
            self._draw(self._window, picture)
        if self._recorder is not None:
            self._recorder.write(picture)
        if self._wants_virtual:
            if self._virtual is None:
                height, width = picture.shape[-2:]
                rate = self._camera.rate
                self._virtual = self._stack.enter_context(VirtualCamera(width, height, rate=rate))
                self._tell(f"virtual camera: choose {self._virtual.name} in the other program")
            self._virtual.send(picture)

    def _draw(self, window: Window, picture: Tensor) -> None:
        window.show(
            picture,
            lines=self._figure_lines() if self._shows_figures and not self._shows_help else (),
            banner=self._trouble or (self._banner if time.monotonic() < self._banner_until else ""),
            help_rows=HELP if self._shows_help else (),
        )

    def _figure_lines(self) -> list[str]:
        figures = self._live.figures
        recording = f"   REC {self._recorder.path.name}" if self._recorder is not None else ""
        rates = f"{figures.picture_fps:.0f} fps   {figures.dream_fps:.0f} dreams/s   {figures.latency_p95_ms:.0f} ms"
        sizes = f"{figures.width}x{figures.height}   dreamed {figures.dreamed_width}x{figures.dreamed_height}"
        look = f"{figures.octaves} octaves   {self._controls.look} x{self._live.strength:.1f}   h: help"
        return [rates + recording, f"{sizes}, {look}"]

    def _while_away(self) -> None:
        trouble = self._camera.trouble
        if trouble and trouble != self._trouble:
            self._trouble = trouble
            self._says(trouble)
        if self._window is not None and self._picture is not None:
            self._draw(self._window, self._picture)

    def _listen(self, window: Window) -> None:
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
            self._snapshot()
        elif key == "r":
            self._toggle_recording()
        elif key and len(self._pressed) < MOST_PRESSED:
            self._pressed.append(self._presser.submit(self._controls.press, key))
        while self._pressed and self._pressed[0].done():
            if words := self._pressed.popleft().result():
                self._tell(words)

    def _snapshot(self) -> None:
        if self._picture is None:
            return
        try:
            path = _named_by_time(".png")
            write_picture(path, self._picture)
            self._tell(f"saved {path}")
        except TargetError as error:
            self._tell(str(error))

    def _toggle_recording(self) -> None:
        try:
            if self._recorder is None:
                self._recorder = self._recording(_named_by_time(".mp4"))
                self._tell(f"recording {self._recorder.path}")
            else:
                recorder, self._recorder = self._recorder, None
                recorder.close()
                self._tell(f"saved {recorder.path}")
        except TargetError as error:
            self._tell(str(error))

    def _recording(self, target: str | Path, *, overwrite: bool = False) -> Recorder:
        return self._stack.enter_context(Recorder(target, rate=self._camera.rate, overwrite=overwrite))

    def _tell(self, words: str) -> None:
        self._banner, self._banner_until = words, time.monotonic() + BANNER_SECONDS
        if self._window is None or words.startswith(("saved", "virtual")):
            self._says(words)

    def _count(self, captured_at: float) -> None:
        now = time.monotonic()
        dropped = self._camera.dropped_frames
        if not self._pictures:
            self._first_at = now
            self._dreams_before = self._live.figures.dreams
        else:
            # Frames that came before the first picture was asked for are nobody's loss.
            self._live.count_dropped(dropped - self._dropped_before)
        self._dropped_before = dropped
        self._pictures += 1
        self._last_at = now
        self._latencies_ms[min(LARGEST_LATENCY_MS, round(1000 * (now - captured_at)))] += 1
        if self._settled_mib is None and self._elapsed > SETTLED_SECONDS:
            self._settled_mib = peak_memory_mib()

    @property
    def report(self) -> MirrorReport:
        """How it has gone so far."""
        figures, seconds, peak = self._live.figures, self._last_at - self._first_at, peak_memory_mib()
        growth = peak - self._settled_mib if peak is not None and self._settled_mib is not None else None
        dreams = figures.dreams - self._dreams_before
        return MirrorReport(
            # To a tenth: one picture more or less in the last instant is no more than that.
            picture_fps=round((self._pictures - 1) / seconds, 1) if seconds > 0 else 0.0,
            dream_fps=round(dreams / seconds, 1) if seconds > 0 else 0.0,
            latency_p50_ms=_percentile(self._latencies_ms, 0.5),
            latency_p95_ms=_percentile(self._latencies_ms, 0.95),
            dropped_frames=figures.dropped_frames,
            peak_rss_mib=None if peak is None else round(peak, 1),
            memory_growth_mib=None if growth is None else round(growth, 1),
            seconds=round(seconds, 2),
            pictures=self._pictures,
            dreams=dreams,
            camera_fps=round(self._camera.rate, 3),
            width=figures.width,
            height=figures.height,
            dreamed_width=figures.dreamed_width,
            dreamed_height=figures.dreamed_height,
            octaves=figures.octaves,
            steps=figures.steps,
            reconnects=self._camera.reconnects,
            decisions=[
                f"{each.at_seconds - self._first_at:.1f} s: {each.level.side_px} px, {each.level.octaves} octaves, "
                f"{each.level.steps} steps: {each.why}"
                for each in self._live.decisions
            ],
        )

    def __enter__(self) -> Mirror:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A recording is finished whatever happened: what was recorded so far is not lost.
        try:
            self._stack.close()
        except VidreamError:
            if error is None:
                raise


def _percentile(counts: Counter[int], share: float) -> float:
    """The value that `share` of all counted ones do not exceed."""
    left = share * counts.total() if counts else 0
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return float(value)
    return 0.0


def _named_by_time(suffix: str) -> Path:
    """A free name in the present folder."""
    stem = time.strftime("vidream-%Y%m%d-%H%M%S")
    path, number = Path(stem + suffix), 2
    while path.exists():
        path, number = Path(f"{stem}-{number}{suffix}"), number + 1
    return path
