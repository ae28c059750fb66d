"""What each layer of a network gives: channels, stride, size, and its receptive field."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from vidream.networks.layer_graph import cut_after

__all__ = ["LayerInfo", "measure_layers"]

PICTURE_PX = 224
_WHOLE = (nn.Linear, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.MultiheadAttention)


@dataclass(frozen=True)
class LayerInfo:
    """One layer.

    Attributes:
        name: as presets name it.
        channels: how many.
        stride: px of the picture from one position to the next.
        size_at_224: (height, width) for a picture of 224 px.
        view_px: side of the receptive field, px; None where it is the whole picture.
    """

    name: str
    channels: int
    stride: int
    size_at_224: tuple[int, int]
    view_px: int | None


def measure_layers(module: nn.Module, layers: tuple[str, ...]) -> list[LayerInfo]:
    """Describe `layers` of `module`, from one forward pass at 224 px and from its graph."""
    extractor = cut_after(module, layers)
    with torch.no_grad():
        found = extractor(torch.zeros(1, 3, PICTURE_PX, PICTURE_PX))
    views = _views(extractor)
    return [_info(name, value, views[name]) for name, value in found.items() if _is_layer(value)]


def _is_layer(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() >= 2


def _info(name: str, value: Tensor, view: float) -> LayerInfo:
    height, width = (value.shape[-2], value.shape[-1]) if value.dim() == 4 else (1, 1)
    view_px = None if math.isinf(view) else round(view)
    return LayerInfo(name, value.shape[1], max(1, round(PICTURE_PX / width)), (height, width), view_px)


def _views(graph: fx.GraphModule) -> dict[str, float]:
    """Receptive fields in px, inf for all of the picture: r + (window - 1) * step, along the graph."""
    seen: dict[fx.Node, tuple[float, float]] = {}  # node -> (view, px between neighbouring positions)
    modules = dict(graph.named_modules())
    result: dict[str, fx.Node] = {}
    for node in graph.graph.nodes:
        if node.op == "output":
            result = node.args[0]
            continue
        inputs = [seen[each] for each in node.all_input_nodes]
        view = max((each[0] for each in inputs), default=1.0)
        step = max((each[1] for each in inputs), default=1.0)
        window, stride = _window(node, modules)
        seen[node] = (view + (window - 1) * step if window > 1 else view, step * stride)
    return {name: seen[node][0] for name, node in result.items()}


def _window(node: fx.Node, modules: dict[str, nn.Module]) -> tuple[float, int]:
    """(window, stride) of one node, in positions of what it reads; (1, 1) for what looks at one position only."""
    module = modules.get(str(node.target)) if node.op == "call_module" else None
    if module is not None:
        if any(isinstance(part, _WHOLE) for part in module.modules()):
            return math.inf, 1
        # A module may hide several layers from the graph, one after the other.
        window, step = 1, 1
        part: Any
        for part in module.modules():
            if hasattr(part, "kernel_size"):
                size, stride, dilation = (
                    value if isinstance(value, int) else max(value)
                    for value in (part.kernel_size, part.stride, getattr(part, "dilation", 1))
                )
                window, step = window + (size - 1) * dilation * step, step * stride
        return window, step
    name = getattr(node.target, "__name__", str(node.target))
    if name in ("avg_pool2d", "max_pool2d"):
        size = node.args[1] if len(node.args) > 1 else node.kwargs["kernel_size"]
        given = node.args[2] if len(node.args) > 2 else node.kwargs.get("stride")
        size = size if isinstance(size, int) else max(size)  # type: ignore[arg-type]
        return float(size), (given if isinstance(given, int) else int(size))
    if name in ("adaptive_avg_pool2d", "mean", "softmax", "scaled_dot_product_attention"):
        return math.inf, 1
    return 1, 1
