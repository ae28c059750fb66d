"""Baselines: the loop as it is usually written (fp32, autograd), three lines of torch, torch.compile."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.bench.machine import seconds_in_turns
from vidream.engine.dreamer import Dreamer
from vidream.engine.gradient import random_roll
from vidream.looks.mixture import with_networks
from vidream.motion.estimators import DisFlow
from vidream.motion.warp import resize_motion, warp_error
from vidream.runtime.device import wait_for
from vidream.temporal.carry import motions
from vidream.temporal.prefetch import made_ahead
from vidream.temporal.stream import Stream

__all__ = ["ClipComparison", "StepComparison", "against_plain_clip", "against_plain_step"]

# What peers do to each frame (google/deepdream; the last dream is laid under the next frame).
OCTAVES, OCTAVE_SCALE, STEPS, STEP_SIZE, JITTER_PX = 4, 1.4, 10, 0.006, 32
# Share of the new frame where it is blended with the last dream.
BLEND = 0.85
# A dream one way, then the other, and again.
COMPARED_STEPS = 10
# Ten steps of bf16 land some 1 % above or below the plain ones, as chance has it: the median of so many.
COMPARED_DREAMS = 5

Score = Callable[[Tensor], Tensor]
Features = Callable[[Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class StepComparison:
    """One gradient step, ours and four baselines; seconds.

    Attributes:
        width, height: of the picture, px.
        ours_seconds: as vidream does it.
        plain_seconds: as it is usually written, with gradients for the weights too.
        plain_frozen_seconds: the same without those.
        three_lines_seconds: three lines of torch: batch norm folded, channels_last, autocast to the dreamer's number
            format where that has 16 bits.
        compiled_seconds: these under `torch.compile`; None where it cannot run here.
        compiled_reason: why it cannot.
        objective_ratio: the objective after ten steps, ours over the plain one's; the median of some dreams.
    """

    width: int
    height: int
    ours_seconds: float
    plain_seconds: float
    plain_frozen_seconds: float
    three_lines_seconds: float
    compiled_seconds: float | None
    compiled_reason: str
    objective_ratio: float

    @property
    def ratio(self) -> float:
        return self.plain_seconds / self.ours_seconds

    @property
    def frozen_ratio(self) -> float:
        return self.plain_frozen_seconds / self.ours_seconds


@dataclass(frozen=True)
class ClipComparison:
    """A clip both ways: median seconds a frame, strength (mean |dream - frame|) and warp error (Lai et al. 2018)."""

    frames: int
    width: int
    height: int
    ours_seconds: float
    plain_seconds: float
    ours_strength: float
    plain_strength: float
    ours_warp_error: float
    plain_warp_error: float

    @property
    def ratio(self) -> float:
        return self.plain_seconds / self.ours_seconds

    @property
    def steadiness_ratio(self) -> float:
        return self.plain_warp_error / self.ours_warp_error


def against_plain_step(dreamer: Dreamer, picture: Tensor, *, budget_seconds: float = 2.0) -> StepComparison:
    """The bare step of 2015, ours and the baselines, in turns.

    Args:
        dreamer: gives the network and the objective.
        picture: [1,3,H,W], RGB, 0..1.
        budget_seconds: for all of them together.
    """
    bare = with_networks(dreamer.preset, dreamer.net.name).replace(
        octaves=1,
        finest=1.0,
        falloff=0.0,
        smoothing=0.0,
        colour=0.0,
        normalise="mean-abs",
        evenness=0.0,
        jitter=JITTER_PX,
    )
    ours = dreamer.with_preset(bare)
    picture = picture.to(dreamer.device)
    scores = [_plain_score(dreamer, trains=trains) for trains in (True, False)]
    short = _three_lines(dreamer)
    compiled, reason = _compiled(short, picture)
    runs: list[Callable[[], Tensor]] = [partial(ours, picture, steps=COMPARED_STEPS, step_size=STEP_SIZE)]
    for score in [*scores, _scored(dreamer, short), *([_scored(dreamer, compiled)] if compiled else [])]:
        runs.append(partial(_plain_steps, score, picture, COMPARED_STEPS, ours.generator(0)))
    taken = seconds_in_turns(runs, dreamer.device, budget_seconds=budget_seconds)
    taken = [seconds / COMPARED_STEPS for seconds in taken]
    reached = []
    for number in range(COMPARED_DREAMS):
        mine = ours(picture, steps=COMPARED_STEPS, step_size=STEP_SIZE, generator=ours.generator(number))
        theirs = _plain_steps(scores[1], picture, COMPARED_STEPS, ours.generator(number))
        with torch.no_grad():
            reached.append(float(scores[1](mine)) / float(scores[1](theirs)))
    height, width = picture.shape[-2:]
    return StepComparison(
        width=width,
        height=height,
        ours_seconds=taken[0],
        plain_seconds=taken[1],
        plain_frozen_seconds=taken[2],
        three_lines_seconds=taken[3],
        compiled_seconds=taken[4] if compiled else None,
        compiled_reason=reason,
        objective_ratio=statistics.median(reached),
    )


def against_plain_clip(dreamer: Dreamer, frames: Iterable[Tensor]) -> ClipComparison:
    """Dream `frames` [1,3,H,W] our way, then the plain way, both with the dreamer's first network alone.

    The first frame's time does not count.

    Our flow is found beside the dream, as it is in a film; the plain loop has none.

    Raises:
        ValueError: fewer than two frames.
    """
    frames = list(frames)
    if len(frames) < 2:
        raise ValueError("a comparison needs two frames at least")
    dreamer = dreamer.with_preset(with_networks(dreamer.preset, dreamer.net.name))
    stream = Stream(dreamer)
    with made_ahead(stream.followed(frames), dreamer, frames[0][0, 0].numel()) as ready:
        mine, my_seconds = _timed(dreamer, (partial(stream.next, frame, motion=moved) for frame, moved in ready))
    score = _plain_score(dreamer, trains=True)
    last: list[Tensor] = []

    def plain(number: int, frame: Tensor) -> Tensor:
        start = torch.lerp(last[-1], frame, BLEND) if last else frame
        last[:] = [_plain_dream(score, start, dreamer.generator(number))]
        return last[0]

    placed = [frame.to(dreamer.device) for frame in frames]
    theirs, their_seconds = _timed(dreamer, (partial(plain, *each) for each in enumerate(placed)))
    figures = []
    pairs = enumerate(motions(placed, DisFlow(), resets=False))
    next(pairs)  # the first frame has none before it
    for number, (frame, moved) in pairs:
        assert moved is not None
        motion = resize_motion(*moved, *frame.shape[-2:])
        figures.append(
            [float((made[number] - frame).abs().mean()) for made in (mine, theirs)]
            + [float(warp_error(made[number], made[number - 1], *motion)) for made in (mine, theirs)]
        )
    height, width = placed[0].shape[-2:]
    means = [statistics.fmean(each) for each in zip(*figures, strict=True)]
    return ClipComparison(len(frames), width, height, my_seconds, their_seconds, *means)


def _timed(dreamer: Dreamer, calls: Iterable[Callable[[], Tensor]]) -> tuple[list[Tensor], float]:
    """What `calls` made, and the median time from one to the next, in twos, since octaves take turns."""
    made: list[Tensor] = []
    taken: list[float] = []
    begun = time.perf_counter()
    for call in calls:
        made.append(call())
        wait_for(dreamer.device)
        now = time.perf_counter()
        taken.append(now - begun)
        begun = now
    return made, statistics.median(map(statistics.fmean, itertools.pairwise(taken[1:])))


def _plain_score(dreamer: Dreamer, *, trains: bool) -> Score:
    """The dreamer's objective over its network as torch has it. trains: weights get gradients, as they come."""
    extractor = dreamer.net.plain_extractor(dreamer.ascents[0].needs(""))
    extractor.requires_grad_(trains)
    return _scored(dreamer, lambda picture: extractor(dreamer.net.normalised(picture)))


def _scored(dreamer: Dreamer, features: Features) -> Score:
    """The dreamer's objective of what `features` gives."""
    return lambda picture: dreamer.objective({"picture": picture, **features(picture)})


def _three_lines(dreamer: Dreamer) -> Features:
    """What anybody gets from torch in three lines: folded batch norm, channels_last, autocast."""
    net = dreamer.net
    extractor = net.folded_extractor(dreamer.ascents[0].needs("")).float()

    def features(picture: Tensor) -> dict[str, Tensor]:
        x = net.normalised(picture).contiguous(memory_format=torch.channels_last)
        with torch.autocast(net.device.type, net.dtype, enabled=net.dtype != torch.float32):
            found = extractor(x)
        return {name: value.float() for name, value in found.items()}

    return features


def _compiled(features: Features, picture: Tensor) -> tuple[Features | None, str]:
    """`features` under torch.compile, tried once forward and backward; or None and the reason in a few words."""
    try:
        compiled = torch.compile(features, dynamic=False)
        x = picture.clone().requires_grad_()
        torch.stack([value.square().mean() for value in compiled(x).values()]).sum().backward()
    except Exception as error:  # no compiler, no triton, an unsupported Python: each in its own words
        words = (str(error).strip().splitlines() or [""])[0]
        return None, f"{type(error).__name__}: {words}"[:160]
    return compiled, ""


def _plain_steps(score: Score, picture: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    height, width = picture.shape[-2:]
    for _ in range(steps):
        shift = random_roll(height, width, JITTER_PX, generator)
        x = torch.roll(picture, shift, dims=(-2, -1)).requires_grad_()
        score(x).backward()
        assert x.grad is not None
        found = torch.roll(x.grad, (-shift[0], -shift[1]), dims=(-2, -1))
        picture = (picture + STEP_SIZE * found / found.abs().mean()).clamp(0, 1)
    return picture.detach()


def _plain_dream(score: Score, picture: Tensor, generator: torch.Generator) -> Tensor:
    detail, dream = torch.zeros_like(picture[..., :1, :1]), picture
    height, width = picture.shape[-2:]
    for octave in reversed(range(OCTAVES)):
        size = [max(16, round(side * OCTAVE_SCALE**-octave)) for side in (height, width)]
        base = F.interpolate(picture, size, mode="bilinear", align_corners=False)
        dream = base + F.interpolate(detail, size, mode="bilinear", align_corners=False)
        dream = _plain_steps(score, dream, STEPS, generator)
        detail = dream - base
    return dream
