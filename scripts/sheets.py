"""Make the sheets of docs/dreamnet.md: motifs, atlas, subjects on photos, layers, before and after.

Run from the repository: python scripts/sheets.py PHOTO PHOTO PHOTO
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from vidream import Dreamer, Net, Preset, load_net
from vidream.media import contact_sheet, read_picture, write_picture
from vidream.rendering.atlas import atlas_sheet, atlas_tiles
from vidream.training.judge import subject_preset
from vidream.training.motif_sheet import write_motif_sheet

SHEETS = Path(__file__).parent.parent / "docs" / "sheets"
LAYERS = ("s1", "s2", "s3b", "s4")


def fitted(path: Path, width: int, height: int) -> Tensor:
    """The middle of a photo, at this size."""
    picture = read_picture(path)
    scale = max(width / picture.shape[-1], height / picture.shape[-2])
    size = round(picture.shape[-2] * scale), round(picture.shape[-1] * scale)
    picture = F.interpolate(picture, size, mode="bilinear", antialias=True)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return picture[..., top : top + height, left : left + width]


def dreamed(net: Net, preset: Preset, picture: Tensor) -> Tensor:
    """One picture through one look."""
    return Dreamer(preset, net=net)(picture)


def main(photos: list[Path]) -> None:
    """Dream and write the sheets."""
    SHEETS.mkdir(exist_ok=True)
    net = load_net("dreamnet")
    write_motif_sheet(SHEETS / "motifs.jpg", each=4, size_px=56, per_row=5)
    write_picture(SHEETS / "atlas.jpg", atlas_sheet(atlas_tiles(net, size_px=96)), quality=82)
    small = [fitted(photo, 240, 240) for photo in photos]
    tiles, labels = [], []
    for group in net.groups:
        tiles += [dreamed(net, subject_preset(group), picture) for picture in small]
        labels += [group] * len(small)
    write_picture(SHEETS / "subjects.jpg", contact_sheet(tiles, 2 * len(small), labels=labels), quality=85)
    wide = fitted(photos[0], 360, 360)
    tiles = [wide, *(dreamed(net, Preset(layers={layer: 1.0}), wide) for layer in LAYERS)]
    write_picture(SHEETS / "layers.jpg", contact_sheet(tiles, 5, labels=["the photo", *LAYERS]), quality=88)
    large = [fitted(photo, 480, 360) for photo in photos]
    tiles = [*large, *(dreamed(net, Preset.load("creatures"), picture) for picture in large)]
    write_picture(SHEETS / "before-after.jpg", contact_sheet(tiles, len(large)), quality=88)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
