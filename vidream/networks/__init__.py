"""Networks to dream with: `Net` wraps one, `load_net` finds it by name."""

from vidream.networks.entry import NetworkEntry, WeightsPlace, WeightsState
from vidream.networks.layers import LayerInfo
from vidream.networks.network import Net
from vidream.networks.pool import NetworkPool
from vidream.networks.registry import (
    describe_net,
    graph_convolutions,
    has_weights,
    load_net,
    net_names,
    network_entry,
    weights_state,
)

__all__ = [
    "LayerInfo",
    "Net",
    "NetworkEntry",
    "NetworkPool",
    "WeightsPlace",
    "WeightsState",
    "describe_net",
    "graph_convolutions",
    "has_weights",
    "load_net",
    "net_names",
    "network_entry",
    "weights_state",
]
