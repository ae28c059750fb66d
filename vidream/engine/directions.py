"""The way up from a picture that goes round at its sides: a tile, a panorama, a sphere."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vidream.engine.gradient import evened, gaussian_blur, gradient, normalise, on_colour_axes
from vidream.engine.polar_caps import caps_of
from vidream.looks.preset import Preset
from vidream.motion.wrap import Wrap

__all__ = ["refined", "way_up"]

Score = Callable[..., Tensor]
# What networks see beyond a side, px: a multiple of every stride.
CONTEXT_PX = 32
# What evening and blur see beyond a side, px; and the pyramid's bands, the coarsest of four.
REACH_PX, PYRAMID_REACH_PX = 32, 64


def way_up(
    score: Score,
    picture: Tensor,
    *aligned: Tensor,
    look: Preset,
    stride: int,
    tile: int,
    wrap: Wrap,
    shift: tuple[int, int],
) -> Tensor:
    """The way up from a picture, as the look wants it: mean absolute value 1.

    To the network a tile is a torus, as every picture is (see `gradient`). A panorama goes round from left to right
    alone: it gets mirrored rows above and below, that the torus is closed beyond. Of a sphere, the surroundings of the
    poles are dreamed as patches of their own (see `polar_caps`).

    Args:
        score: what is climbed.
        picture: [B,3,H,W]; a tile is rolled by `shift` already, a panorama by its columns alone.
        aligned: pictures of the same size that `score` takes after the first.
        look: how the gradient is treated.
        stride, tile: as for `gradient`.
        wrap: which sides go round; not NONE.
        shift: the roll of this step, (rows, columns) px.

    Returns:
        [B,3,H,W], rolled as the picture is.
    """
    if wrap.goes_down:
        return refined(_of_torus(score, [picture, *aligned], stride, tile, wrap), look, wrap)
    height, width = picture.shape[-2:]
    caps = caps_of(height, width, picture.device) if wrap.is_sphere(height, width) else None
    if caps is None:
        rows = _mirrored_rows(height, min(CONTEXT_PX, height - 1), picture.device)
        found = _of_strip(score, [each[..., rows, :] for each in (picture, *aligned)], look, stride, tile, wrap, shift)
        return normalise(found[..., (len(rows) - height) // 2 :, :][..., :height, :], "mean-abs")
    first, end = caps.plain
    plain = _of_strip(score, [each[..., first:end, :] for each in (picture, *aligned)], look, stride, tile, wrap, shift)
    patches = [torch.roll(caps.patches(each, shift[1]), shift, (-2, -1)) for each in (picture, *aligned)]
    found = gradient(score, *patches, stride=stride, tile=tile)
    found = torch.roll(refined(found, look, Wrap.NONE), (-shift[0], -shift[1]), (-2, -1))
    return normalise(caps.merge(plain, found, shift[1]), "mean-abs")


def refined(found: Tensor, look: Preset, wrap: Wrap) -> Tensor:
    """A gradient [B,3,H,W] evened, blurred, on colour axes and normalised, as the look says."""
    height, width = found.shape[-2:]
    how = look.normalise
    reach_px = PYRAMID_REACH_PX if how == "laplacian" else REACH_PX
    found = evened(wrap.around(found, reach_px), look.evenness)
    found = on_colour_axes(gaussian_blur(found, look.smoothing), look.colour)
    # The spectrum is taken of a torus as it is; a pyramid has sides.
    if wrap and how == "laplacian":
        found, how = normalise(found, how, levels=look.lap_levels), "mean-abs"
    found = wrap.inside(found, height, width, reach_px)
    return normalise(found, how, levels=look.lap_levels)


def _of_strip(
    score: Score, strips: list[Tensor], look: Preset, stride: int, tile: int, wrap: Wrap, shift: tuple[int, int]
) -> Tensor:
    """The way up from rows with some to spare at top and bottom: rolled down as well, their ends meet in those."""
    rolled = [torch.roll(each, shift[0], -2) for each in strips]
    found = torch.roll(_of_torus(score, rolled, stride, tile, wrap), -shift[0], -2)
    return refined(found, look, wrap)


def _of_torus(score: Score, pictures: list[Tensor], stride: int, tile: int, wrap: Wrap) -> Tensor:
    """The gradient at the first of the pictures, which sees what is beyond every side that goes round.

    Tiles look round by themselves. A picture in one piece would meet the zeros that networks are padded with.
    """
    height, width = pictures[0].shape[-2:]
    if max(height, width) > tile:
        return gradient(score, *pictures, stride=stride, tile=tile)
    held = [wrap.around(each, CONTEXT_PX) for each in pictures]
    found = gradient(score, *held, stride=stride, tile=tile + 2 * CONTEXT_PX)
    return wrap.inside(found, height, width, CONTEXT_PX)


def _mirrored_rows(height: int, px: int, device: torch.device) -> Tensor:
    """Numbers of a picture's rows with `px` more at top and bottom, mirrored."""
    rows = torch.arange(-px, height + px, device=device)
    return (height - 1 - (height - 1 - rows.abs()).abs()).long()
