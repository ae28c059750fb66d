"""Objectives that make what a network sees grow: a layer, a channel, subjects among its classes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.errors import NetError, PresetError
from vidream.objectives.objective import Features, Objective, objective
from vidream.objectives.request import Request
from vidream.runtime.constants import constant

__all__ = ["channel", "class_part", "growth", "layer", "layer_part", "subject", "subject_part"]

# How clearly a place takes the class that fits it best; and a deviation of logits that is next to none, as over a blank
# wall, where chance must not choose at full strength.
CHOOSINESS, LEAST_DEVIATION = 3.0, 0.3


@objective
def layer(name: str, energy: Tensor | None = None) -> Objective:
    """Mean of the squared activations of a layer: the DeepDream objective (Mordvintsev et al. 2015).

    Args:
        name: the layer.
        energy: [C], the usual mean square of each channel, against which each is counted. Without it the few loudest
            channels of a layer decide what the whole picture becomes.
    """
    if energy is None:
        return Objective((name,), lambda features: _mean_square(features[name]))
    scale = energy.clamp(min=1e-3 * float(energy.mean())).rsqrt().view(1, -1, 1, 1)
    return Objective((name,), lambda features: _mean_square(features[name] * scale))


@objective
def channel(name: str, index: int) -> Objective:
    """Mean activation of one channel of the layer `name`.

    Raises:
        ValueError: at use, where the layer has fewer channels.
    """

    def score(features: Features) -> Tensor:
        found = features[name]
        if not 0 <= index < found.shape[1]:
            raise ValueError(f"layer {name} has channels 0 to {found.shape[1] - 1}, not {index}")
        return found[:, index].mean()

    return Objective((name,), score)


@objective
def subject(name: str, classes: Mapping[int, float], *, contrast: float = 0.7, pools_logits: bool = False) -> Objective:
    """Some classes against all others, at every position of a layer of logits [B,classes,h,w].

    Mean over positions of `sum(a_c * z_c) - contrast * logsumexp(z)`. Every place has its own mixture a of the wanted
    classes, and is drawn away from the unwanted ones; at contrast 1 the second term would let it saturate.

    a is a softmax over how much more of each class there is around a place than elsewhere: logits less their mean over
    the picture, divided by their deviation. So a class wins where it is best placed, not wherever its logit happens to
    be large, and no one motif takes the whole picture. Logits without positions [B,classes] are mixed as they are.

    Args:
        name: the layer of logits.
        classes: class number -> weight above 0, its share where all fit alike.
        contrast: share of the term against all classes, 0..1.
        pools_logits: the network was trained on the mean of its logits over the picture, so the term against all
            classes is that of the mean: a class need not win at places of its own.

    Raises:
        ValueError: no class has a weight above 0.
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
        places = tuple(range(2, logits.dim()))
        against = logits.mean(places) if pools_logits and places else logits
        return (mixture * wanted).sum(1).mean() - contrast * against.logsumexp(1).mean()

    return Objective((name,), score)


def subject_part(request: Request) -> list[Objective]:
    """The preset's `subject`: classes and groups; together they weigh as the largest weight says."""
    preset, net = request.preset, request.net
    weights = [weight for weight in preset.subject.values() if weight > 0]
    if not weights:
        return []
    wanted = net.class_weights(preset.subject)
    return [max(weights) * subject(net.class_layer, wanted, pools_logits=net.pools_logits)]


def class_part(request: Request) -> list[Objective]:
    """The preset's `class_id`: the logit of one class."""
    preset, net = request.preset, request.net
    return [channel(net.class_layer, net.class_index(preset.class_id))] if preset.class_id else []


def layer_part(request: Request) -> list[Objective]:
    """The preset's `layers`, or the network's own choice, where neither a guide nor classes take their place."""
    preset = request.preset
    names_classes = bool(preset.subject or preset.class_id)
    if preset.guide or (names_classes and not preset.layers):
        if preset.channels and not preset.guide:
            raise PresetError(
                "channels are those of layers, and with subject or class_id alone no layer grows; "
                "name layers too, or leave channels out"
            )
        return []
    return [weight * part for name, weight in request.layers.items() for part in growth(request, name)]


def growth(request: Request, name: str) -> list[Objective]:
    """What makes a layer grow: its chosen channels, or all of it. Raises NetError for a channel it does not have."""
    net, channels = request.net, request.preset.channels
    if not channels:
        return [layer(name, net.channel_energy.get(name))]
    (info,) = net.describe_layers([name])
    wrong = [index for index in channels if not 0 <= index < info.channels]
    if wrong:
        raise NetError(f"layer {name} of {net.name} has channels 0 to {info.channels - 1}, not {wrong[0]}")
    return [channel(name, index) for index in channels]


def _mean_square(values: Tensor) -> Tensor:
    # The mean of squares has its backward pass in torch's own layout: with channels last, ten times slower.
    return torch.linalg.vector_norm(values).square() / values.numel()


def _fitness(logits: Tensor) -> Tensor:
    """How well each class [B,K,h,w] fits each place, against the other places: unit deviation times CHOOSINESS."""
    if logits.dim() < 4 or logits.shape[-2:].numel() == 1:
        return logits
    around = F.avg_pool2d(F.pad(logits, (1, 1, 1, 1), mode="replicate"), 3, 1)
    mean, deviation = around.mean((2, 3), keepdim=True), around.std((2, 3), keepdim=True)
    return CHOOSINESS * (around - mean) / (deviation + LEAST_DEVIATION)
