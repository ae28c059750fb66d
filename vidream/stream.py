"""stream: the only state over time: the last frame, the last dream, the flow between."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from vidream import flow as optical
from vidream.dreamer import Dreamer
from vidream.finishing import finish
from vidream.preset import Preset

__all__ = ["Stream", "StreamFigures", "carry", "dream_frames"]

FlowEstimator = Callable[[Tensor, Tensor], Tensor]
DEFAULT_RATE = 25
# A fresh spot takes this many times the step, so that what comes into view is dreamed within a few
# frames and does not show as a bare hole for as long as `keep` remembers.
FRESH_PACE = 4.0
RIPENING = 0.2
# Two shots of one room can share their colours; then it shows in a flow that explains nothing.
CUT_TRUST = 0.3


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
        name = dreamer.preset.flow
        self.dreamer = dreamer
        self.figures = StreamFigures()
        self._rate = rate
        self._estimate = flow or (None if name == "none" else optical.FLOWS[name]())
        self._frame: Tensor | None = None
        self._residual: Tensor | None = None
        self._shown: Tensor | None = None
        self._ripeness: Tensor | None = None

    @torch.no_grad()
    def next(
        self,
        frame: Tensor,
        *,
        mask: Tensor | None = None,
        guides: Sequence[Tensor] | None = None,
        watch: Callable[[Tensor], None] | None = None,
    ) -> Tensor:
        """The dream of `frame` [1,3,H,W], RGB, 0..1, on the dreamer's device.

        mask: [1,1,H,W], 0..1, where to dream; elsewhere the frame comes back to the bit.
        guides: [1,3,h,w] each, this frame's, in place of the preset's files.
        watch: as in `Dreamer`, where this frame is the first of a shot.
        """
        dreamer = self.dreamer.at(float(self.figures.frames / self._rate))
        preset = dreamer.preset
        frame = frame.to(dreamer.device, torch.float32)
        mask = None if mask is None else mask.to(dreamer.device, torch.float32)
        motion = self._motion(frame)
        generator = dreamer.generator(self.figures.frames)
        with torch.enable_grad():
            if motion is None or preset.keep == 0 or self._residual is None or self._ripeness is None:
                dream = dreamer(frame, pace=mask, guides=guides, generator=generator, watch=watch)
                self._ripeness = torch.ones_like(frame[:, :1])
            else:
                start, pace, self._ripeness = carry(preset, frame, self._residual, self._ripeness, *motion)
                dream = dreamer(
                    start,
                    steps=preset.steps,
                    step_size=preset.step_size,
                    pace=pace if mask is None else pace * mask,
                    source=frame,
                    guides=guides,
                    generator=generator,
                )
        shown = finish(dream, frame, keep_colour=preset.keep_colour, blend=preset.blend, mask=mask)
        self._count(shown, frame, motion)
        self._frame, self._residual, self._shown = frame, dream - frame, shown
        return shown

    def _motion(self, frame: Tensor) -> tuple[Tensor, Tensor] | None:
        """Flow and trust from the last frame, or None where a new shot begins."""
        last = self._frame
        if last is None or last.shape != frame.shape:
            return None
        resets = self.dreamer.preset.reset_on_cut
        if resets and optical.is_cut(frame, last):
            self.figures.cuts += 1
            return None
        if self._estimate is None:
            return frame.new_zeros(1, 2, *frame.shape[-2:]), torch.ones_like(frame[:, :1])
        flow, believed = optical.motion(frame, last, self._estimate)
        if resets and float(believed.mean()) < CUT_TRUST:
            self.figures.cuts += 1
            return None
        return flow, believed

    def _count(self, shown: Tensor, frame: Tensor, motion: tuple[Tensor, Tensor] | None) -> None:
        figures = self.figures
        figures.frames += 1
        figures.strength_sum += float((shown - frame).abs().mean())
        if motion is not None and self._shown is not None:
            # Every n-th pixel: at 1080p the whole figure would cost a twentieth of the frame.
            every_px = max(1, max(frame.shape[-2:]) // 320)
            found = optical.warp_error(shown, self._shown, *motion, every_px=every_px)
            if not math.isnan(found):
                figures.warp_error_sum += found
                figures.pairs += 1


def carry(
    preset: Preset, frame: Tensor, residual: Tensor, ripeness: Tensor, flow: Tensor, believed: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Carry a dream onto `frame`: where the frame's own dream starts from, the pace of its steps, how ripe it is.

    frame, residual: [1,3,H,W].  ripeness, believed: [1,1,H,W], 0..1.  flow: [1,2,H,W], from `frame`
    back to where the residual is.  Returns a picture, the pace [1,1,H,W] and the new ripeness.
    """
    residual = preset.keep * believed * optical.warp(residual, flow)
    # Without this a still picture drifts: clipping at black and white is not symmetric.
    residual = residual - residual.mean(dim=(-2, -1), keepdim=True)
    residual = residual * (preset.strength_cap / residual.abs().mean().clamp(min=preset.strength_cap))
    ripeness = believed * optical.warp(ripeness, flow, mode="bilinear")
    pace = 1.0 + (FRESH_PACE - 1.0) * (1.0 - ripeness)
    return (frame + residual).clamp(0, 1), pace, ripeness + RIPENING * (1.0 - ripeness)


def dream_frames(frames: Iterable[Tensor], dreamer: Dreamer, *, flow: FlowEstimator | None = None) -> Iterator[Tensor]:
    """Dream `frames`, pictures [1,3,H,W] RGB 0..1, one by one and in order; memory stays flat.

    flow: an estimator of backward flow in place of the preset's.  Schedules of the preset run at
    the rate of `frames`, where it has one as a FrameReader does, else at 25 frames a second.
    """
    stream = Stream(dreamer, flow=flow, rate=getattr(frames, "rate", DEFAULT_RATE))
    for frame in frames:
        yield stream.next(frame)
