"""The weights of inception5h from the user's own file: the frozen TensorFlow graph, or a state dict of a torch port."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from vidream.errors import NetError
from vidream.networks.entry import LoadedNetwork, NetworkEntry, WeightsPlace, WeightsState
from vidream.networks.graphdef import GraphError, Node, read_graph
from vidream.networks.inception5h import (
    DEFAULT_LAYER,
    GOOD_LAYERS,
    MEAN,
    OPTIONAL,
    STD,
    STEPS,
    Inception5h,
    Weights,
    conv_shapes,
    untrained_inception5h,
)
from vidream.networks.tensorflow_layers import LocalNorm, torch_weight
from vidream.networks.weights import read_state

__all__ = ["load_inception5h", "network_entries"]

GRAPH_FILE = "tensorflow_inception_graph.pb"


def network_entries() -> tuple[NetworkEntry, ...]:
    """The entry of inception5h; its weights are the user's own file."""
    return (
        NetworkEntry(
            name="inception5h",
            load=_loaded,
            untrained=lambda: LoadedNetwork(untrained_inception5h()),
            weights=lambda: WeightsState(WeightsPlace.FILE_NEEDED, file_hint=GRAPH_FILE),
            mean=MEAN,
            std=STD,
            good_layers=GOOD_LAYERS,
            default_layers={DEFAULT_LAYER: 1.0},
            graph_convolutions=lambda: [f"{each.name}  {each.shape}" for each in conv_shapes(untrained_inception5h())],
        ),
    )


def _loaded(weights: Path | None) -> LoadedNetwork:
    if weights is None:
        raise NetError("inception5h needs a file of yours: its graph, or a .pth of it", use={"weights": GRAPH_FILE})
    return LoadedNetwork(load_inception5h(weights))


def load_inception5h(path: Path) -> Inception5h:
    """The network from the user's file: `tensorflow_inception_graph.pb`, or its weights as .pth or .safetensors.

    Keys of a state dict: those of torch ports ("mixed3a_1x1_pre_relu_conv.weight") or of this module
    ("mixed3a_1x1_pre_relu.weight"), or the graph's ("mixed3a_1x1_w", laid out as there). Nothing in the
    file is run.  Raises NetError for a file that is missing, broken, another one, or does not fit.
    """
    try:
        if path.suffix.lower() in (".pth", ".pt", ".safetensors"):
            return Inception5h(_state_weights(_usable(read_state(path))))
        nodes = read_graph(path)
        module = Inception5h(_graph_weights(nodes), norms=_graph_norms(nodes))
        missing = [name for name in module.layer_names if name not in nodes]
        if missing:
            raise GraphError(f"it misses node {missing[0]}{_and_more(missing)}: is it truncated?")
        return module
    except OSError as error:
        raise NetError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:  # GraphError, and what Inception5h says of the weights
        stop = "" if str(error).endswith("?") else "."
        raise NetError(
            f"no inception5h in {path}: {error}{stop} Give tensorflow_inception_graph.pb, or a .pth of the same net"
        ) from None


def _graph_weights(nodes: Mapping[str, Node]) -> Weights:
    windows = {step.name: step.window for step in STEPS if step.weighted}
    names = [name for name in windows if name not in OPTIONAL or f"{name}_w" in nodes or f"{name}_b" in nodes]
    missing = [node for name in names for node in (f"{name}_w", f"{name}_b") if node not in nodes]
    if missing:
        begins = ", ".join(f'"{name}"' for name in list(nodes)[:3])
        raise GraphError(
            f"it misses node {missing[0]}{_and_more(missing)} (it begins with {begins}): "
            "is it another network's graph, or truncated?"
        )
    weights = {}
    for name in names:
        weight, bias = (torch.from_numpy(nodes[f"{name}_{part}"].tensor()) for part in "wb")
        weights[name] = torch_weight(weight, windows[name]), bias
    return weights


def _graph_norms(nodes: Mapping[str, Node]) -> dict[str, LocalNorm]:
    norms = {}
    for name in (step.name for step in STEPS if step.kind == "norm"):
        if name in nodes:  # an attribute that is not written has TensorFlow's default, not this network's
            radius, bias, alpha, beta = (
                nodes[name].number(attribute, default)
                for attribute, default in (("depth_radius", 5), ("bias", 1.0), ("alpha", 1.0), ("beta", 0.5))
            )
            norms[name] = LocalNorm(int(radius) if 0 <= radius <= 1000 else -1, bias, alpha, beta)
    return norms


def _state_weights(state: Mapping[str, Tensor]) -> Weights:
    weights: dict[str, tuple[Tensor, Tensor]] = {}
    for step in (step for step in STEPS if step.weighted):
        product = "conv" if step.kind == "conv" else "matmul"
        stems = [stem for stem in (f"{step.before}_{product}", step.before) if f"{stem}.weight" in state]
        if stems:
            keys = f"{stems[0]}.weight", f"{stems[0]}.bias"
            weight = state[keys[0]]
            # torch ports flatten the map before a side head's matrix in an order of their own.
            if weight.dim() == 2 and step.window > 1:
                continue
            weight = weight[..., None, None] if weight.dim() == 2 else weight
        elif f"{step.name}_w" in state:
            keys = f"{step.name}_w", f"{step.name}_b"
            weight = torch_weight(state[keys[0]], step.window)
        elif step.name in OPTIONAL:
            continue
        else:
            raise ValueError(f"it misses {step.before}_{product}.weight: is it another network's file?")
        if keys[1] not in state:
            raise ValueError(f"it has {keys[0]} but misses {keys[1]}")
        weights[step.name] = weight.contiguous(), state[keys[1]]
    return weights


def _usable(state: dict[str, Tensor]) -> dict[str, Tensor]:
    # Counters, quantised and sparse tensors are no weights of this network; without them it misses a key, and says so.
    plain = {k: v for k, v in state.items() if v.is_floating_point() and v.layout is torch.strided and not v.is_meta}
    return {key: value.detach().float() for key, value in plain.items()}


def _and_more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
