"""Objectives: what a dream climbs. Features in, one score out; they add, subtract and scale.

    0.7 * layer("inception4c") + channel("inception4d", 11)

The algebra follows feature-visualisation practice (Olah et al. 2017, lucid).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

__all__ = ["Objective", "channel", "layer", "subject"]

Features = Mapping[str, Tensor]


class Objective:
    """A score of features, and the layers that it reads.

    score: features {layer: [B,C,h,w]} -> scalar tensor.  Supports `a + b`, `a - b`, `-a` and
    `number * a`.
    """

    def __init__(self, layers: tuple[str, ...], score: Callable[[Features], Tensor]) -> None:
        self.layers = layers
        self._score = score

    def __call__(self, features: Features) -> Tensor:
        return self._score(features)

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        layers = self.layers + tuple(name for name in other.layers if name not in self.layers)
        return Objective(layers, lambda features: self(features) + other(features))

    def __mul__(self, weight: float) -> Objective:
        if not isinstance(weight, (int, float)):
            return NotImplemented
        return Objective(self.layers, lambda features: self(features) * weight)

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1.0

    def __sub__(self, other: Objective) -> Objective:
        return self + -other


def layer(name: str) -> Objective:
    """Mean of the squared activations of a layer: the DeepDream objective (Mordvintsev et al. 2015)."""
    return Objective((name,), lambda features: features[name].square().mean())


def channel(name: str, index: int) -> Objective:
    """Mean activation of one channel. Raises ValueError at use where the layer has fewer channels."""

    def score(features: Features) -> Tensor:
        found = features[name]
        if not 0 <= index < found.shape[1]:
            raise ValueError(f"layer {name} has channels 0 to {found.shape[1] - 1}, not {index}")
        return found[:, index].mean()

    return Objective((name,), score)


def subject(name: str, classes: Mapping[int, float], *, contrast: float = 0.7) -> Objective:
    """Some classes against all, at every position of a layer of logits [B,classes,h,w].

    Mean over positions of `logsumexp(z_c + log w_c) - contrast * logsumexp(z)`: every place may
    choose the wanted class that it is nearest to, and is drawn away from the unwanted ones.
    At contrast 1 it is the log-probability of the set, which saturates; 0.7 goes on painting.
    classes: class number -> weight above 0.  Raises ValueError where there is none.
    """
    chosen = [(index, weight) for index, weight in classes.items() if weight > 0]
    if not chosen:
        raise ValueError("subject needs at least one class with a weight above 0")

    def score(features: Features) -> Tensor:
        logits = features[name]
        index = torch.tensor([index for index, _ in chosen], device=logits.device)
        log_weight = torch.tensor([weight for _, weight in chosen], device=logits.device).log()
        wanted = (logits[:, index] + log_weight.view(1, -1, *[1] * (logits.dim() - 2))).logsumexp(1)
        return (wanted - contrast * logits.logsumexp(1)).mean()

    return Objective((name,), score)
