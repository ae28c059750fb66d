"""atlas: what every channel, or every subject, of a layer dreams, on one sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.errors import NetError
from vidream.looks.preset import Preset
from vidream.media import contact_sheet
from vidream.media.arrays import noise
from vidream.networks import Net

__all__ = ["Tile", "atlas_sheet", "atlas_tiles"]

# Strong and quick: a tile shows what a channel likes, not how it would sit in a film.
LOOK = Preset(octaves=4, first_steps=16, first_step_size=0.012, falloff=0.0, smoothing=0.8, colour=0.4)


@dataclass(frozen=True)
class Tile:
    """One picture of an atlas: `name` is the channel's number or the subject's name. picture: [1,3,size,size]."""

    name: str
    picture: Tensor


def atlas_tiles(
    net: Net,
    layer: str = "",
    *,
    channels: Sequence[int] = (),
    on: Tensor | None = None,
    size_px: int = 128,
    seed: int = 0,
    look: Preset = LOOK,
    watch: Callable[[int, int], None] | None = None,
) -> list[Tile]:
    """What each channel of `layer` dreams; of the layer of classes, each group and each class.

    layer: by default the classes' where they have names, else the first that the net thinks good.
    channels: these only.  on: a picture [1,3,H,W] to dream on, cropped square, in place of noise.
    look: how; its layers and subjects are replaced.  watch: called with (done, all).  Raises NetError.
    """
    wishes = _wishes(net, layer, channels)
    ground = noise(size_px, size_px, seed=seed) if on is None else _square(on, size_px)
    tiles = []
    for name, wish in wishes:
        tiles.append(Tile(name, Dreamer(look.replace(net=net.name, **wish), net=net, seed=seed)(ground).cpu()))
        if watch:
            watch(len(tiles), len(wishes))
    return tiles


def atlas_sheet(tiles: Sequence[Tile], *, columns: int | None = None) -> Tensor:
    """The tiles as one picture [1,3,H,W], each with its name; about as wide as high where `columns` does not say."""
    columns = columns or max(1, round(len(tiles) ** 0.5 * 1.15))
    return contact_sheet([tile.picture for tile in tiles], columns, labels=[tile.name for tile in tiles])


def _wishes(net: Net, layer: str, channels: Sequence[int]) -> list[tuple[str, dict[str, object]]]:
    """(name, preset fields) of every tile."""
    layer = layer or (net.class_layer if net.groups else next(iter(net.default_layers), net.class_layer))
    if layer == net.class_layer and net.groups and not channels:
        return [(name, {"layers": {}, "channels": (), "subject": {name: 1.0}}) for name in (*net.groups, *net.classes)]
    (info,) = net.describe_layers([layer])
    wrong = [index for index in channels if not 0 <= index < info.channels]
    if wrong:
        raise NetError(f"layer {layer} of {net.name} has channels 0 to {info.channels - 1}, not {wrong[0]}")
    return [
        (str(index), {"layers": {layer: 1.0}, "channels": (index,), "subject": {}})
        for index in channels or range(info.channels)
    ]


def _square(picture: Tensor, size_px: int) -> Tensor:
    height, width = picture.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    cut = picture[..., top : top + side, left : left + side]
    return F.interpolate(cut, size=(size_px, size_px), mode="bilinear", antialias=True, align_corners=False)
