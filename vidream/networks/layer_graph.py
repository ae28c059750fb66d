"""A network's graph, whose nodes are named by the modules that they run in, and the cut of it after some layers.

The names are those of torchvision's feature extraction, which presets and recipes use. That module is not used here:
it loads torch's compiler, two seconds of every start.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from torch import fx, nn

__all__ = ["cut_after", "layer_names"]

_REPEAT = re.compile(r"_[0-9]+$")


def layer_names(module: nn.Module) -> tuple[str, ...]:
    """Names of the graph's nodes, in the order in which they run, and of the modules that hold them.

    A module such as "inception4c" stands for its last node. `module` is in eval mode.
    """
    names: dict[str, None] = {}
    for node in _traced(module)[1].values():
        parts = node.split(".")
        for depth in range(1, len(parts) + 1):
            names.setdefault(".".join(parts[:depth]))
    return tuple(name for name in names if name != "x")


def cut_after(module: nn.Module, layers: Iterable[str]) -> fx.GraphModule:
    """What `module` computes for `layers`, and nothing else: picture -> {layer: activation}.

    The parameters are shared with `module`, which is in eval mode.

    Args:
        module: any network that torch.fx can trace.
        layers: some of `layer_names(module)`.
    """
    graph, names = _traced(module)
    last = {}
    for layer in layers:
        last[layer] = [node for node, name in names.items() if name == layer or name.startswith(layer + ".")][-1]
    _keep_every_value(module, graph)
    (output,) = (node for node in graph.nodes if node.op == "output")
    graph.erase_node(output)
    graph.output(last)
    for node in reversed(graph.nodes):
        if not node.users and node.op not in ("output", "placeholder"):
            graph.erase_node(node)
    return fx.GraphModule(module, graph, type(module).__name__)


def _keep_every_value(module: nn.Module, graph: fx.Graph) -> None:
    """Let no operation work in place: a layer's value may be asked for, and what follows would change it."""
    for part in module.modules():
        if hasattr(part, "inplace"):
            vars(part)["inplace"] = False
    for node in graph.nodes:
        if node.kwargs.get("inplace"):
            node.update_kwarg("inplace", False)


def _traced(module: nn.Module) -> tuple[fx.Graph, dict[fx.Node, str]]:
    tracer = _NamingTracer()
    return tracer.trace(module), tracer.names


class _NamingTracer(fx.Tracer):
    """Names every node "path.of.module" or "path.of.module.function"; a repeated name ends in _1, _2 and so on."""

    def __init__(self) -> None:
        # Not imported for this: a network without torchvision's operations has none to hide.
        ops = sys.modules.get("torchvision.ops")
        # Any: torch 2.14 says that it takes one module alone.
        hidden: Any = (math, ops) if ops else (math,)
        super().__init__(autowrap_modules=hidden)
        self.names: dict[fx.Node, str] = {}
        self._path = ""
        self._uses: Counter[str] = Counter()

    def is_leaf_module(self, module: nn.Module, path: str) -> bool:
        is_operation = any(each.__module__.startswith("torchvision.ops.") for each in type(module).__mro__)
        return is_operation or super().is_leaf_module(module, path)

    def call_module(
        self, module: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        before, self._path = self._path, self.path_of_module(module)
        try:
            return super().call_module(module, forward, args, kwargs)
        finally:
            self._path = before

    def create_proxy(self, kind: str, *args: Any, **kwargs: Any) -> fx.Proxy:
        proxy = super().create_proxy(kind, *args, **kwargs)
        name = self._path
        if kind != "call_module":
            name = f"{name}.{proxy.node.name}" if name else proxy.node.name
        # fx counts repeats through the whole network; these names count them in their own module.
        name = _REPEAT.sub("", name)
        uses = self._uses[name]
        self._uses[name] += 1
        self.names[proxy.node] = f"{name}_{uses}" if uses else name
        return proxy
