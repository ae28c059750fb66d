"""`Dreamer`: octaves and gradient steps, picture in, picture out, with no memory of past frames."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from vidream.engine.cuda_graphs import StepGraphs
from vidream.engine.gradient import evened, gaussian_blur, gradient, normalise, on_colour_axes, random_roll
from vidream.engine.octaves import covering, octave_sizes, resized
from vidream.engine.step_key import step_key
from vidream.engine.tiling import SMALLEST_TILE_PX, Tiles, fitting_tile
from vidream.errors import DeviceError
from vidream.looks.preset import Preset
from vidream.media import FrameReader
from vidream.networks import Net, load_net
from vidream.objectives import Objective, objective_of
from vidream.runtime.device import describe_device, pick_device, pick_precision
from vidream.runtime.memory import forget_memory, is_out_of_memory

__all__ = ["Dreamer"]

# Octaves with a shorter side above this are worked on less, as the preset's `falloff` says: motifs
# are some 40 px wide at every size, and on a 4K frame they would be a crust of beads.
FULL_EFFORT_SIDE_PX = 270


class Dreamer:
    """Dreams one picture at a time, as its preset says.

    Args:
        preset: the look; by default "creatures".
        net: a network of your own in place of the preset's.
        objective: what to climb in place of what the preset asks for.
        weights: a file for the preset's network.
        device: auto, cpu, cuda, cuda:1 ... or mps.
        precision: auto, fp32, bf16 or fp16.
        tile: largest side worked on at once, px; by default from the free memory.
        seed: the same seed gives the same pictures on one machine.

    Raises:
        PresetError: fields of the preset do not go together.
        NetError: the network, its weights or what the preset asks of it is not there.
        DeviceError: the device or precision is not there.
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
            net = load_net(
                self.preset.net,
                weights=Path(weights) if weights else None,
                device=place,
                dtype=dtype,
            )
        self.net = net.with_batch_norm("train") if self.preset.batch_norm == "train" else net
        self._own_objective = objective
        self._guides: Sequence[Tensor] | None = None
        self.device = net.device
        self._memory = Tiles(tile or fitting_tile(net))
        self._graphs = StepGraphs.on(net.device)
        self._step_key: Hashable = None
        self.seed = seed
        self.weights_name = Path(weights).name if weights else None
        self._set_objective(objective or objective_of(self.preset.at(0), self.net))

    @property
    def own_objective(self) -> Objective | None:
        """The objective that was given in place of what the preset asks for; None where none was."""
        return self._own_objective

    @property
    def tile(self) -> int:
        """Largest side worked on at once, px."""
        return self._memory.tile_px

    @property
    def warnings(self) -> list[str]:
        """A line for the user where memory ran out and the tile was halved."""
        return [self._memory.warning] if self._memory.warning else []

    def at(self, seconds: float) -> Dreamer:
        """This dreamer as it is at one moment of the film: the preset's schedules at their value then."""
        moment = self.preset.at(seconds)
        return self if moment is self.preset else self.with_preset(moment)

    def with_preset(self, preset: Preset) -> Dreamer:
        """This dreamer with another look, on the network that is loaded. Raises PresetError, NetError."""
        view = copy.copy(self)
        view.preset = preset
        view._step_key = None
        if preset.batch_norm != self.preset.batch_norm:
            view.net = self.net.with_batch_norm(preset.batch_norm)
        if preset.guide != self.preset.guide:
            view._guides = None
        if self._own_objective is None:
            view._set_objective(objective_of(preset.at(0), view.net))
        return view

    def __call__(
        self,
        picture: Tensor,
        *,
        steps: int | None = None,
        step_size: float | None = None,
        turn: int | None = None,
        pace: Tensor | None = None,
        source: Tensor | None = None,
        guides: Sequence[Tensor] | None = None,
        generator: torch.Generator | None = None,
        watch: Callable[[Tensor], None] | None = None,
    ) -> Tensor:
        """Dream a picture. Where memory runs out the tile is halved, once, and the picture is begun again.

        Args:
            picture: [B,3,H,W], RGB, 0..1.
            steps, step_size: in place of the preset's `first_steps` and `first_step_size`.
            turn: work on every `octave_turns`-th octave alone, with as much longer steps; on others at the next turn.
            pace: [B,1,H,W], multiplies the step at every pixel.
            source: [B,3,H,W], what `content` stays with; by default the picture.
            guides: [1,3,h,w] each, in place of the preset's files.
            generator: draws the jitter.
            watch: called with the picture after every step, at its octave's size, smallest first.

        Returns:
            [B,3,H,W], RGB, 0..1, on the dreamer's device.

        Raises:
            SourceError: a guide's file cannot be read.
        """
        steps = self.preset.first_steps if steps is None else steps
        step_size = self.preset.first_step_size if step_size is None else step_size
        generator = generator or self.generator(0)
        picture = picture.to(self.device, torch.float32)
        look, (height, width) = self.preset, picture.shape[-2:]
        sizes = octave_sizes(height, width, look.octaves, look.octave_scale, look.finest)
        if turn is not None:
            turns = min(look.octave_turns, len(sizes))
            # Counted from the finest octave, which is always there.
            sizes, step_size = sizes[::-1][turn % turns :: turns][::-1], step_size * turns
        source = picture if source is None else source.to(self.device, torch.float32)
        before = generator.get_state()
        try:
            return self._dreamed(picture, sizes, steps, step_size, pace, source, guides, generator, watch)
        except Exception as error:
            if not is_out_of_memory(error) or not self._memory.halve():
                raise
        # Outside the handler: there the traceback would still hold what filled the memory.
        forget_memory(self.device)
        generator.set_state(before)
        return self._dreamed(picture, sizes, steps, step_size, pace, source, guides, generator, watch)

    def _dreamed(
        self,
        picture: Tensor,
        sizes: list[tuple[int, int]],
        steps: int,
        step_size: float,
        pace: Tensor | None,
        source: Tensor,
        guides: Sequence[Tensor] | None,
        generator: torch.Generator,
        watch: Callable[[Tensor], None] | None,
    ) -> Tensor:
        detail: Tensor | None = None
        dream = picture
        for size in sizes:
            base = resized(picture, size)
            dream = base if detail is None else (base + resized(detail, size)).clamp(0, 1)
            effort = steps * min(1.0, FULL_EFFORT_SIDE_PX / min(size)) ** self.preset.falloff
            count = min(steps, max(1, round(effort)))
            octave_step = step_size * effort / max(count, 1)
            local_size = octave_step if pace is None else octave_step * resized(pace, size)
            score, aligned = self._scorer(size, guides), [resized(source, size)] if self._needs("source/") else []
            for _ in range(count):
                dream = self._step(score, dream, aligned, local_size, generator)
                if watch:
                    watch(dream)
            detail = dream - base
        if dream.shape != picture.shape and detail is not None:
            dream = (picture + resized(detail, tuple(picture.shape[-2:]))).clamp(0, 1)
        return dream

    def generator(self, frame_number: int) -> torch.Generator:
        """What draws the jitter of a film's n-th frame: the same for the same seed, whatever came before."""
        return torch.Generator().manual_seed((self.seed * 1_000_003 + frame_number) % 2**63)

    def score(self, picture: Tensor, *, source: Tensor | None = None, guides: Sequence[Tensor] | None = None) -> Tensor:
        """What the objective gives `picture` [B,3,H,W]: a scalar that steps make larger."""
        return self._scorer(tuple(picture.shape[-2:]), guides)(picture, picture if source is None else source)

    def describe(self) -> str:
        """Device, precision and net in a few words."""
        precision = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[self.net.dtype]
        return f"{self.net.name} on {describe_device(self.device)}, {precision}"

    def _set_objective(self, objective: Objective) -> None:
        self.objective = objective
        names = {name.rpartition("/")[2] for name in objective.layers if name != "picture"}
        self.net.check_layers(names)
        strides = [info.stride for info in self.net.describe_layers(sorted(names))] if names else [1]
        # Logits of a whole picture have no stride; their nets halve the picture five times.
        self._stride = min(max(strides), 32)

    def _needs(self, prefix: str) -> list[str]:
        """Layers that the objective asks for under a prefix: "source/", "guide/", or "" for the picture's own."""
        return [
            name.removeprefix(prefix)
            for name in self.objective.layers
            if (name.startswith(prefix) if prefix else "/" not in name and name != "picture")
        ]

    def _scorer(self, size: tuple[int, ...], guides: Sequence[Tensor] | None) -> Callable[..., Tensor]:
        """The score at one octave's size: a function of the picture and, cut as it is, the source."""
        given = {}
        if self._needs("guide/"):
            guides = self._preset_guides() if guides is None else guides
            fitted = torch.cat([covering(each.to(self.device, torch.float32), size, self.tile) for each in guides])
            with torch.no_grad():
                found = self.net.features(fitted, self._needs("guide/"))
            given = {f"guide/{name}": value for name, value in found.items()}

        def score(picture: Tensor, source: Tensor | None = None) -> Tensor:
            features = {"picture": picture, **given}
            if self._needs(""):
                features |= self.net.features(picture, self._needs(""))
            if source is not None and self._needs("source/"):
                with torch.no_grad():
                    found = self.net.features(source, self._needs("source/"))
                features |= {f"source/{name}": value for name, value in found.items()}
            return self.objective(features)

        return score

    def _preset_guides(self) -> Sequence[Tensor]:
        """The preset's guide files, the first frame of each: [1,3,h,w]. Raises SourceError."""
        if self._guides is None:
            if not self.preset.guide:
                raise ValueError("the objective asks for guides: give them, or name files in the preset's guide")
            found = []
            for path in self.preset.guide:
                with FrameReader(path) as reader:
                    found.append(next(iter(reader)))
            self._guides = found
        return self._guides

    def _step(
        self,
        score: Callable[..., Tensor],
        picture: Tensor,
        aligned: list[Tensor],
        step_size: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        height, width = picture.shape[-2:]
        tiled = max(height, width) > self.tile
        # With tiles the roll must reach a whole tile, so that their seams never settle.
        shift = random_roll(height, width, self.tile if tiled else self.preset.jitter, generator)
        rolled, *others = (torch.roll(each, shift, dims=(-2, -1)) for each in (picture, *aligned))
        look = self.preset

        def direction(picture: Tensor) -> Tensor:
            found = gradient(score, picture, *others, stride=self._stride, tile=self.tile)
            found = evened(found, look.evenness)
            found = on_colour_axes(gaussian_blur(found, look.smoothing), look.colour)
            return normalise(found, look.normalise, levels=look.lap_levels)

        if tiled or others or self._needs("guide/") or not self._graphs.can_record:
            found = direction(rolled)
        else:
            self._step_key = self._step_key or step_key(look, self.objective, self.net)
            found = self._graphs(self._step_key, direction, rolled)
        found = torch.roll(found, (-shift[0], -shift[1]), dims=(-2, -1))
        # Product and sum in one pass over the picture, and no buffer more than the result's.
        if isinstance(step_size, Tensor):
            return torch.addcmul(picture, found, step_size).clamp_(0, 1)
        return torch.add(picture, found, alpha=step_size).clamp_(0, 1)
