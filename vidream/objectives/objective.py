"""Objectives: what a dream climbs. Features in, one score out; they add, subtract and scale.

    0.7 * layer("inception4c") + channel("inception4d", 11)

The algebra follows feature-visualisation practice (Olah et al. 2017, lucid). Beside layers of the
net, an objective may ask for "picture", the picture itself; "source/LAYER", the features of the
frame that is dreamed; and "guide/LAYER", those of the guide pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.runtime.constants import constant

__all__ = ["Objective", "channel", "content", "guide", "layer", "style", "subject", "total_variation"]

Features = Mapping[str, Tensor]
MATCHES_AT_ONCE = 1 << 24
# How decidedly a place takes the class that fits it best; and a deviation of logits that is next to none,
# as over a blank wall, so that chance does not choose for it with all its might.
CHOOSINESS, LEAST_DEVIATION = 3.0, 0.3


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


def layer(name: str, energy: Tensor | None = None) -> Objective:
    """Mean of the squared activations of a layer: the DeepDream objective (Mordvintsev et al. 2015).

    energy: [C], the usual mean square of each channel. Each is counted against its own then: without it the
    few loudest channels of a layer decide what the whole picture becomes.
    """
    if energy is None:
        return Objective((name,), lambda features: _mean_square(features[name]))
    scale = energy.clamp(min=1e-3 * float(energy.mean())).rsqrt().view(1, -1, 1, 1)
    return Objective((name,), lambda features: _mean_square(features[name] * scale))


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

    Mean over positions of `sum(a_c * z_c) - contrast * logsumexp(z)`.  Every place has its own mixture a of the
    wanted classes, and is drawn away from the unwanted ones; at contrast 1 the second term would let it saturate.

    a is a softmax over how much more of each class there is around a place than there is elsewhere: logits
    less their mean over the picture, over their deviation.  So a class wins where it is best placed, not
    wherever its logit happens to be large, and no one motif takes the whole picture.  Logits without
    positions [B,classes] are mixed as they are.

    classes: class number -> weight above 0, its share where all fit alike.  Raises ValueError where there is none.
    """
    chosen = [(index, weight) for index, weight in classes.items() if weight > 0]
    if not chosen:
        raise ValueError("subject needs at least one class with a weight above 0")

    numbers, log_weights = tuple(index for index, _ in chosen), tuple(math.log(weight) for _, weight in chosen)

    def score(features: Features) -> Tensor:
        logits = features[name]
        log_weight = constant(log_weights, logits.device)
        wanted = logits[:, constant(numbers, logits.device, torch.int64)]
        with torch.no_grad():
            mixture = (_fitness(wanted) + log_weight.view(1, -1, *[1] * (logits.dim() - 2))).softmax(1)
        return ((mixture * wanted).sum(1) - contrast * logits.logsumexp(1)).mean()

    return Objective((name,), score)


def _mean_square(values: Tensor) -> Tensor:
    # The mean of squares goes back through a tensor in torch's own layout: with channels last, ten times slower.
    return torch.linalg.vector_norm(values).square() / values.numel()


def _fitness(logits: Tensor) -> Tensor:
    """How well each class [B,K,h,w] fits each place, against the other places: unit deviation times CHOOSINESS."""
    if logits.dim() < 4 or logits.shape[-2:].numel() == 1:
        return logits
    around = F.avg_pool2d(F.pad(logits, (1, 1, 1, 1), mode="replicate"), 3, 1)
    mean, deviation = around.mean((2, 3), keepdim=True), around.std((2, 3), keepdim=True)
    return CHOOSINESS * (around - mean) / (deviation + LEAST_DEVIATION)


def guide(name: str) -> Objective:
    """Take on the features of a guide: each position is drawn to the guide's position most like it.

    Mean of x * y over positions and channels, where y is, of all positions of all guides, the one
    with the largest dot product with x (Mordvintsev et al. 2015, google/deepdream `dream.ipynb`).
    """

    def score(features: Features) -> Tensor:
        own, guides = features[name], features[f"guide/{name}"]
        candidates = guides.transpose(0, 1).flatten(1)
        matched = [_best_matches(one.flatten(1), candidates).view_as(one) for one in own.detach()]
        return (own * torch.stack(matched)).mean()

    return Objective((name, f"guide/{name}"), score)


def style(name: str) -> Objective:
    """Minus the squared difference of Gram matrices to the guide's, as a share of the guide's own.

    Gatys et al. 2015, arXiv:1508.06576.  Several guides share one mean Gram matrix.
    """

    def score(features: Features) -> Tensor:
        wanted = _gram(features[f"guide/{name}"]).mean(0, keepdim=True)
        return -(_gram(features[name]) - wanted).square().mean() / wanted.square().mean().clamp(min=1e-12)

    return Objective((name, f"guide/{name}"), score)


def content(name: str) -> Objective:
    """Minus the squared difference to the frame's own features, as a share of those (Gatys et al. 2015)."""

    def score(features: Features) -> Tensor:
        wanted = features[f"source/{name}"]
        return -(features[name] - wanted).square().mean() / wanted.square().mean().clamp(min=1e-12)

    return Objective((name, f"source/{name}"), score)


def total_variation() -> Objective:
    """Minus the mean squared difference of neighbouring pixels: climbing it smooths the picture."""

    def score(features: Features) -> Tensor:
        picture = features["picture"]
        across = (picture[..., 1:] - picture[..., :-1]).square().mean()
        return -across - (picture[..., 1:, :] - picture[..., :-1, :]).square().mean()

    return Objective(("picture",), score)


def _best_matches(own: Tensor, candidates: Tensor) -> Tensor:
    """For each column of `own` [C,N] the column of `candidates` [C,M] with the largest dot product: [C,N]."""
    # In slices: all N x M products of a big frame at once would take gigabytes.
    columns = max(1, MATCHES_AT_ONCE // candidates.shape[1])
    best = [(part.T @ candidates).argmax(1) for part in own.split(columns, dim=1)]
    return candidates[:, torch.cat(best)]


def _gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]
