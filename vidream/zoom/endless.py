"""zoom: an endless fall into a dream: a known motion in place of an estimated one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.engine.gradient import gaussian_blur
from vidream.motion.known import Motion, Similarity
from vidream.motion.resampling import resample
from vidream.zoom.drift_control import Leash

__all__ = ["Zoom", "clouds", "endless_zoom"]

DEFAULT_RATE = 25
# A preset's steps are meant for this many frames a second; other rates take as much in a second.
STEPS_RATE = 25.0
# A fall thins its dream out: what was dreamed leaves over the border. At the preset's own step much of the
# frame stays bare; at twice that motifs grow from edge to edge.
ZOOM_PACE = 1.8
# New places at the border are dreamed faster and out of sight, in a margin of this share of the
# shorter side: at the usual speed they have about a second to ripen before they are seen.
MARGIN = 0.12
FRESH_PACE = 4.0
RIPENING_A_SECOND = 4.0
CLOUDS_A_SECOND = 2.0
CLOUDS_SEED = 50_000


class Zoom:
    """Dreams a picture onwards for ever: moved, held on its leash, dreamed; frame after frame.

    picture: [1,3,H,W], RGB, 0..1, where the fall begins; it is dreamed with the preset's first steps.
    rate: frames a second; it changes neither the speed nor how much is dreamed in a second.
    margin: dream beyond the frame too; by default where the motion ever looks there.
    The preset's schedules run over the film's time; `keep`, `flow` and `blend` have no meaning here.
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
        self.motion = motion or Motion()
        self.dreamer = dreamer
        self.rate = rate
        self.number = 0
        self._height, self._width = picture.shape[-2:]
        if margin is None:
            margin = self.motion.looks_outside(self._width, self._height, 60.0)
        self._margin_px = 2 * round(MARGIN * min(picture.shape[-2:]) / 2) if margin else 0
        self._leash = Leash()
        start = F.pad(picture.to(dreamer.device, torch.float32), (self._margin_px,) * 4, mode="reflect")
        first = dreamer.at(0.0)
        self._canvas = first(start, guides=guides, generator=dreamer.generator(0))
        self._ripeness: Tensor | None = torch.ones_like(start[:, :1]) if margin else None
        self._clouds: tuple[int, tuple[Tensor, Tensor]] | None = None

    @property
    def picture(self) -> Tensor:
        """What is seen now, [1,3,H,W], RGB, 0..1."""
        edge = self._margin_px
        return self._canvas[..., edge : edge + self._height, edge : edge + self._width]

    @property
    def canvas(self) -> Tensor:
        """What is dreamed now: the picture with the margin around it."""
        return self._canvas

    @torch.no_grad()
    def advance(
        self, *, guides: Sequence[Tensor] | None = None, towards: Tensor | None = None, share: float = 0.0,
        backwards: bool = False,
    ) -> Tensor:  # fmt: skip
        """Go on by one frame and return it, [1,3,H,W].

        guides: as in `Dreamer`.  towards: a canvas that the result is drawn to by `share`, 0..1.
        backwards: go on to the frame before, as if the film ran the other way.
        """
        step = -1 if backwards else 1
        now, then = float(self.number / self.rate), float((self.number + step) / self.rate)
        pull = self.motion.pull(now, then, self._width, self._height)
        moved = resample(self._canvas, pull, shorter=min(self._height, self._width), step=self.number)
        seconds = abs(then - now)
        pace = self._ripen(pull, seconds)
        if self._ripeness is not None:
            moved = self._sown(moved, pull, then)
        moved = self._leash.hold(moved, seconds)
        loop = self.motion.loop_seconds
        dreamer = self.dreamer.at(max(then, 0.0) if loop is None else then % loop)
        # So much is dreamed in a second at any rate; a slow one takes more steps, not larger ones.
        wanted = dreamer.preset.steps * STEPS_RATE * seconds
        steps = max(1, round(wanted)) if wanted else 0
        step_size = ZOOM_PACE * dreamer.preset.step_size * wanted / max(steps, 1)
        generator = self.dreamer.generator(self.number + step)
        with torch.enable_grad():
            dream = dreamer(moved, steps=steps, step_size=step_size, pace=pace, guides=guides, generator=generator)
        self._canvas = dream if towards is None else _drawn(dream, towards.to(dream), share)
        self.number += step
        return self.picture

    def moved(self, canvas: Tensor, start: int, end: int) -> tuple[Tensor, Tensor]:
        """The canvas of frame `start` moved to frame `end`, and where that was in it, [1,1,H,W], 0..1."""
        shorter = min(self._height, self._width)
        pull = self.motion.pull(float(start / self.rate), float(end / self.rate), self._width, self._height)
        inside = F.pad(torch.ones_like(canvas[:, :1, 16:-16, 16:-16]), (16,) * 4)
        covered = resample(gaussian_blur(inside, 5.0), pull, shorter=shorter, mode="bilinear", outside="zeros")
        return resample(canvas, pull, shorter=shorter).clamp(0, 1), ((covered - 0.5) * 2).clamp(0, 1)

    def state(self) -> dict[str, Tensor]:
        """All that the next frame depends on beside preset, motion, rate and seed: what `restore` takes."""
        held = {"canvas": self._canvas, "number": torch.tensor(self.number)}
        if self._ripeness is not None:
            held["ripeness"] = self._ripeness
        return held | {f"leash.{name}": value for name, value in self._leash.state().items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state`, to the bit as if there had been no break."""
        place = {name: value.to(self.dreamer.device) for name, value in state.items()}
        self._canvas, self.number = place["canvas"], int(place["number"])
        self._ripeness = place.get("ripeness")
        found = {name.removeprefix("leash."): value for name, value in place.items() if name.startswith("leash.")}
        self._leash.restore(found)

    def _sown(self, moved: Tensor, pull: Similarity, seconds: float) -> Tensor:
        """`moved` with coloured clouds, that change with time, laid into what has just come in over the border.

        The mirror alone would draw what is at the border out into rays, and a cross of symmetry.
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

    def _ripen(self, pull: Similarity, seconds: float) -> Tensor | None:
        """The pace of each place: what has come in over the border is dreamed faster."""
        if self._ripeness is None:
            return None
        shorter = min(self._height, self._width)
        ripe = resample(self._ripeness, pull, shorter=shorter, mode="bilinear", outside="zeros")
        self._ripeness = ripe + (1.0 - 0.5 ** (RIPENING_A_SECOND * seconds)) * (1.0 - ripe)
        return 1.0 + (FRESH_PACE - 1.0) * (1.0 - ripe)


def _drawn(picture: Tensor, towards: Tensor, share: float) -> Tensor:
    """Between two pictures, with the contrast of both: a plain mix of two that differ is paler than either."""
    mixed = torch.lerp(picture, towards, share)
    mean = mixed.mean(dim=(-2, -1), keepdim=True)
    contrast = torch.lerp(picture.std(), towards.std(), share)
    return (mean + (mixed - mean) * (contrast / mixed.std().clamp(min=1e-6))).clamp(0, 1)


def clouds(width: int, height: int, *, seed: int = 0) -> Tensor:
    """Faint coloured clouds [1,3,H,W] around grey, other ones for each seed: a fall from nothing begins here.

    White noise dreams itself grey: the networks find no large shapes in it, and no colours to go on with.
    """
    generator = torch.Generator().manual_seed(seed % 2**63)
    picture = torch.zeros(1, 3, height, width)
    for cells in (2, 4, 8, 16, 32):
        across = max(2, round(cells * width / min(width, height)))
        down = max(2, round(cells * height / min(width, height)))
        drawn = torch.randn(1, 3, down, across, generator=generator)
        # Light and shade in common, and half as much of each channel's own.
        drawn = drawn.mean(1, keepdim=True) + 0.6 * (drawn - drawn.mean(1, keepdim=True))
        picture += F.interpolate(drawn, (height, width), mode="bicubic", align_corners=False) * (2 / cells) ** 0.5
    return (0.45 + 0.1 * picture / picture.std()).clamp(0, 1)


def endless_zoom(
    picture: Tensor,
    dreamer: Dreamer,
    motion: Motion | None = None,
    *,
    rate: float | Fraction = DEFAULT_RATE,
    guides: Iterable[Sequence[Tensor]] | None = None,
) -> Iterator[Tensor]:
    """Fall into `picture` [1,3,H,W], RGB, 0..1, for ever: its dream, and every frame after it.

    motion: how it moves, by default 1.25 times nearer each second.  rate: frames a second.
    guides: those of each frame, as in `Dreamer`, in place of the preset's files.  Memory stays flat.
    """
    each = iter(guides) if guides is not None else None
    zoom = Zoom(picture, dreamer, motion, rate=rate, guides=next(each) if each else None)
    yield zoom.picture
    while True:
        yield zoom.advance(guides=next(each) if each else None)
