"""registry: what a motif is, and the list of them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vidream.training.canvas import UPRIGHT, Canvas, Pose

__all__ = ["MOTIFS", "Motif", "motif"]

# Painted this much larger and then averaged down: smooth edges inside the motif as well.
OVERSAMPLING = 2


@dataclass(frozen=True)
class Motif:
    """A thing that can be painted, and dreamed of. group: the subject it belongs to, such as "beasts"."""

    name: str
    group: str
    pose: Pose
    painter: Callable[[Canvas], None]

    def paint(self, count: int, size_px: int, generator: torch.Generator) -> Tensor:
        """`count` of them, each another: [count,4,size_px,size_px], RGB times alpha, and alpha, 0..1."""
        canvas = Canvas(count, size_px * OVERSAMPLING, generator, self.pose)
        self.painter(canvas)
        return torch.nn.functional.avg_pool2d(canvas.picture(), OVERSAMPLING)


MOTIFS: dict[str, Motif] = {}


def motif(group: str, pose: Pose = UPRIGHT) -> Callable[[Callable[[Canvas], None]], Callable[[Canvas], None]]:
    """Register a painter under its own name in `group`."""

    def register(painter: Callable[[Canvas], None]) -> Callable[[Canvas], None]:
        name = painter.__name__
        if name in MOTIFS:
            raise ValueError(f"two motifs are called {name}")
        MOTIFS[name] = Motif(name, group, pose, painter)
        return painter

    return register
