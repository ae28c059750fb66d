"""The networks by name. `load_net("googlenet")` gives a `Net` that is ready to dream.

A network is added by one file of this folder that has a function `network_entries()`; nothing else names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch

from vidream.errors import NetError, close_names
from vidream.networks.entry import LoadedNetwork, NetworkEntry, WeightsState
from vidream.networks.network import Net
from vidream.runtime.modules import modules_of

__all__ = [
    "describe_net", "graph_convolutions", "has_weights", "load_net", "make_net", "net_names", "network_entry",
    "weights_state",
]  # fmt: skip

DEFAULT_NAME = "dreamnet"


def net_names() -> list[str]:
    """Names of every network that `load_net` knows: the default first, those without good layers last."""
    return list(_entries())


def network_entry(name: str) -> NetworkEntry:
    """The entry of the network `name`. Raises NetError, with close names, for one that is not there."""
    # File by file: torchvision, whose file is the last, takes seconds to load.
    for entry in _all_entries():
        if entry.name == name:
            return entry
    raise NetError(f'no network "{name}"; {close_names(name, net_names())}. List all: vidream nets')


def load_net(
    name: str = DEFAULT_NAME,
    *,
    weights: Path | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    batch_norm: str = "eval",
) -> Net:
    """Load the network `name`, frozen.

    Args:
        name: one of `net_names()`.
        weights: a file in place of the network's own weights: .safetensors, a .pth state dict, or the .pb graph of
            inception5h; never one that can run code.
        device: where it computes.
        dtype: number format that it computes in.
        batch_norm: "eval" or "train", as in `Net`.

    Raises:
        NetError: the name is unknown, the file does not fit, or a download fails.
    """
    if weights is not None and not weights.is_file():
        raise NetError(f"no weights file {weights}; give a .safetensors, .pth or .pb file, or none", argument="weights")
    entry = network_entry(name)
    # Layers are made with random weights before they get their own: the caller's random numbers go on as they were.
    with torch.random.fork_rng(devices=[]):
        loaded = entry.load(weights)
    return make_net(entry, loaded, device=device, dtype=dtype, batch_norm=batch_norm)


def describe_net(name: str) -> Net:
    """The network `name` for looking at its layers only: no weights are downloaded. Raises NetError."""
    entry = network_entry(name)
    with torch.random.fork_rng(devices=[]):
        loaded = entry.untrained()
    return make_net(entry, loaded)


def make_net(
    entry: NetworkEntry,
    loaded: LoadedNetwork,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    batch_norm: str = "eval",
) -> Net:
    """`loaded` as the `Net` that `entry` describes."""
    return Net(
        loaded.module, name=entry.name, mean=entry.mean, std=entry.std, good_layers=entry.good_layers,
        default_layers=entry.default_layers, class_layer=loaded.class_layer, classes=loaded.classes,
        groups=loaded.groups, channel_energy=loaded.channel_energy, pools_logits=loaded.pools_logits,
        device=device, dtype=dtype, batch_norm=batch_norm,
    )  # fmt: skip


def graph_convolutions(name: str) -> list[str]:
    """The convolutions of a network that came as a graph, as TensorFlow prints them; empty for others."""
    convolutions = network_entry(name).graph_convolutions
    return convolutions() if convolutions else []


def weights_state(name: str) -> WeightsState:
    """Where the weights of `name` are now. Raises NetError for an unknown name."""
    return network_entry(name).weights()


def has_weights(name: str) -> bool:
    """True where the weights of `name` are on this machine. Raises NetError for an unknown name."""
    return weights_state(name).is_here


def _all_entries() -> Iterator[NetworkEntry]:
    for module in modules_of("vidream.networks"):
        make = getattr(module, "network_entries", None)
        yield from make() if make else ()


@cache
def _entries() -> dict[str, NetworkEntry]:
    found: dict[str, NetworkEntry] = {}
    for entry in _all_entries():
        if entry.name in found:
            raise ValueError(f'two networks are called "{entry.name}"; give one another name')
        found[entry.name] = entry
    # Whatever their files are called.
    order = sorted(found.values(), key=lambda entry: (entry.name != DEFAULT_NAME, not entry.good_layers))
    return {entry.name: entry for entry in order}
