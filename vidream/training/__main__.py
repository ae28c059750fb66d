"""`python -m vidream.training`: make the embedded network again, or look at what it learns from."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

from vidream.networks.dreamnet import WEIGHTS
from vidream.training import hyperparameters
from vidream.training.motif_sheet import write_motif_sheet, write_scene_sheet
from vidream.training.motifs import MOTIFS
from vidream.training.scenes import MotifBank, Scenes
from vidream.training.train import Figures, Trainer, channel_energy, save_dreamnet, test_accuracy

__all__ = ["main"]

RECIPES = {"shipped": hyperparameters.SHIPPED, "judge": hyperparameters.JUDGE, "quick": hyperparameters.QUICK}
HELD_OUT_SEED = 5


def main() -> None:
    """Train by a recipe and write the weights, or draw sheets of motifs and scenes."""
    parser = argparse.ArgumentParser(prog="python -m vidream.training", description=__doc__)
    parser.add_argument(
        "out", nargs="?", type=Path, default=WEIGHTS, help="weights to write (default: the shipped file)"
    )
    parser.add_argument("--recipe", choices=RECIPES, default="shipped", help="default: %(default)s")
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="times the recipe's steps")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="draw the motifs, and train nothing")
    parser.add_argument("--scenes", type=Path, metavar="PNG", help="draw scenes, and train nothing")
    arguments = parser.parse_args()
    if arguments.sheet:
        write_motif_sheet(arguments.sheet)
    if arguments.scenes:
        write_scene_sheet(arguments.scenes)
    if not (arguments.sheet or arguments.scenes):
        train(RECIPES[arguments.recipe].scaled(arguments.scale), arguments.out, arguments.device)


def train(recipe: hyperparameters.Hyperparameters, out: Path, device: str) -> None:
    """Train by `recipe`, write the weights to `out` and say how well they do on scenes held out."""
    begun = time.monotonic()
    say(f"painting {recipe.each} pictures of each of {len(MOTIFS)} motifs")
    trainer = Trainer(recipe, device=device)
    say(f"painted in {time.monotonic() - begun:.0f} s; {recipe.steps} steps")

    def report(figures: Figures) -> None:
        say(
            f"{figures.step}/{figures.steps}  loss {figures.loss:.3f}  accuracy {figures.accuracy:.3f}  "
            f"{figures.scenes_a_second:.0f} scenes/s  {time.monotonic() - begun:.0f} s"
        )
        if figures.step % 500 == 0:
            # A long training that is broken off leaves the network it had.
            save_dreamnet(trainer.network(), trainer.names, recipe, out)

    net = trainer.run(report)
    fresh = MotifBank(trainer.names, 8, recipe.motif_px, seed=HELD_OUT_SEED)
    scenes = Scenes(fresh, torch.Generator().manual_seed(HELD_OUT_SEED), grounds=256)
    save_dreamnet(net, trainer.names, recipe, out, channel_energy(net, scenes))
    accuracy = test_accuracy(net, scenes, batches=16)
    say(f"{out}: names the main motif of {accuracy:.1%} of scenes made of motifs it never saw")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
