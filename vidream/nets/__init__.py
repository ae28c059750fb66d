"""Networks to dream with: `Net` wraps one, `load_net` finds it by name."""

from vidream.nets.layers import LayerInfo
from vidream.nets.net import Net
from vidream.nets.pools import compiled_passes
from vidream.nets.zoo import describe_net, graph_convolutions, has_weights, load_net, net_names, weights_state

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
