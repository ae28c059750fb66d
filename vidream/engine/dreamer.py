"""`Dreamer`: octaves and gradient steps, picture in, picture out, with no memory of past frames."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from vidream.engine.ascent import Ascent, ascents_of
from vidream.engine.cuda_graphs import StepGraphs
from vidream.engine.octaves import octave_sizes, on_grid, resized
from vidream.engine.side_by_side import SideBySide, leaves_room
from vidream.engine.stepping import gradient_step
from vidream.engine.tiling import SMALLEST_TILE_PX, Tiles, fitting_tile
from vidream.errors import DeviceError
from vidream.looks import Moment, Preset
from vidream.media import FrameReader
from vidream.motion.wrap import Wrap, as_wrap
from vidream.networks import Net, NetworkPool
from vidream.objectives import Objective
from vidream.runtime.device import describe_device
from vidream.runtime.memory import forget_memory, is_out_of_memory
from vidream.runtime.waits import timed_step

__all__ = ["Dreamer"]

# Octaves with a shorter side above this are worked on less, as the preset's `falloff` says: motifs
# are some 40 px wide at every size, and on a 4K frame they would be a crust of beads.
FULL_EFFORT_SIDE_PX = 270


class Dreamer:
    """Dreams one picture at a time, as its preset says.

    Args:
        preset: the look; by default "creatures".
        net: a network of your own in place of the preset's.
        networks: networks of the preset that are loaded already, or a pool of them; the others are loaded.
        objective: what to climb in place of what the preset asks for, in its first network that has those layers.
        weights: a file for the preset's network, the first one of several.
        device: auto, cpu, cuda, cuda:1 ... or mps.
        precision: auto, fp32, bf16 or fp16.
        tile: largest side worked on at once, px; by default from the free memory.
        seed: the same seed gives the same pictures on one machine.

    Attributes:
        preset: the look.
        wrap: sides at which its pictures go round; see `wrapped`.
        ascents: what each of its networks does in a step.
        device: where it computes.

    Raises:
        PresetError: fields of the preset do not go together.
        NetError: a network, its weights or what the preset asks of it is not there.
        DeviceError: the device or precision is not there.
    """

    def __init__(
        self,
        preset: Preset | None = None,
        *,
        net: Net | None = None,
        networks: NetworkPool | Iterable[Net] | None = None,
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
        self._own_net = net
        if isinstance(networks, NetworkPool):
            self._networks = networks
        elif net is not None or networks is not None:
            self._networks = NetworkPool([net] if net is not None else networks or ())
        else:
            given = {next(iter(self.preset.networks)): Path(weights)} if weights else {}
            self._networks = NetworkPool.on(device, precision, weights=given)
        self._own_objective = objective
        self._guides: Sequence[Tensor] | None = None
        self.device = self._networks.device
        self.ascents = ascents_of(self.preset, self._networks, own_net=self._own_net, own_objective=self._own_objective)
        self._memory = Tiles(tile or fitting_tile(self.net))
        self._graphs = StepGraphs.on(self.device)
        self._side_by_side = SideBySide()
        self._step_key: Hashable = None
        self.seed = seed
        self.wrap = Wrap.NONE
        self.weights = Path(weights) if weights else None

    @property
    def net(self) -> Net:
        """The network that dreams; the first one of several."""
        return self.ascents[0].net

    @property
    def objective(self) -> Objective:
        """What is climbed in `net`."""
        return self.ascents[0].objective

    @property
    def own_objective(self) -> Objective | None:
        """The objective that was given in place of what the preset asks for; None where none was."""
        return self._own_objective

    @property
    def has_own_parts(self) -> bool:
        """True where a network or an objective was given as an object, which only this process has."""
        return self._own_net is not None or self._own_objective is not None

    @property
    def tile(self) -> int:
        """Largest side worked on at once, px."""
        return self._memory.tile_px

    @property
    def warnings(self) -> list[str]:
        """A line for the user where memory ran out and the tile was halved."""
        return [self._memory.warning] if self._memory.warning else []

    def at(self, seconds: float | Moment) -> Dreamer:
        """This dreamer as it is at one moment of the film: the preset's numbers at their value then."""
        moment = self.preset.at(seconds)
        return self if moment is self.preset else self.with_preset(moment)

    def with_preset(self, preset: Preset) -> Dreamer:
        """This dreamer with another look. Networks that are loaded stay so; others are loaded.

        Raises:
            PresetError: fields of the preset do not go together.
            NetError: a network, its weights or what the preset asks of it is not there.
        """
        view = copy.copy(self)
        view.preset = preset
        view._step_key = None
        if preset.guide != self.preset.guide:
            view._guides = None
        view.ascents = ascents_of(preset, self._networks, own_net=self._own_net, own_objective=self._own_objective)
        return view

    def wrapped(self, wrap: str | Wrap) -> Dreamer:
        """This dreamer for pictures that go round: "horizontal" as panoramas, "both" as tiles; "none" as others.

        A frame twice as wide as high that goes round horizontally is a whole sphere, with poles. Raises SourceError.
        """
        view = copy.copy(self)
        view.wrap = as_wrap(wrap)
        return view

    def renewed(self) -> Dreamer:
        """This dreamer for another film, as if it were made anew: its networks stay loaded, and nothing else is kept.

        The tile is that of the beginning, guides are read again, and steps are recorded again.
        """
        view = copy.copy(self)
        view._guides = None
        view._memory = self._memory.renewed()
        view._graphs = StepGraphs.on(self.device)
        return view

    def unrecorded(self) -> Dreamer:
        """This dreamer without recorded steps (see `engine/cuda_graphs.py`)."""
        view = copy.copy(self)
        view._graphs = StepGraphs(None)
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
        sizes = on_grid(sizes, self.wrap, max(each.stride for each in self.ascents))
        if turn is not None:
            turns = min(look.octave_turns, len(sizes))
            # Counted from the finest octave, which is always there.
            sizes, step_size = sizes[::-1][turn % turns :: turns][::-1], step_size * turns
        source = picture if source is None else source.to(self.device, torch.float32)
        before = generator.get_state()
        with self.sharing_cores(picture):
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
        fitted = partial(resized, wrap=self.wrap)
        detail: Tensor | None = None
        dream = picture
        for size in sizes:
            base = fitted(picture, size)
            dream = base if detail is None else (base + fitted(detail, size)).clamp(0, 1)
            effort = steps * min(1.0, FULL_EFFORT_SIDE_PX / min(size)) ** self.preset.falloff
            count = min(steps, max(1, round(effort)))
            octave_step = step_size * effort / max(count, 1)
            local_size = octave_step if pace is None else octave_step * fitted(pace, size)
            scorers = self._scorers(size, guides)
            aligned = [fitted(source, size)] if any(each.needs("source/") for each in scorers) else []
            names = [each.net.name for each in scorers]
            for _ in range(count if scorers else 0):
                with timed_step((size, *names), self.device):
                    dream = self._step(scorers, dream, aligned, local_size, generator)
                if watch:
                    watch(dream)
            detail = dream - base
        if dream.shape != picture.shape and detail is not None:
            dream = (picture + fitted(detail, tuple(picture.shape[-2:]))).clamp(0, 1)
        return dream

    def generator(self, frame_number: int) -> torch.Generator:
        """What draws the jitter of a film's n-th frame: the same for the same seed, whatever came before."""
        return torch.Generator().manual_seed((self.seed * 1_000_003 + frame_number) % 2**63)

    def score(self, picture: Tensor, *, source: Tensor | None = None, guides: Sequence[Tensor] | None = None) -> Tensor:
        """What the objectives give `picture` [B,3,H,W], by their shares: a scalar that steps make larger."""
        source = picture if source is None else source
        scorers = self._scorers(tuple(picture.shape[-2:]), guides)
        return picture.new_zeros(()) + sum(each.share * score(picture, source) for each, score in scorers.items())

    def sharing_cores(self, picture: Tensor) -> AbstractContextManager[None]:
        """Inside, the networks share the processor's threads out, for dreams of pictures like [B,3,H,W]."""
        return self._side_by_side.sharing(len(self._active), picture)

    def leaves_room(self, pixels: int) -> bool:
        """True where the processor has time for other work while pictures of so many px are dreamed."""
        return self.device.type != "cpu" or leaves_room(len(self._active), pixels)

    def describe(self) -> str:
        """Networks, device and precision in a few words."""
        precision = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[self.net.dtype]
        names = " and ".join(each.net.name for each in self.ascents)
        return f"{names} on {describe_device(self.device)}, {precision}"

    @property
    def _active(self) -> list[Ascent]:
        return [each for each in self.ascents if each.share > 0 or len(self.ascents) == 1]

    def _recording_key(self, scorers: Iterable[Ascent]) -> Hashable:
        self._step_key = self._step_key or tuple(each.key(self.preset) for each in scorers)
        return self._step_key

    def _scorers(self, size: tuple[int, ...], guides: Sequence[Tensor] | None) -> dict[Ascent, Callable[..., Tensor]]:
        """The score at one octave's size in every network that has a share."""
        active = self._active
        if guides is None and any(each.needs("guide/") for each in active):
            guides = self._preset_guides()
        return {each: each.scorer(size, guides or (), self.tile) for each in active}

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
        scorers: Mapping[Ascent, Callable[..., Tensor]],
        picture: Tensor,
        aligned: list[Tensor],
        step_size: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        return gradient_step(
            scorers, picture, aligned, step_size, generator, look=self.preset, tile=self.tile, wrap=self.wrap,
            side_by_side=self._side_by_side, graphs=self._graphs, key=partial(self._recording_key, scorers),
        )  # fmt: skip
