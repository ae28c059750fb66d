"""update: one update of a live dream, from the dream that landed before it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream import flow as optical
from vidream.dreamer import Dreamer
from vidream.finishing import finish
from vidream.pace import Level
from vidream.preset import Preset
from vidream.stir import wander
from vidream.stream import carry
from vidream.track import Path

__all__ = ["Dreamed", "Moment", "composed", "updated"]

# Below this a live dream would flicker: what the camera's next frame adds is far less than a dream.
LEAST_KEEP = 0.9


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
) -> tuple[Tensor, Tensor]:
    """Residual and ripeness of the dream of `frame` [1,3,H,W], at the size that `level` says.

    landed: what it starts from; None begins afresh.  number: draws the jitter.
    """
    height, width = frame.shape[-2:]
    share = level.side_px / max(height, width)
    size = (max(16, round(height * share)), max(16, round(width * share)))
    keep = min(moment.most_keep, max(LEAST_KEEP, dreamer.preset.keep))
    preset = dreamer.preset.replace(octaves=level.octaves, steps=level.steps, finest=1.0, keep=keep)
    dreamer = dreamer.with_preset(preset)
    with torch.no_grad():
        frame = F.interpolate(frame, size=size, mode="area") if share < 1 else frame
        if landed is None:
            residual, ripeness = torch.zeros_like(frame), torch.zeros_like(frame[:, :1])
            flow, believed = torch.zeros_like(frame[:, :2]), torch.ones_like(frame[:, :1])
        else:
            # At another size the dream goes on as it was: nothing jumps when the level changes.
            residual, ripeness = (_resized(each, size) for each in (landed.residual, landed.ripeness))
            flow, believed = landed.path.at(*size)
            flow = flow + moment.since_seconds * wander(*size, moment.seconds, like=flow)
        start, pace, ripeness = carry(preset, frame, residual, ripeness, flow, believed)
    dream = dreamer(
        start,
        steps=preset.steps,
        step_size=preset.step_size,
        pace=pace,
        source=frame,
        generator=dreamer.generator(number),
    )
    return dream - frame, ripeness


def composed(preset: Preset, frame: Tensor, landed: Dreamed | None, *, strength: float) -> Tensor:
    """`frame` [1,3,H,W] with the dream carried onto it. strength: of the dream, 1 as it is."""
    if landed is None:
        return frame
    flow, believed = landed.path.at(*landed.residual.shape[-2:])
    residual = strength * believed * optical.warp(landed.residual, flow)
    if residual.shape != frame.shape:
        residual = F.interpolate(residual, size=tuple(frame.shape[-2:]), mode="bilinear", align_corners=False)
    return finish((frame + residual).clamp(0, 1), frame, keep_colour=preset.keep_colour, blend=preset.blend)


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(image, size=size, mode="bilinear", align_corners=False, antialias=size[0] < image.shape[-2])
