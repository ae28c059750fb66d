"""stream: the only state over time: the last frame, the last dream, the flow between."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.engine.postprocess import finish
from vidream.looks.preset import Preset
from vidream.media import FrameReader
from vidream.motion import flow as optical
from vidream.motion.luma_pyramid import Glance
from vidream.temporal.prefetch import made_ahead

__all__ = ["FrameFigures", "Motion", "Stream", "StreamFigures", "carry", "dream_frames", "follow", "motions"]

FlowEstimator = Callable[[Tensor, Tensor], Tensor]
# Flow and trust from a frame to the one before, at the size they were worked out at; None at a shot's first frame.
Motion = tuple[Tensor, Tensor] | None
DEFAULT_RATE = 25
# A fresh spot takes this many times the step, so that what comes into view is dreamed within a few
# frames and does not show as a bare hole for as long as `keep` remembers.
FRESH_PACE = 4.0
RIPENING = 0.2
# Two shots of one room can share their colours; then it shows in a flow that explains nothing.
CUT_TRUST = 0.3


@dataclass(frozen=True)
class FrameFigures:
    """One frame. strength: mean |dream - frame|, 0..1.  warp_error: Lai et al. 2018; None for a shot's first.

    brightness, source_brightness: mean of dream and frame, 0..1.
    """

    strength: float
    brightness: float
    source_brightness: float
    warp_error: float | None
    is_cut: bool


@dataclass
class StreamFigures:
    """What was made so far. strength: mean |dream - frame|, 0..1.  warp_error: Lai et al. 2018."""

    frames: int = 0
    cuts: int = 0
    strength_sum: float = 0.0
    warp_error_sum: float = 0.0
    pairs: int = 0

    @property
    def strength(self) -> float:
        return self.strength_sum / max(self.frames, 1)

    @property
    def warp_error(self) -> float | None:
        return self.warp_error_sum / self.pairs if self.pairs else None


class Stream:
    """Dreams frames in their order, each from the dream of the one before.

    next = dream(frame + keep * trust * warp(last_dream - last_frame, flow)): the dream's residual
    is carried, not the dream, so the source stays sharp and nothing drifts.
    flow: an estimator in place of the preset's.  rate: frames a second, for the preset's schedules.
    """

    def __init__(
        self, dreamer: Dreamer, *, flow: FlowEstimator | None = None, rate: float | Fraction = DEFAULT_RATE
    ) -> None:
        self.dreamer = dreamer
        self.figures = StreamFigures()
        self.latest: FrameFigures | None = None
        self._number = 0
        self._rate = rate
        self._estimate = flow or optical.estimator(dreamer.preset.flow)
        self._frame: Tensor | None = None
        self._dream: Tensor | None = None
        self._shown: Tensor | None = None
        self._ripeness: Tensor | None = None

    @property
    def began_shot(self) -> bool:
        """True where the last frame was the first of a shot, as the film's very first is."""
        return self.latest is not None and (self.latest.is_cut or self._number == 1)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that the next frame depends on, besides the preset and the seed: what `restore` takes.

        The tensors are those in use, which are never changed in place: reading them costs nothing.
        """
        held = {"frame": self._frame, "dream": self._dream, "ripeness": self._ripeness}
        if self._shown is not self._dream:
            held["shown"] = self._shown
        tensors = {name: value for name, value in held.items() if value is not None}
        return tensors, {"number": self._number, **asdict(self.figures)}

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Go on from a `state`, to the bit as if there had been no break."""
        place = {name: value.to(self.dreamer.device) for name, value in tensors.items()}
        self._frame, self._dream, self._ripeness = (place.get(name) for name in ("frame", "dream", "ripeness"))
        self._shown = place.get("shown", self._dream)
        self._number = int(numbers["number"])
        self.figures = StreamFigures(**{key: value for key, value in numbers.items() if key != "number"})
        self.latest = None

    def begin_shot_at(self, number: int) -> None:
        """Forget the frames before: the next one is frame `number` of the film, and the first of a shot."""
        self._frame = self._dream = self._ripeness = self._shown = None
        self._number = number

    @torch.no_grad()
    def next(
        self,
        frame: Tensor,
        *,
        mask: Tensor | None = None,
        guides: Sequence[Tensor] | None = None,
        watch: Callable[[Tensor], None] | None = None,
        motion: Motion | Literal["unknown"] = "unknown",
    ) -> Tensor:
        """The dream of `frame` [1,3,H,W], RGB, 0..1, on the dreamer's device.

        mask: [1,1,H,W], 0..1, where to dream; elsewhere the frame comes back to the bit.
        guides: [1,3,h,w] each, this frame's, in place of the preset's files.
        watch: as in `Dreamer`, where this frame is the first of a shot.
        motion: what `followed` found for this frame.
        """
        dreamer = self.dreamer.at(float(self._number / self._rate))
        preset = dreamer.preset
        frame = frame.to(dreamer.device, torch.float32)
        mask = None if mask is None else mask.to(dreamer.device, torch.float32)
        found = next(self.followed([frame]))[1] if isinstance(motion, str) else motion
        moved = None if found is None else self._placed(found, frame)
        generator = dreamer.generator(self._number)
        with torch.enable_grad():
            if moved is None or preset.keep == 0 or self._dream is None:
                dream = dreamer(frame, pace=mask, guides=guides, generator=generator, watch=watch)
                ripeness = torch.ones_like(frame[:, :1])
            else:
                assert self._frame is not None and self._ripeness is not None
                residual = self._dream - self._frame
                start, pace, ripeness = carry(preset, frame, residual, self._ripeness, *moved)
                dream = dreamer(
                    start,
                    steps=preset.steps,
                    step_size=preset.step_size,
                    turn=self._number,
                    pace=pace if mask is None else pace * mask,
                    source=frame,
                    guides=guides,
                    generator=generator,
                )
        shown = finish(dream, frame, keep_colour=preset.keep_colour, blend=preset.blend, mask=mask)
        self._count(shown, frame, moved)
        self._frame, self._dream, self._shown, self._ripeness = frame, dream, shown, ripeness
        self._number += 1
        return shown

    def followed(self, frames: Iterable[Tensor]) -> Iterator[tuple[Tensor, Motion]]:
        """Frames that come next, each with its motion, for `next`: a thread may go ahead with this."""
        return motions(frames, self._estimate, resets=self.dreamer.preset.reset_on_cut, last=self._frame)

    @staticmethod
    def _placed(motion: tuple[Tensor, Tensor], frame: Tensor) -> tuple[Tensor, Tensor]:
        """Motion at the size of `frame`, on its device: enlarged there, the small one crosses over."""
        flow, believed = (each.to(frame.device) for each in motion)
        return optical.resize_motion(flow, believed, *frame.shape[-2:])

    def _count(self, shown: Tensor, frame: Tensor, motion: tuple[Tensor, Tensor] | None) -> None:
        measured = [(shown - frame).abs().mean(), shown.mean(), frame.mean()]
        if motion is not None and self._shown is not None:
            # Every n-th pixel: at 1080p the whole figure would cost a twentieth of the frame.
            every_px = max(1, max(frame.shape[-2:]) // 160)
            measured.append(optical.warp_error(shown, self._shown, *motion, every_px=every_px))
        # All at once: a GPU is waited for here, once a frame, and nowhere else.
        strength, brightness, source_brightness, *rest = torch.stack(measured).tolist()
        warp_error = rest[0] if rest and not math.isnan(rest[0]) else None
        is_cut = motion is None and self._number > 0
        self.latest = FrameFigures(strength, brightness, source_brightness, warp_error, is_cut)
        figures = self.figures
        figures.frames += 1
        figures.cuts += is_cut
        figures.strength_sum += strength
        if warp_error is not None:
            figures.warp_error_sum += warp_error
            figures.pairs += 1


def motions(
    frames: Iterable[Tensor], estimate: FlowEstimator | None, *, resets: bool = True, last: Tensor | None = None
) -> Iterator[tuple[Tensor, Motion]]:
    """Each of `frames`, pictures [1,3,H,W] RGB 0..1, with its motion from the one before, as `follow` finds it.

    last: the frame before the first of them, where there is one.
    """
    before: Glance | None = None
    for frame in frames:
        if before is None and last is not None:
            before = Glance(last.to(frame.device))
        seen = Glance(frame)
        yield frame, None if before is None else follow(seen, before, estimate, resets=resets)
        before = seen


def follow(frame: Glance, last: Glance, estimate: FlowEstimator | None, *, resets: bool = True) -> Motion:
    """Flow and trust from the frame `last` to `frame`, or None where a new shot begins, as with another size.

    estimate: None for no flow: everything stays where it is.  resets: False never sees a cut.
    """
    if frame.shape != last.shape or (resets and optical.is_cut(frame, last)):
        return None
    small = frame.small
    # Animation on twos, recorded screens: nothing has moved. Bytes first, which tell nearly all apart, and quickly.
    if estimate is None or (np.array_equal(frame.luma8, last.luma8) and torch.equal(small, last.small)):
        return small.new_zeros(1, 2, *small.shape[-2:]), torch.ones_like(small[:, :1])
    flow, believed = optical.small_motion(frame, last, estimate)
    if resets and float(believed.mean()) < CUT_TRUST:
        return None
    return flow, believed


def carry(
    preset: Preset, frame: Tensor, residual: Tensor, ripeness: Tensor, flow: Tensor, believed: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Carry a dream onto `frame`: where the frame's own dream starts from, the pace of its steps, how ripe it is.

    frame, residual: [1,3,H,W].  ripeness, believed: [1,1,H,W], 0..1.  flow: [1,2,H,W], from `frame`
    back to where the residual is.  Returns a picture, the pace [1,1,H,W] and the new ripeness.
    """
    carried = believed * optical.warp(torch.cat([residual, ripeness], 1), flow)
    residual = preset.keep * carried[:, :3]
    # Without this a still picture drifts: clipping at black and white is not symmetric.
    residual = residual - residual.mean(dim=(-2, -1), keepdim=True)
    residual = residual * (preset.strength_cap / residual.abs().mean().clamp(min=preset.strength_cap))
    # Bicubic sampling may overshoot.
    ripeness = carried[:, 3:].clamp(0, 1)
    pace = 1.0 + (FRESH_PACE - 1.0) * (1.0 - ripeness)
    return (frame + residual).clamp(0, 1), pace, ripeness + RIPENING * (1.0 - ripeness)


def dream_frames(frames: Iterable[Tensor], dreamer: Dreamer, *, flow: FlowEstimator | None = None) -> Iterator[Tensor]:
    """Dream `frames`, pictures [1,3,H,W] RGB 0..1, one by one and in order; memory stays flat.

    flow: an estimator of backward flow in place of the preset's.  Schedules of the preset run at
    the rate of `frames`, where it has one as a FrameReader does, else at 25 frames a second.
    A FrameReader is read, and its motion found, by a thread that goes ahead by two, where cores are free.
    """
    stream = Stream(dreamer, flow=flow, rate=getattr(frames, "rate", DEFAULT_RATE))
    followed = stream.followed(frames)
    # Anybody's own frames are taken when they are asked for, and by the thread that asks.
    theirs = isinstance(frames, FrameReader) and not frames.has_alpha
    with made_ahead(followed, dreamer.device) if theirs else nullcontext(followed) as ready:
        for frame, motion in ready:
            yield stream.next(frame, motion=motion)
