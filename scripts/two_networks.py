"""Make the sheet of docs/two-networks.md: one network, two, and the look of 2015 on the same pictures.

python scripts/two_networks.py PICTURE_OR_CLIP... (six of them; of a clip the frame after one second)
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from vidream import Dreamer, FrameReader, Preset
from vidream.engine.octaves import covering
from vidream.looks.mixture import with_networks
from vidream.media import contact_sheet, write_picture
from vidream.networks import NetworkPool

SHEET = Path(__file__).parent.parent / "docs" / "sheets" / "two-networks.jpg"
SIZE_PX, CELL_PX = 480, (270, 400)
BOTH = Preset.load("creatures")
LOOKS = {
    "source": None,
    "dreamnet alone": with_networks(BOTH, "dreamnet").replace(smoothing=1.0, first_step_size=0.0045, step_size=0.004),
    "efficientnet_lite0 alone": with_networks(BOTH, "efficientnet_lite0"),
    "creatures: both": BOTH,
    "classic": Preset.load("classic"),
}


def main(sources: list[str]) -> None:
    """Dream every source in every look."""
    pool, tiles, labels = NetworkPool(dtype=torch.bfloat16), [], []
    for source in sources:
        with FrameReader(source, size=SIZE_PX) as reader:
            moving = (reader.frame_count or 1) > reader.rate
            ground = next(iter(reader.frames(int(reader.rate) if moving else 0))).picture
        for name, look in LOOKS.items():
            picture = ground if look is None else Dreamer(look, networks=pool, seed=1)(ground)
            tiles.append(covering(picture, CELL_PX, max(CELL_PX)))
            labels.append(name)
    write_picture(SHEET, contact_sheet(tiles, len(LOOKS), labels=labels), quality=85)


if __name__ == "__main__":
    main(sys.argv[1:])
