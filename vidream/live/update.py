"""update: one update of a live dream, from the dream that landed before it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.engine.octaves import resized
from vidream.engine.postprocess import finish
from vidream.live.budget import Level
from vidream.live.idle_motion import wander
from vidream.live.tracking import Path
from vidream.looks.preset import Preset
from vidream.motion.warp import warp
from vidream.temporal.carry import carry

__all__ = ["Dreamed", "Moment", "composed", "dreamed_size", "updated"]

# Below this a live dream would flicker: what the camera's next frame adds is far less than a dream.
LEAST_KEEP = 0.9
# Strengths after 90 updates of two photos: 216 px in three octaves 0.12 and 0.13, 128 px in one 0.07 without
# this and 0.12 with it.
USUAL_OCTAVES, OCTAVE_POWER = 3, 0.75


@dataclass(frozen=True)
class Dreamed:
    """A dream that landed.

    residual: dream - frame, [1,3,h,w].  ripeness: [1,1,h,w], 0..1.  path: from the newest frame to its own.
    """

    residual: Tensor
    ripeness: Tensor
    path: Path


@dataclass(frozen=True)
class Moment:
    """When an update begins. since_seconds: after the one before.  most_keep: of the dream before, 0..1."""

    seconds: float
    since_seconds: float
    most_keep: float = 1.0


def updated(
    dreamer: Dreamer, frame: Tensor, landed: Dreamed | None, level: Level, *, number: int, moment: Moment
) -> Dreamed:
    """The dream of `frame` [1,3,H,W], at the size that `level` says; its path is yet to be walked.

    landed: what it starts from; None begins afresh.  number: draws the jitter.
    """
    size = carried_size = dreamed_size(frame, level)
    if landed is not None and landed.residual.shape[-1] > size[1]:
        # The detail of a larger dream is carried on and fades. Cut off at once, it is seen: from 273 to 162 px
        # the picture changed three times as much as in any other update.
        carried_size = (landed.residual.shape[-2], landed.residual.shape[-1])
    # Each octave adds its share: without this a dream at 128 px, in one octave, would be half as strong as one at 216.
    fewer = max(1.0, min(USUAL_OCTAVES, dreamer.preset.octaves) / level.octaves)
    step_size = min(1.0, dreamer.preset.step_size * fewer**OCTAVE_POWER)
    keep = min(moment.most_keep, max(LEAST_KEEP, dreamer.preset.keep))
    preset = dreamer.preset.replace(
        octaves=level.octaves, steps=level.steps, finest=min(1.0, size[1] / carried_size[1]), keep=keep
    )
    dreamer = dreamer.with_preset(preset)
    with torch.no_grad():
        frame = frame if tuple(frame.shape[-2:]) == carried_size else F.interpolate(frame, carried_size, mode="area")
        if landed is None:
            residual, ripeness = torch.zeros_like(frame), torch.zeros_like(frame[:, :1])
            path = Path(torch.zeros_like(frame[:, :2]), torch.ones_like(frame[:, :1]))
            flow, believed = path.flow, path.believed
        else:
            path = landed.path
            residual, ripeness = (
                resized(each, carried_size, enlarge="bilinear") for each in (landed.residual, landed.ripeness)
            )
            flow, believed = path.at(*carried_size)
            flow = flow + moment.since_seconds * wander(*carried_size, moment.seconds, like=flow)
        start, pace, ripeness = carry(preset, frame, residual, ripeness, flow, believed)
    dream = dreamer(
        start,
        steps=preset.steps,
        step_size=step_size,
        pace=pace,
        source=frame,
        generator=dreamer.generator(number),
    )
    return Dreamed(dream - frame, ripeness, path)


def composed(preset: Preset, frame: Tensor, landed: Dreamed | None, *, strength: float) -> Tensor:
    """`frame` [1,3,H,W] with the dream carried onto it. strength: of the dream, 1 as it is."""
    if landed is None:
        return frame
    flow, believed = landed.path.at(*landed.residual.shape[-2:])
    residual = strength * believed * warp(landed.residual, flow)
    if residual.shape != frame.shape:
        residual = F.interpolate(residual, size=tuple(frame.shape[-2:]), mode="bilinear", align_corners=False)
    return finish((frame + residual).clamp(0, 1), frame, keep_colour=preset.keep_colour, blend=preset.blend)


def dreamed_size(frame: Tensor, level: Level) -> tuple[int, int]:
    """(height, width) px at which `frame` [1,3,H,W] is dreamed at a level."""
    height, width = frame.shape[-2:]
    share = min(1.0, level.side_px / max(height, width))
    return max(16, round(height * share)), max(16, round(width * share))
