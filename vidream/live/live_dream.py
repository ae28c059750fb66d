"""live: a dream that keeps up with a camera.

The picture runs at the camera's rate: the newest frame, with the dream carried onto it along the
flow.  The dream itself is worked on in a thread of its own, as fast as the machine can, always on
the newest frame, and joins when it lands.  Nothing queues.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import TracebackType

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.errors import PresetError
from vidream.live.budget import Decision, Level, Pace
from vidream.live.dream_worker import Worker
from vidream.live.meter import LiveFigures, Meter
from vidream.live.tracking import Path, Track
from vidream.live.update import Dreamed, Moment, composed, dreamed_size, updated
from vidream.looks.preset import Preset
from vidream.motion.estimators import estimator
from vidream.networks import Net
from vidream.runtime.device import wait_for

__all__ = ["LiveDream", "LiveFigures"]

DEFAULT_LATENCY_SECONDS = 0.1
DEFAULT_FPS = 30.0
# After a change of look the old dream fades faster, for so many updates.
TURN_UPDATES, TURN_KEEP = 8, 0.8
# After a pause the dream is not stirred for all of it at once.
LONGEST_STIR_SECONDS = 0.25
LARGEST_PX = {"cpu": 640}
LARGEST_ELSEWHERE_PX = 1280


class LiveDream:
    """Dreams what a camera sees, without lag.

        with Camera(0) as camera, LiveDream("creatures", target_fps=camera.rate) as live:
            picture = live.show(*camera.next())

    dreamer: one of your own, or a preset, or its name.  size: longer side of the pictures, px; larger
    frames are made smaller (default 640 on the CPU, else 1280).  target_fps, max_latency_seconds: kept
    by dreaming smaller, with fewer octaves and steps.  device, precision, weights, tile, seed: as in
    `Dreamer`, where none is given.  Its methods may be called from any thread.

    `strength`: 0..2, how much of the dream is shown.  `freeze`: True holds the picture as it is.
    Raises PresetError, NetError, DeviceError.
    """

    def __init__(
        self,
        dreamer: Dreamer | Preset | str = "creatures",
        *,
        size: int | None = None,
        target_fps: float | None = None,
        max_latency_seconds: float = DEFAULT_LATENCY_SECONDS,
        device: str = "auto",
        precision: str = "auto",
        weights: str | None = None,
        tile: int | None = None,
        seed: int = 0,
    ) -> None:
        if isinstance(dreamer, str):
            dreamer = Preset.load(dreamer)
        if isinstance(dreamer, Preset):
            dreamer = Dreamer(dreamer, weights=weights, device=device, precision=precision, tile=tile, seed=seed)
        if target_fps is not None and not 1 <= target_fps <= 240:
            raise PresetError(f"target fps is {target_fps:g}; give 1 to 240 pictures a second")
        if not 0.01 <= max_latency_seconds <= 10:
            raise PresetError(f"max latency is {max_latency_seconds:g} s; give 0.01 to 10 seconds")
        self.size = size or LARGEST_PX.get(dreamer.device.type, LARGEST_ELSEWHERE_PX)
        self.target_fps = target_fps or DEFAULT_FPS
        self.max_latency_seconds = max_latency_seconds
        self._is_frozen = False
        self._strength = 1.0
        self._dreamer = dreamer
        self._precision, self._weights, self._tile, self._seed = precision, weights, tile, seed
        self._turning = 0
        self._track = _track_of(dreamer.preset)
        self._pace: Pace | None = None
        self._changed = threading.Condition()
        self._showing = threading.Lock()
        self._frame: Tensor | None = None
        self._frames = 0
        self._dreamt = 0
        self._shown: Tensor | None = None
        self._landed: Dreamed | None = None
        # The path from the newest frame to the one being dreamed; None while there is none, or after a cut.
        self._under_way: Path | None = None
        self._epoch = 0
        self._meter = Meter()
        self._started_at = time.monotonic()
        self._dreamed_size = (0, 0)
        self._is_closing = False
        self._worker: Worker | None = None

    @property
    def preset(self) -> Preset:
        """The look as it was asked for."""
        return self._dreamer.preset

    @property
    def net(self) -> Net:
        """The net that dreams."""
        return self._dreamer.net

    def describe(self) -> str:
        """Net, device and precision in a few words."""
        return self._dreamer.describe()

    @property
    def strength(self) -> float:
        return self._strength

    @strength.setter
    def strength(self, value: float) -> None:
        self._strength = min(2.0, max(0.0, float(value)))

    @property
    def freeze(self) -> bool:
        return self._is_frozen

    @freeze.setter
    def freeze(self, value: bool) -> None:
        with self._changed:
            self._is_frozen = bool(value)
            self._changed.notify_all()

    @property
    def decisions(self) -> list[Decision]:
        """What was changed to keep up, and why; the last 64."""
        return list(self._pace.decisions) if self._pace else []

    @property
    def figures(self) -> LiveFigures:
        meter, latency = self._meter, self._meter.latency_p95_seconds()
        with self._changed:
            level = self._pace.level if self._pace else Level(0, 0, 0)
            height, width = self._shown.shape[-2:] if self._shown is not None else (0, 0)
            return LiveFigures(
                picture_fps=meter.picture_fps,
                dream_fps=meter.dream_fps,
                latency_p95_ms=1000 * (latency or 0.0),
                dropped_frames=meter.dropped_frames,
                pictures=meter.pictures,
                dreams=meter.dreams,
                width=width,
                height=height,
                dreamed_width=self._dreamed_size[1],
                dreamed_height=self._dreamed_size[0],
                octaves=level.octaves,
                steps=level.steps,
            )

    @torch.no_grad()
    def show(self, frame: Tensor, captured_at: float | None = None) -> Tensor:
        """The picture for the newest `frame` [1,3,H,W], RGB, 0..1: the same, with the dream carried onto it.

        Never waits for a dream. captured_at: `time.monotonic` of the capture, for the latency. Comes
        back on the dreamer's device, at most `size` px long. Raises VidreamError where the dreaming has failed.
        """
        with self._showing:
            if self._worker is not None and self._worker.error is not None:
                raise self._worker.error
            if self.freeze and self._shown is not None:
                self._meter.picture(captured_at)
                return self._shown
            frame = self._fitted(frame)
            path = self._track.step(frame)
            landed = self._advance(frame, path)
            self._shown = composed(self._look().preset, frame, landed, strength=self._strength)
            self._meter.picture(captured_at)
            return self._shown

    def presented(self, captured_at: float) -> None:
        """Tell that the last picture is on the screen now: its latency then counts up to here."""
        self._meter.presented(captured_at)

    def count_dropped(self, frames: int) -> None:
        """Count frames that the caller let go unseen, since newer ones were there."""
        self._meter.drop(frames)

    def change(self, preset: Preset | str) -> None:
        """Take another look from now on; what is dreamed melts into it within half a second.

        The net stays loaded where it is the same one; another is loaded here and now, while the old
        dream goes on. Raises PresetError, NetError, and then the old look stays.
        """
        preset = Preset.load(preset) if isinstance(preset, str) else preset
        old = self._dreamer
        if (preset.net, preset.batch_norm) == (old.preset.net, old.preset.batch_norm):
            dreamer = old.with_preset(preset)
        else:
            dreamer = Dreamer(
                preset, device=str(old.device), precision=self._precision, tile=self._tile, seed=self._seed,
            )  # fmt: skip
        track = _track_of(preset)
        with self._showing, self._changed:
            self._dreamer, self._turning = dreamer, TURN_UPDATES
            self._track.estimate, self._track.resets_on_cut = track.estimate, track.resets_on_cut
            if self._pace:
                self._pace = self._new_pace(dreamer.preset, start=self._pace.level)

    def reset(self) -> None:
        """Forget the dream, and begin from the bare frame."""
        with self._changed:
            self._forget()

    def _fitted(self, frame: Tensor) -> Tensor:
        frame = frame.to(self._dreamer.device, torch.float32)
        height, width = frame.shape[-2:]
        share = self.size / max(height, width)
        if share >= 1:
            return frame
        return F.interpolate(frame, size=(max(16, round(height * share)), max(16, round(width * share))), mode="area")

    def _advance(self, frame: Tensor, path: Path | None) -> Dreamed | None:
        """Make `frame` the newest one; returns the dream that landed last, as it lies to it."""
        with self._changed:
            if path is None:
                self._forget()
            elif self._landed is not None:
                landed = self._landed
                self._landed = replace(landed, path=path.then(landed.path))
            if path is not None and self._under_way is not None:
                self._under_way = path.then(self._under_way)
            if self._pace is None or (self._frame is not None and self._frame.shape != frame.shape):
                self._frame = frame
                self._pace = self._new_pace(self._dreamer.preset)
            self._frame = frame
            self._frames += 1
            self._changed.notify_all()
            return self._landed

    def _forget(self) -> None:
        self._landed = self._under_way = None
        self._epoch += 1

    def _look(self) -> Dreamer:
        return self._dreamer.at(time.monotonic() - self._started_at)

    def _new_pace(self, preset: Preset, *, start: Level | None = None) -> Pace:
        assert self._frame is not None
        height, width = self._frame.shape[-2:]
        preset = preset.at(0)
        return Pace(
            (height, width),
            octaves=preset.octaves,
            octave_scale=preset.octave_scale,
            finest=preset.finest,
            steps=preset.steps,
            target_fps=self.target_fps,
            max_latency_seconds=self.max_latency_seconds,
            start=start,
        )

    def _work(self) -> None:
        """The dream's thread: the newest frame, again and again."""
        began = time.monotonic()
        while self._wait_for_frame():
            with self._changed:
                epoch, pace, landed, frame = self._epoch, self._pace, self._landed, self._frame
                assert pace is not None and frame is not None
                level = pace.level
                self._under_way = self._track.here()
                self._turning = max(0, self._turning - 1)
                most_keep = TURN_KEEP if self._turning else 1.0
            before, began = began, time.monotonic()
            moment = Moment(began - self._started_at, min(began - before, LONGEST_STIR_SECONDS), most_keep)
            dreamed = updated(self._look(), frame, landed, level, number=self._meter.dreams, moment=moment)
            # Without this a GPU's work would pile up unseen, and the picture would wait behind it.
            wait_for(self._dreamer.device)
            now = time.monotonic()
            self._meter.dream(now)
            pace.note_dream(now - began)
            with self._changed:
                since = pace.changed_at or now
                pace.decide(
                    now,
                    picture_fps=self._meter.picture_fps,
                    dropped_share=self._meter.dropped_share(since_seconds=since),
                    latency_seconds=self._meter.latency_p95_seconds(since_seconds=since),
                )
                self._dreamed_size = dreamed_size(frame, level)
                if epoch == self._epoch and self._under_way is not None:
                    self._landed = replace(dreamed, path=self._under_way)
                self._under_way = None

    def _wait_for_frame(self) -> bool:
        """Wait until there is a frame that was not dreamed; False when it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closing or (self._frames > self._dreamt and not self.freeze))
            self._dreamt = self._frames
            return not self._is_closing

    def __enter__(self) -> LiveDream:
        self._started_at = time.monotonic()
        self._worker = Worker(self._work)
        return self

    def close(self) -> None:
        """Stop dreaming. May be called twice."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._worker is not None:
            self._worker.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _track_of(preset: Preset) -> Track:
    return Track(estimator(preset.flow), resets_on_cut=preset.reset_on_cut)
