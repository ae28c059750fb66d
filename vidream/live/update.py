"""One update of a live dream: from the last dream and the newest frame to the next dream."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.engine.octaves import resized
from vidream.engine.postprocess import finish
from vidream.live.budget import Level
from vidream.live.idle_motion import idle_velocity
from vidream.live.tracking import MotionPath, no_motion
from vidream.looks.preset import Preset
from vidream.motion.warp import warp
from vidream.temporal.carry import carry

__all__ = ["Dreamed", "LiveMoment", "composed", "dreamed_size", "reduced", "updated"]

# With a smaller `keep` a live dream would flicker: one update adds far less than a frame of a film does.
LEAST_KEEP = 0.9
# Strengths after 90 updates of two photos: 216 px in three octaves 0.12 and 0.13; 128 px in one octave 0.07 without
# larger steps, and 0.12 with them.
USUAL_OCTAVES, OCTAVE_POWER = 3, 0.75


@dataclass(frozen=True)
class Dreamed:
    """A dream update that is finished.

    Attributes:
        residual: dream - frame, [1,3,h,w].
        warm_up: how far each place is warmed up, [1,1,h,w], 0..1.
        path: motion from the newest frame to the frame that was dreamed.
    """

    residual: Tensor
    warm_up: Tensor
    path: MotionPath


@dataclass(frozen=True)
class LiveMoment:
    """When an update begins.

    Attributes:
        seconds: since the live dream began.
        since_seconds: since the update before.
        most_keep: largest share of the last dream that is kept, 0..1.
    """

    seconds: float
    since_seconds: float
    most_keep: float = 1.0


def updated(
    dreamer: Dreamer, frame: Tensor, last: Dreamed | None, level: Level, *, number: int, moment: LiveMoment
) -> Dreamed:
    """Dream a frame, starting from the last dream.

    Args:
        dreamer: dreams it.
        frame: [1,3,H,W], RGB, 0..1.
        last: the dream to start from; None starts from the bare frame.
        level: size, octaves and steps.
        number: of the update; it seeds the jitter.
        moment: the time.

    Returns:
        The dream at the size that `level` names, with the path of `last`; the caller replaces it by the newest one.
    """
    size = carried_size = dreamed_size(frame, level)
    if last is not None and last.residual.shape[-1] > size[1]:
        # The detail of a larger dream is carried on and fades. Cut off at once, it shows: from 273 to 162 px the
        # picture changed three times as much as in any other update.
        carried_size = (last.residual.shape[-2], last.residual.shape[-1])
    # Each octave adds its share: without larger steps, a dream at 128 px, in one octave, is half as strong as at 216.
    fewer = max(1.0, min(USUAL_OCTAVES, dreamer.preset.octaves) / level.octaves)
    step_size = min(1.0, dreamer.preset.step_size * fewer**OCTAVE_POWER)
    keep = min(moment.most_keep, max(LEAST_KEEP, dreamer.preset.keep))
    preset = dreamer.preset.replace(
        octaves=level.octaves, steps=level.steps, finest=min(1.0, size[1] / carried_size[1]), keep=keep
    )
    dreamer = dreamer.with_preset(preset)
    with torch.no_grad():
        frame = frame if tuple(frame.shape[-2:]) == carried_size else F.interpolate(frame, carried_size, mode="area")
        if last is None:
            residual, warm_up, path = torch.zeros_like(frame), torch.zeros_like(frame[:, :1]), no_motion(frame)
            flow, mask = path.flow, path.mask
        else:
            path = last.path
            residual, warm_up = (
                resized(each, carried_size, enlarge="bilinear") for each in (last.residual, last.warm_up)
            )
            flow, mask = path.at(*carried_size)
            flow = flow + moment.since_seconds * idle_velocity(*carried_size, moment.seconds, like=flow)
        start, step_scale, warm_up = carry(preset, frame, residual, warm_up, flow, mask)
    dream = dreamer(
        start,
        steps=preset.steps,
        step_size=step_size,
        pace=step_scale,
        source=frame,
        generator=dreamer.generator(number),
    )
    return Dreamed(dream - frame, warm_up, path)


def composed(preset: Preset, frame: Tensor, last: Dreamed | None, *, strength: float) -> Tensor:
    """The picture that is shown: a frame with the last dream warped onto it.

    Args:
        preset: for colours and blending.
        frame: [1,3,H,W], RGB, 0..1.
        last: the dream; None gives the bare frame.
        strength: factor of the dream's residual, 0..2.

    Returns:
        [1,3,H,W], RGB, 0..1.
    """
    if last is None:
        return frame
    flow, mask = last.path.at(*last.residual.shape[-2:])
    residual = strength * mask * warp(last.residual, flow)
    if residual.shape != frame.shape:
        residual = F.interpolate(residual, size=tuple(frame.shape[-2:]), mode="bilinear", align_corners=False)
    return finish((frame + residual).clamp(0, 1), frame, keep_colour=preset.keep_colour, blend=preset.blend)


def dreamed_size(frame: Tensor, level: Level) -> tuple[int, int]:
    """(height, width) px at which `frame` [1,3,H,W] is dreamed at a level."""
    height, width = frame.shape[-2:]
    share = min(1.0, level.side_px / max(height, width))
    return max(16, round(height * share)), max(16, round(width * share))


def reduced(frame: Tensor, longest_px: int) -> Tensor:
    """`frame` [1,3,H,W] with its longer side at most `longest_px`."""
    height, width = frame.shape[-2:]
    share = longest_px / max(height, width)
    if share >= 1:
        return frame
    return F.interpolate(frame, size=(max(16, round(height * share)), max(16, round(width * share))), mode="area")
