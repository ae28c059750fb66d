"""What a worker sends of a unit: its files as they come into being, small pictures, states as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.media.writers.segments import is_finished_segment
from vidream.rendering.report import COLUMNS
from vidream.rendering.saved_state import State, save_state
from vidream.temporal.stream import StreamFigures

__all__ = ["Message", "begun_state", "new_files", "packed_state", "small_picture"]

PREVIEW_SIDE_PX = 480
# What a worker tells: its kind, a number or a name, and what belongs to it.
#   ("frames", how many more, a small picture [3,h,w] uint8 or None)
#   ("marks", the first frame's number, marks of the frames read); ("cut", the frame's number, None)
#   ("segment" or "picture", the file's name, its bytes)
#   ("at", the frame's number, the state of the dream before it)
#   ("end", how many frames, the state after the last)
Message = tuple[str, Any, Any]


def new_files(segments: Path, pictures: Path, sent: set[str]) -> Iterator[Message]:
    """The content of what has come into being: a film's segments, or numbered pictures."""
    for kind, folder in (("segment", segments), ("picture", pictures)):
        for path in sorted(folder.iterdir()):
            if path.name not in sent and (kind == "picture" or is_finished_segment(path.name)):
                sent.add(path.name)
                yield kind, path.name, path.read_bytes()
                if kind == "segment":  # pictures are still to be secured by their writer
                    path.unlink()


def small_picture(picture: Tensor | None) -> Tensor | None:
    """[1,3,h,w] uint8, for a preview."""
    if picture is None:
        return None
    scale = min(1.0, PREVIEW_SIDE_PX / max(picture.shape[-2:]))
    if scale < 1:
        picture = F.interpolate(picture, scale_factor=scale, mode="area")
    return (picture * 255).round().to(torch.uint8).cpu()


def begun_state(tensors: Mapping[str, Any], numbers: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A state to go on from as the first frame of a unit: nothing is counted yet."""
    dream = {name: tensor for name, tensor in tensors.items() if name != "track"}
    counted = {**asdict(StreamFigures()), "number": numbers["number"], "dreamed": 0}
    return {**dream, "track": torch.zeros(0, len(COLUMNS))}, counted


def packed_state(state: State, position: Mapping[str, Any], folder: Path, *, whole: bool = True) -> bytes:
    """The bytes of a state; without `whole`, its figures alone."""
    tensors, numbers = state
    kept = tensors if whole else {name: tensor for name, tensor in tensors.items() if name == "track"}
    path = folder / "state"
    save_state(path, (kept, numbers), position)
    return path.read_bytes()
