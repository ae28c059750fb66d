"""One gradient step of all networks: rolled by a random jitter, and back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial

import torch
from torch import Tensor

from vidream.engine.ascent import Ascent
from vidream.engine.cuda_graphs import StepGraphs
from vidream.engine.gradient import normalise, random_roll
from vidream.engine.side_by_side import SideBySide
from vidream.looks.preset import Preset
from vidream.motion.wrap import Wrap

__all__ = ["gradient_step"]


def gradient_step(
    scorers: Mapping[Ascent, Callable[..., Tensor]],
    picture: Tensor,
    aligned: list[Tensor],
    step_size: float | Tensor,
    generator: torch.Generator,
    *,
    look: Preset,
    tile: int,
    wrap: Wrap,
    side_by_side: SideBySide,
    graphs: StepGraphs,
    key: Callable[[], Hashable],
) -> Tensor:
    """A picture [B,3,H,W], RGB, 0..1, a step further up.

    Args:
        scorers: the score at the picture's size in every network.
        picture: what is dreamed.
        aligned: pictures that scores look at beside it.
        step_size: at every pixel [B,1,H,W], or everywhere.
        generator: draws the jitter.
        look: how steps are made.
        tile: largest side worked on at once, px.
        wrap: sides at which the picture goes round.
        side_by_side: runs the networks.
        graphs: replays recorded steps.
        key: tells them apart.
    """
    height, width = picture.shape[-2:]
    tiled = max(height, width) > tile
    # With tiles the roll must reach a whole tile, so that their seams never settle.
    shift = random_roll(height, width, tile if tiled else look.jitter, generator)
    # Of a panorama the bottom does not meet the top: its rows are rolled where there are some to spare.
    is_panorama = bool(wrap) and not wrap.goes_down
    turn = (0, shift[1]) if is_panorama else shift
    rolled, *others = (torch.roll(each, turn, dims=(-2, -1)) for each in (picture, *aligned))

    def direction(picture: Tensor) -> Tensor:
        found = partial(Ascent.direction, look=look, tile=tile, wrap=wrap, shift=shift)
        ways = side_by_side.run([partial(found, *each, picture, *others) for each in scorers.items()])
        if len(ways) == 1:
            return ways[0]
        # Each is of unit size, so the shares say how much of the step is whose; the sum is brought to unit size.
        shared = [each.share * way for each, way in zip(scorers, ways, strict=True)]
        return normalise(torch.stack(shared).sum(0), "mean-abs")

    has_guides = any(each.needs("guide/") for each in scorers)
    if tiled or others or is_panorama or has_guides or not graphs.can_record:
        found = direction(rolled)
    else:
        found = graphs((wrap, key()), direction, rolled)
    found = torch.roll(found, (-turn[0], -turn[1]), dims=(-2, -1))
    # Product and sum in one pass over the picture, and no buffer more than the result's.
    if isinstance(step_size, Tensor):
        return torch.addcmul(picture, found, step_size).clamp_(0, 1)
    return torch.add(picture, found, alpha=step_size).clamp_(0, 1)
