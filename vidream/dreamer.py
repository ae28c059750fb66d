"""Dreamer: octaves and steps, picture in, picture out, with no memory of past frames."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream import ascent
from vidream.device import describe_device, pick_device, pick_precision
from vidream.errors import DeviceError, NetError
from vidream.nets import Net, load_net
from vidream.objective import Objective, channel, layer, subject
from vidream.preset import Preset

__all__ = ["Dreamer", "objective_of"]

# Largest side worked on at once where the caller names none: GoogLeNet needs about 1 GiB for it.
TILE_PX = 1280
# Below this a tile is mostly margin.
SMALLEST_TILE_PX = 64
# Octaves stop here: smaller ones hold no motif. A preset may so ask for many octaves, and a small
# frame takes those that fit it, with motifs as large in proportion as on a big one.
SMALLEST_SIDE_PX = 56
# Octaves with a shorter side above this are worked on less, as the preset's `falloff` says: motifs
# are some 40 px wide at every size, and on a 4K frame they would be a crust of beads.
FULL_EFFORT_SIDE_PX = 270


class Dreamer:
    """Dreams one picture at a time, as its preset says.

    net: one of your own in place of the preset's.  objective: likewise.  weights: a file for the
    preset's net.  device: auto, cpu, cuda, mps.  precision: auto, fp32, bf16, fp16.  tile: largest
    side in px worked on at once.  seed: the same seed gives the same pictures on one machine.
    Raises PresetError, NetError, DeviceError.
    """

    def __init__(
        self,
        preset: Preset | None = None,
        *,
        net: Net | None = None,
        objective: Objective | None = None,
        weights: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        tile: int | None = None,
        seed: int = 0,
    ) -> None:
        if tile is not None and tile < SMALLEST_TILE_PX:
            raise DeviceError(f"tile cannot be {tile}; give {SMALLEST_TILE_PX} px or more, or leave it out")
        self.preset = preset or Preset.load("creatures")
        if net is None:
            place = pick_device(device)
            dtype = pick_precision(precision, place)
            net = load_net(self.preset.net, weights=Path(weights) if weights else None, device=place, dtype=dtype)
        self.net = net
        self.objective = objective or objective_of(self.preset, net)
        net.check_layers(self.objective.layers)
        self.device = net.device
        self.tile = tile or TILE_PX
        self.seed = seed
        self._stride = max(info.stride for info in net.describe_layers(self.objective.layers))

    def __call__(
        self,
        picture: Tensor,
        *,
        steps: int | None = None,
        step_size: float | None = None,
        pace: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Dream `picture` [B,3,H,W], RGB, 0..1, and return the same shape on the dreamer's device.

        steps, step_size: in place of the preset's `first_steps` and `first_step_size`.
        pace: [B,1,H,W], multiplies the step at every pixel.  generator: draws the jitter.
        """
        steps = self.preset.first_steps if steps is None else steps
        step_size = self.preset.first_step_size if step_size is None else step_size
        generator = generator or torch.Generator().manual_seed(self.seed)
        picture = picture.to(self.device, torch.float32)
        detail: Tensor | None = None
        dream = picture
        for size in self._octave_sizes(*picture.shape[-2:]):
            base = _resized(picture, size)
            dream = base if detail is None else (base + _resized(detail, size)).clamp(0, 1)
            effort = steps * min(1.0, FULL_EFFORT_SIDE_PX / min(size)) ** self.preset.falloff
            count = min(steps, max(1, round(effort)))
            octave_step = step_size * effort / max(count, 1)
            local_size = octave_step if pace is None else octave_step * _resized(pace, size)
            for _ in range(count):
                dream = self._step(dream, local_size, generator)
            detail = dream - base
        if dream.shape != picture.shape and detail is not None:
            dream = (picture + _resized(detail, tuple(picture.shape[-2:]))).clamp(0, 1)
        return dream

    def score(self, picture: Tensor) -> Tensor:
        """What the objective gives `picture` [B,3,H,W]: a scalar that steps make larger."""
        return self.objective(self.net.features(picture, self.objective.layers))

    def describe(self) -> str:
        """Device, precision and net in a few words."""
        precision = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[self.net.dtype]
        return f"{self.net.name} on {describe_device(self.device)}, {precision}"

    def _step(self, picture: Tensor, step_size: float | Tensor, generator: torch.Generator) -> Tensor:
        height, width = picture.shape[-2:]
        tiled = max(height, width) > self.tile
        # With tiles the roll must reach a whole tile, so that their seams never settle.
        shift = ascent.random_roll(height, width, self.tile if tiled else self.preset.jitter, generator)
        rolled = torch.roll(picture, shift, dims=(-2, -1))
        found = ascent.gradient(self.score, rolled, stride=self._stride, tile=self.tile)
        found = ascent.on_colour_axes(ascent.gaussian_blur(found, self.preset.smoothing), self.preset.colour)
        found = ascent.normalise(found, self.preset.normalise, levels=self.preset.lap_levels)
        found = torch.roll(found, (-shift[0], -shift[1]), dims=(-2, -1))
        return (picture + step_size * found).clamp(0, 1)

    def _octave_sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        sizes = []
        for octave in range(self.preset.octaves):
            scale = self.preset.finest * self.preset.octave_scale**-octave
            size = (max(1, round(height * scale)), max(1, round(width * scale)))
            if octave and min(size) < SMALLEST_SIDE_PX:
                break
            sizes.append(size)
        return sizes[::-1]


def objective_of(preset: Preset, net: Net) -> Objective:
    """The objective that a preset asks of a net. Raises NetError for unknown layers and subjects.

    Layers and subjects add up, each with its weight; subjects weigh as their largest weight says.
    """
    wanted = [weight for weight in preset.subject.values() if weight > 0]
    parts = [max(wanted) * subject(net.class_layer, net.class_weights(preset.subject))] if wanted else []
    if preset.layers or not parts:
        parts += _layer_parts(preset, net)
    return sum(parts[1:], parts[0])


def _layer_parts(preset: Preset, net: Net) -> list[Objective]:
    layers = dict(preset.layers) or net.default_layers
    if not layers:
        raise NetError(
            f"{net.name} has no layer of its own choice; name one with --set layers=…. "
            f"List all: vidream layers --net {net.name}"
        )
    net.check_layers(layers)
    if not preset.channels:
        return [weight * layer(name) for name, weight in layers.items()]
    _check_channels(net, layers, preset.channels)
    return [weight * channel(name, index) for name, weight in layers.items() for index in preset.channels]


def _check_channels(net: Net, layers: dict[str, float], channels: tuple[int, ...]) -> None:
    for info in net.describe_layers(layers):
        wrong = [index for index in channels if not 0 <= index < info.channels]
        if wrong:
            raise NetError(f"layer {info.name} of {net.name} has channels 0 to {info.channels - 1}, not {wrong[0]}")


def _resized(image: Tensor, size: tuple[int, ...]) -> Tensor:
    if tuple(image.shape[-2:]) == size:
        return image
    if size[0] < image.shape[-2]:
        return F.interpolate(image, size=size, mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(image, size=size, mode="bicubic", align_corners=False)
