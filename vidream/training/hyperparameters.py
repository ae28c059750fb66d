"""Hyperparameters: everything that decides what the trained network will be."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["JUDGE", "QUICK", "SHIPPED", "Hyperparameters", "Stage"]


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes:
        size_px: of the scenes, a multiple of 16.
        steps: how many.
        batch: scenes a step.
    """

    size_px: int
    steps: int
    batch: int = 64


@dataclass(frozen=True)
class Hyperparameters:
    """How a network is trained.

    Attributes:
        stages: one after the other.
        seed: of everything random.
        each: pictures painted of every motif.
        motif_px: their size.
        grounds: backgrounds made ahead.
        radius: (first, last) L2 length of the adversarial perturbation at 64x64 px (an image of n times as many numbers
            is moved sqrt(n) times as far); None trains without it.
        warm: share of all steps until the full radius is reached.
        learning_rate, weight_decay: of the optimiser.
        average: decay of the average of the weights over the last steps.
        early: share in the loss of the second, shallower head.
        widths: as in `DreamNet`.
    """

    stages: tuple[Stage, ...]
    seed: int = 0
    each: int = 240
    motif_px: int = 96
    grounds: int = 1536
    radius: tuple[float, float] | None = (2.6, 2.0)
    warm: float = 0.12
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    average: float = 0.999
    early: float = 0.3
    widths: tuple[int, ...] = (16, 48, 128, 224)

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def scaled(self, factor: float) -> Hyperparameters:
        """The same with `factor` times the steps."""
        stages = tuple(replace(stage, steps=max(1, round(stage.steps * factor))) for stage in self.stages)
        return replace(self, stages=stages)


# Small scenes first: they cost a quarter, and large structure is learned from them all the same.
SHIPPED = Hyperparameters(stages=(Stage(48, 5000, 96), Stage(64, 7000), Stage(96, 2500, 48)))
# Another shape, seed, sprites and attack: it looks at the dreams of the other and is never dreamed with.
JUDGE = Hyperparameters(
    stages=(Stage(48, 2500, 96), Stage(64, 1500)), seed=77, each=160, radius=(0.6, 0.6), widths=(24, 32, 96, 192)
)
# Minutes, for a look at new motifs.
QUICK = Hyperparameters(stages=(Stage(48, 600, 64),), each=64, motif_px=64)
