"""A dream that keeps up with a camera.

The picture runs at the camera's rate: the newest frame, with the last dream warped onto it along the optical flow. The
dream itself is made in a thread of its own, as fast as the machine can, always from the newest frame. Nothing queues.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import TracebackType

import torch
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.errors import PresetError
from vidream.live.budget import AdaptiveResolution, Decision, Level
from vidream.live.dream_worker import DreamWorker
from vidream.live.meter import LiveFigures, Meter
from vidream.live.tracking import MotionPath, MotionTracker
from vidream.live.update import Dreamed, LiveMoment, composed, dreamed_size, reduced, updated
from vidream.looks.preset import Preset
from vidream.motion.estimators import estimator
from vidream.networks import Net
from vidream.runtime.device import wait_for

__all__ = ["LiveDream", "LiveFigures"]

DEFAULT_LATENCY_SECONDS = 0.1
DEFAULT_FPS = 30.0
# After a change of look the old dream fades faster, for so many updates.
CHANGE_UPDATES, CHANGE_KEEP = 8, 0.8
# After a pause, idle motion does not jump by all of it.
LONGEST_IDLE_SECONDS = 0.25
LARGEST_PX = {"cpu": 640}
LARGEST_ELSEWHERE_PX = 1280


class LiveDream:
    """Dreams what a camera sees, without lag.

        with Camera(0) as camera, LiveDream("creatures", target_fps=camera.rate) as live:
            picture = live.show(*camera.next())

    Its methods may be called from any thread.

    Args:
        dreamer: a Dreamer, or a preset, or its name.
        size: longer side of the pictures, px; larger frames are reduced (default 640 on the CPU, else 1280).
        target_fps: pictures a second, 1..240 (default 30); kept by dreaming smaller, with fewer octaves and steps.
        max_latency_seconds: from capture to picture, 0.01..10; kept in the same way.
        device, precision, weights, tile, seed: as in `Dreamer`, where none is given.

    Attributes:
        strength: how much of the dream is shown, 0..2.
        freeze: True holds the picture.

    Raises:
        PresetError: a rate or latency is out of range, or the preset is wrong.
        NetError: the network cannot be loaded.
        DeviceError: the device or precision is not available.
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
        self._changing_for = 0
        self._tracker = _tracker_for(dreamer.preset)
        self._budget: AdaptiveResolution | None = None
        self._changed = threading.Condition()
        self._showing = threading.Lock()
        self._frame: Tensor | None = None
        self._frames = 0
        self._frames_seen = 0
        self._shown: Tensor | None = None
        self._last_dream: Dreamed | None = None
        # From the newest frame to the one being dreamed; None while there is none, and after a cut.
        self._path_to_current: MotionPath | None = None
        self._epoch = 0
        self._meter = Meter()
        self._started_at = time.monotonic()
        self._dreamed_size = (0, 0)
        self._is_closing = False
        self._worker: DreamWorker | None = None

    @property
    def preset(self) -> Preset:
        """The look as it was asked for."""
        return self._dreamer.preset

    @property
    def nets(self) -> tuple[Net, ...]:
        """The networks that dream, in the look's order."""
        return tuple(each.net for each in self._dreamer.ascents)

    def describe(self) -> str:
        """Network, device and precision in a few words."""
        return self._dreamer.describe()

    @property
    def strength(self) -> float:
        """How much of the dream is shown: 0 none, 1 as it is, at most 2."""
        return self._strength

    @strength.setter
    def strength(self, value: float) -> None:
        self._strength = min(2.0, max(0.0, float(value)))

    @property
    def freeze(self) -> bool:
        """Whether the picture is held."""
        return self._is_frozen

    @freeze.setter
    def freeze(self, value: bool) -> None:
        with self._changed:
            self._is_frozen = bool(value)
            self._changed.notify_all()

    @property
    def decisions(self) -> list[Decision]:
        """Changes of size, octaves and steps that keep rate and latency, with their reasons; the last 64."""
        return list(self._budget.decisions) if self._budget else []

    @property
    def figures(self) -> LiveFigures:
        """Rates, latency and sizes at this moment."""
        meter, latency = self._meter, self._meter.latency_p95_seconds()
        with self._changed:
            level = self._budget.level if self._budget else Level(0, 0, 0)
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
        """The newest frame with the last dream warped onto it; never waits for a dream.

        Args:
            frame: [1,3,H,W], RGB, 0..1.
            captured_at: `time.monotonic` of its capture, for the latency.

        Returns:
            [1,3,H,W], RGB, 0..1, on the dreamer's device, its longer side at most `size` px.

        Raises:
            VidreamError: the dreaming has failed.
        """
        with self._showing:
            if self._worker is not None and self._worker.error is not None:
                raise self._worker.error
            if self.freeze and self._shown is not None:
                self._meter.picture(captured_at)
                return self._shown
            frame = reduced(frame.to(self._dreamer.device, torch.float32), self.size)
            path = self._tracker.step(frame)
            last_dream = self._advance(frame, path)
            self._shown = composed(self._look().preset, frame, last_dream, strength=self._strength)
            self._meter.picture(captured_at)
            return self._shown

    def presented(self, captured_at: float) -> None:
        """Note that the last picture is on the screen now, for its latency. captured_at: as given to `show`."""
        self._meter.presented(captured_at)

    def count_dropped(self, frames: int) -> None:
        """Count frames that the caller dropped because newer ones were there."""
        self._meter.drop(frames)

    def change(self, preset: Preset | str) -> None:
        """Take another look from now on; the dream changes into it within half a second.

        Networks that are loaded stay so. Another one is loaded before this returns, while the old dream continues.

        Raises:
            PresetError, NetError: the new look cannot be used; the old one stays.
        """
        preset = Preset.load(preset) if isinstance(preset, str) else preset
        dreamer = self._dreamer.with_preset(preset)
        tracker = _tracker_for(preset)
        with self._showing, self._changed:
            self._dreamer, self._changing_for = dreamer, CHANGE_UPDATES
            self._tracker.estimate, self._tracker.resets_on_cut = tracker.estimate, tracker.resets_on_cut
            if self._budget:
                self._budget = self._new_budget(dreamer.preset, start=self._budget.level)

    def reset(self) -> None:
        """Forget the dream, and start from the bare frame."""
        with self._changed:
            self._forget()

    def _advance(self, frame: Tensor, path: MotionPath | None) -> Dreamed | None:
        """Make `frame` the newest one; returns the last dream with its path from this frame."""
        with self._changed:
            if path is None:
                self._forget()
            elif self._last_dream is not None:
                last_dream = self._last_dream
                self._last_dream = replace(last_dream, path=path.then(last_dream.path))
            if path is not None and self._path_to_current is not None:
                self._path_to_current = path.then(self._path_to_current)
            if self._budget is None or (self._frame is not None and self._frame.shape != frame.shape):
                self._frame = frame
                self._budget = self._new_budget(self._dreamer.preset)
            self._frame = frame
            self._frames += 1
            self._changed.notify_all()
            return self._last_dream

    def _forget(self) -> None:
        self._last_dream = self._path_to_current = None
        self._epoch += 1

    def _look(self) -> Dreamer:
        return self._dreamer.at(time.monotonic() - self._started_at)

    def _new_budget(self, preset: Preset, *, start: Level | None = None) -> AdaptiveResolution:
        assert self._frame is not None
        sides, most = (self._frame.shape[-2], self._frame.shape[-1]), self.max_latency_seconds
        return AdaptiveResolution.for_preset(
            preset.at(0), sides, target_fps=self.target_fps, max_latency_seconds=most, start=start
        )

    def _work(self) -> None:
        """Dream the newest frame, again and again: what the dream's thread runs."""
        began = time.monotonic()
        while self._wait_for_frame():
            with self._changed:
                epoch, budget, last_dream, frame = self._epoch, self._budget, self._last_dream, self._frame
                assert budget is not None and frame is not None
                level = budget.level
                self._path_to_current = self._tracker.here()
                self._changing_for = max(0, self._changing_for - 1)
                most_keep = CHANGE_KEEP if self._changing_for else 1.0
            before, began = began, time.monotonic()
            moment = LiveMoment(began - self._started_at, min(began - before, LONGEST_IDLE_SECONDS), most_keep)
            dreamed = updated(self._look(), frame, last_dream, level, number=self._meter.dreams, moment=moment)
            # Otherwise work would queue on the GPU, and the picture would wait behind it.
            wait_for(self._dreamer.device)
            now = time.monotonic()
            self._meter.dream(now)
            budget.note_dream(now - began)
            with self._changed:
                since = budget.changed_at or now
                budget.decide(
                    now,
                    picture_fps=self._meter.picture_fps,
                    dropped_share=self._meter.dropped_share(since_seconds=since),
                    latency_seconds=self._meter.latency_p95_seconds(since_seconds=since),
                )
                self._dreamed_size = dreamed_size(frame, level)
                if epoch == self._epoch and self._path_to_current is not None:
                    self._last_dream = replace(dreamed, path=self._path_to_current)
                self._path_to_current = None

    def _wait_for_frame(self) -> bool:
        """Wait for a frame that was not dreamed yet; False when it is time to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closing or (self._frames > self._frames_seen and not self.freeze))
            self._frames_seen = self._frames
            return not self._is_closing

    def __enter__(self) -> LiveDream:
        self._started_at = time.monotonic()
        self._worker = DreamWorker(self._work)
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


def _tracker_for(preset: Preset) -> MotionTracker:
    return MotionTracker(estimator(preset.flow), resets_on_cut=preset.reset_on_cut)
