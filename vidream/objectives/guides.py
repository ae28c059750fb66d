"""Objectives that take features from other pictures: a guide, its style, the frame's own content."""

from __future__ import annotations

import torch
from torch import Tensor

from vidream.errors import PresetError
from vidream.objectives.activations import growth, layer
from vidream.objectives.objective import Features, Objective, objective
from vidream.objectives.request import Request

__all__ = ["content", "content_part", "guide", "guide_part", "style"]

MATCHES_AT_ONCE = 1 << 24


@objective
def guide(name: str) -> Objective:
    """Take on the features of a guide: each position is drawn to the guide's position most like it.

    Mean of x * y over positions and channels of the layer `name`, where y is, of all positions of all guides, the one
    with the largest dot product with x (Mordvintsev et al. 2015, google/deepdream `dream.ipynb`).
    """

    def score(features: Features) -> Tensor:
        own, guides = features[name], features[f"guide/{name}"]
        candidates = guides.transpose(0, 1).flatten(1)
        matched = [_best_matches(one.flatten(1), candidates).view_as(one) for one in own.detach()]
        return (own * torch.stack(matched)).mean()

    return Objective((name, f"guide/{name}"), score)


@objective
def style(name: str) -> Objective:
    """Minus the squared difference of Gram matrices to the guide's, as a share of the guide's own.

    Gatys et al. 2015, arXiv:1508.06576. Several guides share one mean Gram matrix.
    """

    def score(features: Features) -> Tensor:
        wanted = _gram(features[f"guide/{name}"]).mean(0, keepdim=True)
        return -(_gram(features[name]) - wanted).square().mean() / wanted.square().mean().clamp(min=1e-12)

    return Objective((name, f"guide/{name}"), score)


@objective
def content(name: str) -> Objective:
    """Minus the squared difference to the frame's own features, as a share of those (Gatys et al. 2015)."""

    def score(features: Features) -> Tensor:
        wanted = features[f"source/{name}"]
        return -(features[name] - wanted).square().mean() / wanted.square().mean().clamp(min=1e-12)

    return Objective((name, f"source/{name}"), score)


def content_part(request: Request) -> list[Objective]:
    """The preset's `content`, at the last of its layers, or of the network's own choice."""
    weight = request.preset.content
    return [weight * content(list(request.layers)[-1])] if weight else []


def guide_part(request: Request) -> list[Objective]:
    """The preset's `guide`, as features or with `style` as Gram matrices; `guide_share` mixes it with growth.

    Raises:
        PresetError: a field that belongs to a guide stands without one, or would have no effect.
    """
    preset = request.preset
    share = preset.guide_share
    if not preset.guide:
        if preset.style:
            raise PresetError("style needs a picture to take it from; name one in guide")
        if share != 1:
            raise PresetError("guide_share mixes a guide with the layers' own growth; name a guide, or leave it at 1")
        return []
    if preset.channels and share == 1:
        raise PresetError(
            "channels and guide do not go together at guide_share 1, where no layer grows; "
            "give guide_share below 1, or leave channels out"
        )
    parts = []
    for name, weight in request.layers.items():
        taken = preset.style * style(name) if preset.style else guide(name)
        if share == 1:
            parts.append(weight * taken)
            continue
        # x * x is what a layer gives for growing, x * y for following: halved, both pull alike.
        own = [0.5 * layer(name)] if not preset.channels and not preset.style else growth(request, name)
        mixed = share * taken
        for each in own:
            mixed = mixed + (1 - share) * each
        parts.append(weight * mixed)
    return parts


def _best_matches(own: Tensor, candidates: Tensor) -> Tensor:
    """For each column of `own` [C,N] the column of `candidates` [C,M] with the largest dot product: [C,N]."""
    # In slices: all N x M products of a big frame at once would take gigabytes.
    columns = max(1, MATCHES_AT_ONCE // candidates.shape[1])
    best = [(part.T @ candidates).argmax(1) for part in own.split(columns, dim=1)]
    return candidates[:, torch.cat(best)]


def _gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]
