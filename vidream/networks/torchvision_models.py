"""torchvision's classifiers, all of them; their weights are downloaded at first use."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from vidream.errors import NetError
from vidream.networks.entry import LoadedNetwork, NetworkEntry, WeightsPlace, WeightsState
from vidream.networks.weights import fill, read_state

__all__ = ["network_entries", "published_state", "untrained_module"]

# Where dreams are best, shallow to deep, and the layer for a preset that names none.
GOOD_LAYERS: dict[str, tuple[tuple[str, ...], str]] = {
    "googlenet": (
        ("conv2", "conv3", "inception3a", "inception3b", "inception4a", "inception4b", "inception4c",
         "inception4d", "inception4e", "inception5a", "inception5b"),
        "inception4c",
    ),
    "resnet50": (("layer1", "layer2", "layer3", "layer4"), "layer3"),
    "vgg16": (("features.15", "features.22", "features.25", "features.27", "features.29"), "features.22"),
    "vgg19": (("features.17", "features.26", "features.29", "features.31", "features.35"), "features.26"),
    "inception_v3": (("Mixed_5b", "Mixed_5d", "Mixed_6a", "Mixed_6c", "Mixed_6e", "Mixed_7a"), "Mixed_5d"),
    "alexnet": (("features.4", "features.7", "features.9", "features.11"), "features.9"),
    "squeezenet1_1": (("features.4", "features.7", "features.9", "features.10", "features.12"), "features.10"),
    "densenet121": (("features.denseblock2", "features.denseblock3", "features.denseblock4"), "features.denseblock3"),
    "mobilenet_v3_large": (("features.6", "features.10", "features.12", "features.15"), "features.12"),
    "efficientnet_b0": (("features.3", "features.4", "features.5", "features.6"), "features.5"),
    "convnext_tiny": (("features.1", "features.3", "features.5", "features.7"), "features.5"),
}  # fmt: skip
INCEPTIONS = ("googlenet", "inception_v3")
# Heads that only training uses; published files carry them.
_TRAINING_HEADS = ("aux1.", "aux2.", "AuxLogits.")


def network_entries() -> Iterator[NetworkEntry]:
    """One entry for each classifier, those with good layers first."""
    known = torchvision.models.list_models(module=torchvision.models)
    for name in [*GOOD_LAYERS, *(each for each in known if each not in GOOD_LAYERS)]:
        recipe = _published(name).transforms()
        # The Inceptions' weights expect -1..1: torchvision's transform_input, done here in one step.
        mean, std = ((0.5,) * 3, (0.5,) * 3) if name in INCEPTIONS else (recipe.mean, recipe.std)
        good, default = GOOD_LAYERS.get(name, ((), ""))
        yield NetworkEntry(
            name=name,
            load=partial(_load, name),
            untrained=partial(_untrained, name),
            weights=partial(_weights, name),
            mean=tuple(mean),
            std=tuple(std),
            good_layers=good,
            default_layers={default: 1.0} if default else {},
        )


def untrained_module(name: str) -> nn.Module:
    """The module of `name` with random weights, without the heads that only training uses."""
    # The Inceptions would add those heads, and a slow random start.
    unused = ("aux_logits", "init_weights", "transform_input") if name in INCEPTIONS else ()
    return torchvision.models.get_model(name, weights=None, **dict.fromkeys(unused, False))


def published_state(name: str) -> dict[str, Tensor]:
    """The published weights of `name`, downloaded where they are not here yet. Raises NetError."""
    try:
        return dict(_published(name).get_state_dict(progress=True, check_hash=True))
    except OSError as error:  # urllib's URLError and HTTPError are OSErrors
        raise NetError(
            f"{name} downloads its weights at first use, and that failed ({error}); "
            "try again when connected, or give a file of weights",
            use={"net": "dreamnet"},
        ) from None


def _published(name: str) -> WeightsEnum:
    return torchvision.models.get_model_weights(name)["DEFAULT"]


def _weights(name: str) -> WeightsState:
    published = _published(name)
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(published.url).name
    if file.is_file():
        return WeightsState(WeightsPlace.CACHED, file, published.url, file.stat().st_size)
    megabytes = published.meta.get("_file_size")
    size_bytes = None if megabytes is None else round(megabytes * 2**20)
    return WeightsState(WeightsPlace.DOWNLOADABLE, None, published.url, size_bytes)


def _untrained(name: str) -> LoadedNetwork:
    return LoadedNetwork(untrained_module(name), classes=_published(name).meta["categories"])


def _load(name: str, weights: Path | None) -> LoadedNetwork:
    found = _untrained(name)
    state = read_state(weights) if weights else published_state(name)
    state = {key: value for key, value in state.items() if not key.startswith(_TRAINING_HEADS)}
    fill(found.module, state, name=name, path=weights)
    return found
