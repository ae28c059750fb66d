"""judge: a second network, trained apart, says what it sees in the dreams of the first.

`python -m vidream.training --recipe judge judge.safetensors` trains it; it is never dreamed with. Then
`python -m vidream.training.judge judge.safetensors PHOTO...` prints, for every group, how often its dreams
are given its name, and how often the undreamed pictures are; and how alike the dreams of channels are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from vidream.engine.dreamer import Dreamer
from vidream.looks.preset import Preset
from vidream.media import contact_sheet, read_picture, write_picture
from vidream.media.arrays import noise
from vidream.networks import Net, load_net
from vidream.networks.dreamnet import MEAN, STD, DreamNet, load_dreamnet
from vidream.rendering.atlas import atlas_tiles
from vidream.runtime.device import pick_precision
from vidream.training.train import normalised

__all__ = ["NOTHING", "Judge", "likeness", "main", "subject_preset", "views"]

CPU = torch.device("cpu")
NOTHING = "nothing"
SIDE_PX = 192
NOISES = 5
# Where on a photo the square views lie: (how much of the shorter side, x, y), all 0..1.
CUTS = ((1.0, 0.5, 0.5), (0.6, 0.0, 0.0), (0.6, 1.0, 0.0), (0.6, 0.0, 1.0), (0.6, 1.0, 1.0))


class Judge:
    """A trained network that names the group it sees most of. path: weights as the trainer writes them."""

    def __init__(self, path: Path) -> None:
        self._net, self._classes, self.groups, _ = load_dreamnet(path)
        self._net.eval().requires_grad_(False)

    def shares(self, picture: Tensor) -> dict[str, float]:
        """Share of each group, and of NOTHING, in `picture` [1,3,H,W]; they sum to 1."""
        with torch.no_grad():
            cells = self._net(normalised(picture)).softmax(1).mean((0, 2, 3)).tolist()
        shares = {
            group: sum(cells[self._classes.index(name)] for name in names) for group, names in self.groups.items()
        }
        return {**shares, NOTHING: cells[-1]}

    def name(self, picture: Tensor) -> str:
        """NOTHING, where that fills more than half of `picture` [1,3,H,W]; else the group that fills most of it."""
        shares = self.shares(picture)
        if shares.pop(NOTHING) > 0.5:
            return NOTHING
        return max(shares, key=lambda group: shares[group])

    def impression(self, picture: Tensor) -> Tensor:
        """What it sees, before it names it: mean activations of its last layer but one, [1,C]."""
        x = normalised(picture)
        with torch.no_grad():
            for stage in list(self._net.children())[:-1]:
                x = stage(x)
        return x.mean((2, 3))


def views(photos: Sequence[Path]) -> list[Tensor]:
    """Square views of the photos, whole and corners, and noise: [1,3,SIDE_PX,SIDE_PX] each. Raises SourceError."""
    found = []
    for path in photos:
        picture = read_picture(path)
        height, width = picture.shape[-2:]
        for share, x, y in CUTS:
            side = round(min(height, width) * share)
            top, left = round((height - side) * y), round((width - side) * x)
            cut = picture[..., top : top + side, left : left + side]
            found.append(F.interpolate(cut, size=(SIDE_PX, SIDE_PX), mode="bilinear", antialias=True))
    return found + [noise(SIDE_PX, SIDE_PX, seed=seed) for seed in range(NOISES)]


def subject_preset(group: str) -> Preset:
    """The look that a group is judged by: the subject alone, dreamed strongly."""
    return Preset(
        subject={group: 1.0}, first_steps=24, first_step_size=0.009, octave_scale=1.6, smoothing=0.6, falloff=0.0
    )


def likeness(judge: Judge, net: Net, layer: str) -> float:
    """Mean pairwise cosine of the judge's impressions of what each channel of a layer dreams, from noise.

    Counted from the impression of the noise itself; 1: all channels dream the same.
    """
    ground = judge.impression(noise(128, 128))
    seen = torch.cat([judge.impression(tile.picture) - ground for tile in atlas_tiles(net, layer, channels=range(48))])
    seen = F.normalize(seen, dim=1)
    pairs = seen @ seen.T
    return float((pairs.sum() - pairs.trace()) / (len(seen) * (len(seen) - 1)))


def main() -> None:
    """Print the judge's tables."""
    parser = argparse.ArgumentParser(prog="python -m vidream.training.judge", description=__doc__)
    parser.add_argument("judge", type=Path, help="the judge's weights")
    parser.add_argument("photos", type=Path, nargs="+", help="pictures to dream on")
    parser.add_argument("--weights", type=Path, help="the dreaming network (default: the shipped one)")
    parser.add_argument("--sheet", type=Path, help="also write the dreams, a row a group")
    arguments = parser.parse_args()
    judge, net = (
        Judge(arguments.judge),
        load_net("dreamnet", weights=arguments.weights, dtype=pick_precision("auto", CPU)),
    )
    pictures = views(arguments.photos)
    plain = [judge.name(picture) for picture in pictures]
    table = Table("group", "dreams named so", "undreamed named so", "else named", box=None)
    rows: list[Tensor] = []
    for group in net.groups:
        dreamer = Dreamer(subject_preset(group), net=net)
        dreams = [dreamer(picture) for picture in pictures]
        rows += dreams[:: len(CUTS)]
        named = [judge.name(dream) for dream in dreams]
        others = sorted({name for name in named if name != group}, key=named.count, reverse=True)
        table.add_row(
            group,
            f"{named.count(group) / len(named):.0%}",
            f"{plain.count(group) / len(plain):.0%}",
            ", ".join(others[:3]),
        )
    console = Console(highlight=False)
    console.print(f"{len(pictures)} pictures of {SIDE_PX} px; undreamed: {plain.count(NOTHING)} named {NOTHING}")
    console.print(table)
    torch.manual_seed(0)
    untrained = Net(DreamNet(len(net.classes) + 1), name="untrained", mean=MEAN, std=STD)
    for layer in ("s2", "s3b", "s4"):
        console.print(
            f"likeness of channels of {layer}: {likeness(judge, net, layer):.2f}, "
            f"of an untrained network's {likeness(judge, untrained, layer):.2f}"
        )
    if arguments.sheet:
        write_picture(arguments.sheet, contact_sheet(rows, len(rows) // len(net.groups)))


if __name__ == "__main__":
    main()
