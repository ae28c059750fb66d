"""The endless zoom: a dream that is moved and dreamed again, frame after frame, along a known motion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.engine.gradient import gaussian_blur
from vidream.errors import PresetError, TargetError
from vidream.looks.moment import Moment
from vidream.motion.known import Motion, Similarity
from vidream.motion.resampling import resample
from vidream.motion.wrap import Wrap
from vidream.zoom.drift_control import DriftControl

__all__ = ["Zoom", "check_wrap", "clouds", "endless_zoom"]

DEFAULT_RATE = 25
# A preset's steps are meant for this many frames a second; other rates take as much in a second.
STEPS_RATE = 25.0
# A zoom loses what was dreamed over the border. With the preset's own steps much of the frame stays bare; with steps
# twice as long motifs grow from edge to edge.
ZOOM_STEP_SCALE = 1.8
# New places at the border are dreamed with longer steps and out of sight, in a margin of this share of the shorter
# side: at the usual speed they have about a second to warm up before they are seen.
MARGIN = 0.12
FRESH_STEP_SCALE = 4.0
WARM_UP_A_SECOND = 4.0
CLOUDS_A_SECOND = 2.0
CLOUDS_SEED = 50_000


class Zoom:
    """Continues a dream for ever: each frame is the last one moved, corrected for drift and dreamed again.

    The preset's schedules run over the film's time; its `keep`, `flow` and `blend` have no effect here.

    Args:
        picture: [1,3,H,W], RGB, 0..1, the start; it is dreamed with the preset's first steps.
        dreamer: dreams each frame.
        motion: how it moves; by default 1.25 times nearer each second.
        rate: frames a second; it changes neither the speed nor how much is dreamed in a second.
        margin: dream beyond the frame too; by default where the motion ever shows what lies outside.
        guides: [1,3,h,w] each, for the first dream, in place of the preset's files.

    Attributes:
        number: of the frame that is seen now, from 0.

    Raises:
        PresetError: the dreamer is for tiles or panoramas, which stay such in a motion that only pans, or in none.
    """

    def __init__(
        self,
        picture: Tensor,
        dreamer: Dreamer,
        motion: Motion | None = None,
        *,
        rate: float | Fraction = DEFAULT_RATE,
        margin: bool | None = None,
        guides: Sequence[Tensor] | None = None,
    ) -> None:
        motion = motion or Motion()
        self.motion = motion.hearing(motion.sound, float(rate))
        self.dreamer = dreamer
        self.rate = rate
        self.number = 0
        self._height, self._width = picture.shape[-2:]
        check_wrap(dreamer.wrap, self.motion)
        if dreamer.wrap:
            margin = False  # nothing comes in from outside
        if margin is None:
            margin = self.motion.looks_outside(self._width, self._height, 60.0)
        self._margin_px = 2 * round(MARGIN * min(picture.shape[-2:]) / 2) if margin else 0
        self._drift_control = DriftControl(dreamer.wrap)
        start = F.pad(picture.to(dreamer.device, torch.float32), (self._margin_px,) * 4, mode="reflect")
        first = dreamer.at(self._moment(0.0))
        self._canvas = first(start, guides=guides, generator=dreamer.generator(0))
        self._warm_up: Tensor | None = torch.ones_like(start[:, :1]) if margin else None
        self._clouds: tuple[int, tuple[Tensor, Tensor]] | None = None

    @property
    def picture(self) -> Tensor:
        """The frame that is seen now, [1,3,H,W], RGB, 0..1."""
        edge = self._margin_px
        return self._canvas[..., edge : edge + self._height, edge : edge + self._width]

    @property
    def canvas(self) -> Tensor:
        """The picture with the margin around it, [1,3,H+m,W+m]."""
        return self._canvas

    @torch.no_grad()
    def advance(
        self, *, guides: Sequence[Tensor] | None = None, towards: Tensor | None = None, share: float = 0.0,
        backwards: bool = False,
    ) -> Tensor:  # fmt: skip
        """Make the next frame.

        Args:
            guides: as in `Dreamer`, in place of the preset's files.
            towards: a canvas that the result is mixed with.
            share: of `towards`, 0..1.
            backwards: make the frame before, as if the film ran the other way.

        Returns:
            [1,3,H,W], RGB, 0..1.
        """
        step = -1 if backwards else 1
        now, then = float(self.number / self.rate), float((self.number + step) / self.rate)
        pull = self.motion.pull(now, then, self._width, self._height)
        shorter, wrap = min(self._height, self._width), self.dreamer.wrap
        moved = resample(self._canvas, pull, shorter=shorter, step=self.number, wrap=wrap)
        seconds = abs(then - now)
        step_scale = self._warmed_up(pull, seconds)
        if self._warm_up is not None:
            moved = self._with_clouds(moved, pull, then)
        moved = self._drift_control.correct(moved, seconds)
        loop = self.motion.loop_seconds
        dreamer = self.dreamer.at(self._moment(max(then, 0.0) if loop is None else then % loop))
        # The same amount is dreamed in a second at any rate; a low rate takes more steps, not longer ones.
        wanted = dreamer.preset.steps * STEPS_RATE * seconds
        steps = max(1, round(wanted)) if wanted else 0
        step_size = ZOOM_STEP_SCALE * dreamer.preset.step_size * wanted / max(steps, 1)
        generator = self.dreamer.generator(self.number + step)
        with torch.enable_grad():
            dream = dreamer(
                moved, steps=steps, step_size=step_size, pace=step_scale, guides=guides, generator=generator
            )
        self._canvas = dream if towards is None else _mixed(dream, towards.to(dream), share)
        self.number += step
        return self.picture

    def moved(self, canvas: Tensor, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Move a canvas from frame `start` to frame `end`.

        Returns:
            The moved canvas, and a mask [1,1,H,W], 0..1, of what lay inside it.
        """
        shorter = min(self._height, self._width)
        pull = self.motion.pull(float(start / self.rate), float(end / self.rate), self._width, self._height)
        if self.dreamer.wrap:
            moved = resample(canvas, pull, shorter=shorter, wrap=self.dreamer.wrap).clamp(0, 1)
            return moved, torch.ones_like(canvas[:, :1])
        inside = F.pad(torch.ones_like(canvas[:, :1, 16:-16, 16:-16]), (16,) * 4)
        covered = resample(gaussian_blur(inside, 5.0), pull, shorter=shorter, mode="bilinear", outside="zeros")
        return resample(canvas, pull, shorter=shorter).clamp(0, 1), ((covered - 0.5) * 2).clamp(0, 1)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next frame depends on, besides preset, motion, rate and seed; `restore` takes it."""
        held = {"canvas": self._canvas, "number": torch.tensor(self.number)}
        if self._warm_up is not None:
            held["warm_up"] = self._warm_up
        return held | {f"drift_control.{name}": value for name, value in self._drift_control.state().items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state`, to the bit as if there had been no break.

        Raises:
            TargetError: the state is not one that this version writes.
        """
        if "canvas" not in state or (self._warm_up is not None) != ("warm_up" in state):
            raise TargetError("the unfinished film was saved by another version of vidream", use={"overwrite": True})
        place = {name: value.to(self.dreamer.device) for name, value in state.items()}
        self._canvas, self.number = place["canvas"], int(place["number"])
        self._warm_up = place.get("warm_up")
        prefix = "drift_control."
        held = {name.removeprefix(prefix): value for name, value in place.items() if name.startswith(prefix)}
        self._drift_control.restore(held)

    def _moment(self, seconds: float) -> Moment:
        """For the preset, which hears what the motion hears."""
        return Moment(seconds, self.motion.rate, self.motion.sound)

    def _with_clouds(self, moved: Tensor, pull: Similarity, seconds: float) -> Tensor:
        """`moved` with coloured clouds, that change with time, where something has just come in over the border.

        Reflection alone would stretch the border into rays, with a visible symmetry.
        """
        fresh = 1.0 - self._within(pull)
        now = seconds * CLOUDS_A_SECOND
        if self._clouds is None or self._clouds[0] != math.floor(now):
            size, seed = (moved.shape[-1], moved.shape[-2]), self.dreamer.seed + CLOUDS_SEED
            before, after = (clouds(*size, seed=seed + math.floor(now) + ahead).to(moved) for ahead in (0, 1))
            self._clouds = (math.floor(now), (before, after))
        before, after = self._clouds[1]
        sky = torch.lerp(before, after, now - math.floor(now))
        sky = moved.mean(dim=(-2, -1), keepdim=True) + 2 * (sky - sky.mean(dim=(-2, -1), keepdim=True))
        return torch.lerp(moved, sky, 0.7 * fresh).clamp(0, 1)

    def _within(self, pull: Similarity) -> Tensor:
        ones = torch.ones_like(self._canvas[:, :1])
        return resample(ones, pull, shorter=min(self._height, self._width), mode="bilinear", outside="zeros")

    def _warmed_up(self, pull: Similarity, seconds: float) -> Tensor | None:
        """Note the new frame's warm-up; returns the step scale of each place: new ones take longer steps."""
        if self._warm_up is None:
            return None
        shorter = min(self._height, self._width)
        warm = resample(self._warm_up, pull, shorter=shorter, mode="bilinear", outside="zeros")
        self._warm_up = warm + (1.0 - 0.5 ** (WARM_UP_A_SECOND * seconds)) * (1.0 - warm)
        return 1.0 + (FRESH_STEP_SCALE - 1.0) * (1.0 - warm)


def check_wrap(wrap: Wrap, motion: Motion) -> None:
    """Raise PresetError where a picture that goes round does not stay such in this motion."""
    if wrap is Wrap.HORIZONTAL:
        raise PresetError("a panorama cannot be zoomed into; give wrap none, or both for a tile", argument="wrap")
    if wrap and not motion.only_pans:
        raise PresetError("a tile that grows or turns no longer is one; with wrap both, only pan", use={"scale": 1})


def _mixed(picture: Tensor, towards: Tensor, share: float) -> Tensor:
    """A mix of two pictures with the contrast of both: a plain mix of different pictures is paler than either."""
    mixed = torch.lerp(picture, towards, share)
    mean = mixed.mean(dim=(-2, -1), keepdim=True)
    contrast = torch.lerp(picture.std(), towards.std(), share)
    return (mean + (mixed - mean) * (contrast / mixed.std().clamp(min=1e-6))).clamp(0, 1)


def clouds(width: int, height: int, *, seed: int = 0, wrap: Wrap = Wrap.NONE) -> Tensor:
    """Faint coloured clouds around grey, different for each seed: the start of a zoom without a source.

    White noise becomes grey dreams: networks find neither large shapes nor colours in it.

    Args:
        width, height: px.
        seed: any integer.
        wrap: sides at which they go round.

    Returns:
        [1,3,H,W], RGB, 0..1.
    """
    generator = torch.Generator().manual_seed(seed % 2**63)
    picture = torch.zeros(1, 3, height, width)
    for cells in (2, 4, 8, 16, 32):
        across = max(2, round(cells * width / min(width, height)))
        down = max(2, round(cells * height / min(width, height)))
        drawn = torch.randn(1, 3, down, across, generator=generator)
        # Light and shade in common, and half as much of each channel's own.
        drawn = drawn.mean(1, keepdim=True) + 0.6 * (drawn - drawn.mean(1, keepdim=True))
        enlarge = partial(F.interpolate, mode="bicubic", align_corners=False)
        picture += wrap.scaled(drawn, (height, width), enlarge) * (2 / cells) ** 0.5
    return (0.45 + 0.1 * picture / picture.std()).clamp(0, 1)


def endless_zoom(
    picture: Tensor,
    dreamer: Dreamer,
    motion: Motion | None = None,
    *,
    rate: float | Fraction = DEFAULT_RATE,
    guides: Iterable[Sequence[Tensor]] | None = None,
) -> Iterator[Tensor]:
    """Zoom into a picture for ever. Memory stays flat.

    Args:
        picture: [1,3,H,W], RGB, 0..1.
        dreamer: dreams each frame.
        motion: how it moves; by default 1.25 times nearer each second.
        rate: frames a second.
        guides: those of each frame, as in `Dreamer`, in place of the preset's files.

    Yields:
        The dream of the picture, and every frame after it: [1,3,H,W], RGB, 0..1.
    """
    each = iter(guides) if guides is not None else None
    zoom = Zoom(picture, dreamer, motion, rate=rate, guides=next(each) if each else None)
    yield zoom.picture
    while True:
        yield zoom.advance(guides=next(each) if each else None)
