"""sheet: contact sheets of motifs and scenes, to look at."""

from __future__ import annotations

from pathlib import Path

import torch

from vidream.media import contact_sheet, write_picture
from vidream.training.motifs import MOTIFS
from vidream.training.scenes import MotifBank, Scenes

__all__ = ["write_motif_sheet", "write_scene_sheet"]


def write_motif_sheet(
    path: Path, names: list[str] | None = None, *, each: int = 8, size_px: int = 64, per_row: int = 1, seed: int = 0
) -> None:
    """Write a sheet of the named motifs, or of all: `each` of one on mid grey, `per_row` motifs beside each other.

    Raises TargetError, and KeyError for a name there is not.
    """
    pictures, labels = [], []
    for name in names or list(MOTIFS):
        painted = MOTIFS[name].paint(each, size_px, torch.Generator().manual_seed(seed))
        pictures += list((painted[:, :3] + (1 - painted[:, 3:]) * 0.5).split(1))
        labels += [name, *[""] * (each - 1)]
    write_picture(path, contact_sheet(pictures, each * per_row, labels=labels))


def write_scene_sheet(path: Path, *, rows: int = 6, columns: int = 12, size_px: int = 96, seed: int = 0) -> None:
    """Write a sheet of scenes as the trainer sees them. Raises TargetError."""
    scenes = Scenes(MotifBank(list(MOTIFS), 2, size_px, seed=seed), torch.Generator().manual_seed(seed), grounds=128)
    write_picture(path, contact_sheet(list(scenes.batch(rows * columns, size_px).pictures.split(1)), columns))
