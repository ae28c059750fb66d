"""Networks to dream with: `Net` wraps one, `load_net` finds it by name."""

from vidream.networks.cpu.pools import compiled_passes
from vidream.networks.layers import LayerInfo
from vidream.networks.network import Net
from vidream.networks.registry import describe_net, graph_convolutions, has_weights, load_net, net_names, weights_state

__all__ = [
    "LayerInfo",
    "Net",
    "compiled_passes",
    "describe_net",
    "graph_convolutions",
    "has_weights",
    "load_net",
    "net_names",
    "weights_state",
]
