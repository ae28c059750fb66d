"""Seconds a step and a frame at the usual sizes, the parts of a frame, and the live rate."""

from __future__ import annotations

import itertools
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream import __version__
from vidream.bench.machine import matrix_peak, memory_mib, seconds_of
from vidream.engine.dreamer import Dreamer
from vidream.live import LiveDream, LiveFigures
from vidream.media import FrameReader, FrameWriter
from vidream.rendering.dreamed_frames import DreamedFrames
from vidream.rendering.frame_loop import FrameLoop
from vidream.runtime.device import wait_for
from vidream.temporal.flashes import FlashLimiter

__all__ = ["Bench", "SizeFigures", "measure_all", "moving_frames", "size_figures"]

# Px a frame by which the made-up clip moves.
SPEED_PX = 3
CLIP_FRAMES = 24
FEWEST_FRAMES = 5


@dataclass(frozen=True)
class SizeFigures:
    """One size.

    Attributes:
        width, height: px.
        step_seconds: one gradient step on all of it.
        frame_seconds: a carried frame, median, with the frame read and its flow found beside it.
        first_frame_seconds: a shot's first frame.
        step_operations: multiplications and additions of a step, forward and backward.
        peak_share: of the machine's matrix peak during a step, 0..1.
        parts: the work of a carried frame, name -> seconds, one after the other.
    """

    width: int
    height: int
    step_seconds: float
    frame_seconds: float
    first_frame_seconds: float
    step_operations: int
    peak_share: float
    parts: dict[str, float]

    @property
    def fps(self) -> float:
        return 1 / self.frame_seconds


@dataclass(frozen=True)
class Bench:
    """What was measured.

    Attributes:
        version: of vidream.
        machine, dreamer: in a few words.
        matrix_peak: operations a second.
        sizes: one for each size.
        live: the live rate; None where it was left out.
        memory_mib: the most that was taken, where the system tells.
    """

    version: str
    machine: str
    dreamer: str
    matrix_peak: float
    sizes: list[SizeFigures] = field(default_factory=list)
    live: LiveFigures | None = None
    memory_mib: float | None = None


def measure_all(
    dreamer: Dreamer,
    sizes: Sequence[tuple[int, int]],
    *,
    seconds: float = 4.0,
    live_seconds: float = 6.0,
    told: Callable[[str], None] = lambda words: None,
) -> Bench:
    """Measure a dreamer.

    Args:
        dreamer: what is measured.
        sizes: (width, height) px each.
        seconds: for each size.
        live_seconds: for the live rate; 0 leaves it out.
        told: called with what is measured next.
    """
    told("the machine's matrix peak")
    peak = matrix_peak(dreamer.device, dreamer.net.dtype)
    found = []
    for width, height in sizes:
        told(f"{width}x{height}")
        found.append(size_figures(dreamer, width, height, peak, seconds))
    live = None
    if live_seconds:
        told("the live rate")
        live = _live_figures(dreamer, live_seconds)
    machine = f"{platform.machine()} {platform.system()}, torch {torch.__version__}"
    memory = memory_mib(dreamer.device)
    return Bench(__version__, machine, dreamer.describe(), peak, found, live, memory)


def moving_frames(width: int, height: int, count: int) -> list[Tensor]:
    """A made-up clip, [1,3,H,W] each: soft blobs in several sizes that move steadily, as a panning camera's do."""
    generator = torch.Generator().manual_seed(4)
    wide = width + SPEED_PX * count
    canvas = torch.zeros(1, 3, height, wide)
    for cell in (8, 24, 96):
        noise = torch.rand(1, 3, max(2, height // cell), max(2, wide // cell), generator=generator)
        canvas += F.interpolate(noise, (height, wide), mode="bilinear", align_corners=False) / 3
    return [canvas[..., SPEED_PX * number :][..., :width].contiguous() for number in range(count)]


def size_figures(dreamer: Dreamer, width: int, height: int, peak: float, seconds: float) -> SizeFigures:
    """Measure one size for some seconds. peak: operations a second that the device can reach."""
    frames = moving_frames(width, height, CLIP_FRAMES)
    one = dreamer.with_preset(dreamer.preset.replace(octaves=1, finest=1.0, falloff=0.0))
    picture = frames[0].to(dreamer.device)
    step = seconds_of(lambda: one(picture, steps=1), dreamer.device, budget_seconds=seconds / 4)
    forward = [
        each.net.operations(each.needs(""), height, width) for each in dreamer.ascents if each.needs("") and each.share
    ]
    # As much again for the backward pass: the weights need no gradient.
    operations = 2 * sum(forward)
    with tempfile.TemporaryDirectory(prefix="vidream-bench-") as folder:
        clip = Path(folder) / "clip.mp4"
        with FrameWriter(clip, rate=Fraction(25)) as writer:
            for frame in frames:
                writer.write(frame)
        first, carried = _film(dreamer, clip, seconds / 2)
        parts = _parts(dreamer, clip, seconds / 4)
    return SizeFigures(width, height, step, carried, first, operations, operations / step / peak, parts)


def _film(dreamer: Dreamer, clip: Path, budget_seconds: float) -> tuple[float, float]:
    """(seconds of the first frame, median of the others) of a film made as `vidream dream` makes it.

    The others in twos, since octaves take turns.
    """
    taken: list[float] = []
    with FrameReader(clip) as reader, FrameWriter(clip.with_name("dream.mp4"), like=reader, overwrite=True) as writer:
        begun = time.perf_counter()
        with closing(
            FrameLoop(DreamedFrames(reader, dreamer), writer, limiter=FlashLimiter(reader.rate)).steps()
        ) as steps:
            for _ in steps:
                taken.append(time.perf_counter() - begun)
                begun = time.perf_counter()
                if len(taken) > FEWEST_FRAMES and sum(taken[1:]) > budget_seconds:
                    break
    return taken[0], statistics.median(map(statistics.fmean, itertools.pairwise(taken[2:])))


def _parts(dreamer: Dreamer, clip: Path, budget_seconds: float) -> dict[str, float]:
    """The parts of a carried frame, medians, each waited for: read, flow, carry, every octave, finish, encode."""
    clock = _Clock(dreamer)
    with FrameReader(clip) as reader, FrameWriter(clip.with_name("parts.mp4"), like=reader, overwrite=True) as writer:
        frames = DreamedFrames(reader, dreamer, stamp=clock.stamp)
        deadline = time.perf_counter() + budget_seconds
        with closing(FrameLoop(frames, writer, limiter=FlashLimiter(reader.rate), stamp=clock.stamp).steps()) as steps:
            for count in steps:
                if count == 1:
                    clock.parts.clear()  # a shot's first frame takes other steps
                elif count > FEWEST_FRAMES and time.perf_counter() > deadline:
                    break
                clock.begin()
        begun = time.perf_counter()
        writer.close()
        # The encoder works beside the dream: what is left of it at the end, shared out.
        count = max(1, frames.frames_made - 1)
        clock.parts["encode, rest"] = [(time.perf_counter() - begun) / count] * count
    # Octaves that take turns count for their share of the frames.
    parts = {name: statistics.median(taken) * min(1.0, len(taken) / count) for name, taken in clock.parts.items()}
    octaves = sorted(
        (name for name in parts if name.startswith("octave ")), key=lambda name: int(name[7:].partition("x")[0])
    )
    order = ["read", "flow", "carry", *octaves]
    return {name: parts[name] for name in [*order, *(each for each in parts if each not in order)] if name in parts}


class _Clock:
    """Time between stamps, by name, waiting for the device at each; stamps of one name in a row count together."""

    def __init__(self, dreamer: Dreamer) -> None:
        self._device = dreamer.device
        self.parts: dict[str, list[float]] = {}
        self._last = 0.0
        self._last_name = ""

    def begin(self) -> None:
        wait_for(self._device)
        self._last = time.perf_counter()
        self._last_name = ""

    def stamp(self, name: str) -> None:
        wait_for(self._device)
        now = time.perf_counter()
        if name == self._last_name:
            self.parts[name][-1] += now - self._last
        else:
            self.parts.setdefault(name, []).append(now - self._last)
        self._last, self._last_name = now, name


def _live_figures(dreamer: Dreamer, seconds: float) -> LiveFigures:
    """A camera of 640x360 at 30 frames a second, made up, dreamed for so long."""
    frames = [frame.to(dreamer.device) for frame in moving_frames(640, 360, 60)]
    with LiveDream(dreamer, target_fps=30) as live:
        begun = time.monotonic()
        number = 0
        while (now := time.monotonic()) - begun < seconds:
            due = begun + number / 30
            if now < due:
                time.sleep(due - now)
            elif now > due + 1 / 30:
                # A camera does not wait.
                missed = int((now - due) * 30)
                live.count_dropped(missed)
                number += missed
            there_and_back = number % 118
            live.show(frames[min(there_and_back, 118 - there_and_back)], time.monotonic())
            number += 1
        return live.figures
