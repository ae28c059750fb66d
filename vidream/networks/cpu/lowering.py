"""A traced network as a list of steps; a sum and a ReLU behind a convolution become part of it."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from vidream.networks.cpu.conv import Conv
from vidream.networks.cpu.steps import Add, Concat, Other, Relu, Step

__all__ = ["Lowered", "UnsupportedError", "lowered"]

_RELUS = (F.relu, torch.relu, torch.relu_)
_ADDS = (operator.add, operator.iadd, torch.add)
# Modules of one input and one output that depend on nothing else.
_PLAIN_MODULES = (
    nn.Conv2d, nn.BatchNorm2d, nn.LocalResponseNorm, nn.AdaptiveAvgPool2d, nn.AvgPool2d, nn.Hardswish, nn.Hardsigmoid,
    nn.ReLU6, nn.GELU, nn.Sigmoid, nn.SiLU, nn.MaxPool2d,
)  # fmt: skip


class UnsupportedError(Exception):
    """A part of the network that has no step; its text names the part."""


class Lowered:
    """Steps in their order.

    Attributes:
        steps: the operations.
        slots: layer -> the slot of its value.
        last_reads: slot -> the last step that reads it.
    """

    def __init__(self, steps: list[Step], slots: dict[str, int]) -> None:
        self.steps, self.slots = steps, slots
        self.last_reads = {slot: step for step in steps for slot in step.reads}


def lowered(graph: fx.GraphModule) -> Lowered:
    """`graph`, a feature extractor with its weights in place, as steps. Slot 0 is the network's input.

    Raises:
        UnsupportedError: a part of the network has no step.
    """
    maker = _Maker(graph)
    for node in graph.graph.nodes:
        if not maker.add(node):
            raise UnsupportedError(maker.describe(node))
    return Lowered(_fused(maker.steps, set(maker.outputs.values())), maker.outputs)


class _Maker:
    """Turns the nodes of a graph into steps, one by one."""

    def __init__(self, graph: fx.GraphModule) -> None:
        self._modules = dict(graph.named_modules())
        self._slots: dict[fx.Node, int] = {}
        self.steps: list[Step] = []
        self.outputs: dict[str, int] = {}

    def add(self, node: fx.Node) -> bool:
        """Return False where the node cannot be a step."""
        if node.op == "output":
            found = node.args[0]
            if not isinstance(found, dict) or any(each not in self._slots for each in found.values()):
                return False
            self.outputs = {str(name): self._slots[each] for name, each in found.items()}
            return True
        slot = len(self._slots)
        if node.op == "placeholder":
            self._slots[node] = slot
            return slot == 0
        if node.op == "call_module":
            return self._add_module(node, self._modules[str(node.target)], slot)
        return node.op == "call_function" and self._add_function(node, slot)

    def describe(self, node: fx.Node) -> str:
        """The node in a few words: "LayerNorm at features.1"."""
        if node.op == "call_module":
            return f"{type(self._modules[str(node.target)]).__name__} at {node.target}"
        return f"{getattr(node.target, '__name__', node.target)} at {node.name}"

    def _add_module(self, node: fx.Node, module: nn.Module, slot: int) -> bool:
        reads = self._reads(node.args)
        if reads is None or len(reads) != 1 or node.kwargs:
            return False
        if isinstance(module, (nn.Identity, nn.Dropout)):
            self._slots[node] = reads[0]
            return True
        if isinstance(module, nn.Conv2d) and Conv.fits(module):
            return self._append(node, Conv(module, reads[0], slot))
        if isinstance(module, nn.ReLU):
            return self._append(node, Relu(reads, slot))
        if not isinstance(module, _PLAIN_MODULES) or getattr(module, "return_indices", False):
            return False
        # In place it would change a value that another step may read.
        if hasattr(module, "inplace"):
            module.inplace = False
        return self._append(node, Other(reads[0], slot, module))

    def _add_function(self, node: fx.Node, slot: int) -> bool:
        target = node.target
        if target is torch.cat:
            values, *rest = node.args
            axis = rest[0] if rest else node.kwargs.get("dim", 0)
            reads = self._reads(values) if isinstance(values, (list, tuple)) else None
            return reads is not None and bool(axis == 1) and self._append(node, Concat(reads, slot))
        if target in _ADDS and not node.kwargs:
            reads = self._reads(node.args)
            return reads is not None and len(reads) == 2 and self._append(node, Add(reads, slot))
        reads = self._reads(node.args[:1])
        if reads is None:
            return False
        if target in _RELUS:
            return self._append(node, Relu(reads, slot))
        if target is F.avg_pool2d:
            # The plain form alone: windows side by side.
            side = node.args[1] if len(node.args) == 2 else None
            plain = isinstance(side, int) and not node.kwargs
            return plain and self._append(node, Other(reads[0], slot, partial(F.avg_pool2d, kernel_size=side)))
        return False

    def _reads(self, values: Any) -> tuple[int, ...] | None:
        if any(not isinstance(each, fx.Node) or each not in self._slots for each in values):
            return None
        return tuple(self._slots[each] for each in values)

    def _append(self, node: fx.Node, step: Step) -> bool:
        self._slots[node] = step.write
        self.steps.append(step)
        return True


def _fused(steps: list[Step], outputs: set[int]) -> list[Step]:
    """Move sums and ReLUs into the convolution before them, where nobody else reads its output."""
    readers: dict[int, list[Step]] = {}
    for step in steps:
        for slot in step.reads:
            readers.setdefault(slot, []).append(step)
    made = {step.write: step for step in steps}
    places = {step.write: number for number, step in enumerate(steps)}
    gone: set[int] = set()

    def open_conv(slot: int) -> Conv | None:
        """The convolution that makes `slot`, where it may take in what comes next."""
        conv = made.get(slot)
        is_open = isinstance(conv, Conv) and not conv.has_relu and len(readers[slot]) == 1 and slot not in outputs
        return conv if isinstance(conv, Conv) and is_open else None

    def take_over(conv: Conv, step: Step, number: int) -> None:
        """Let `conv` write what `step` wrote, at its own place in the order."""
        places[step.write] = places[conv.write]
        conv.write = step.write
        made[step.write] = conv
        gone.add(number)

    for number, step in enumerate(steps):
        if isinstance(step, Add):
            for read, other in (step.reads, step.reads[::-1]):
                conv = open_conv(read)
                # The other value must be there when the convolution runs.
                ready = other != read and places.get(other, -1) < places.get(read, -1)
                if conv is not None and len(conv.reads) == 1 and ready:
                    conv.reads += (other,)
                    readers[other] = [conv if each is step else each for each in readers[other]]
                    take_over(conv, step, number)
                    break
        elif isinstance(step, Relu) and (conv := open_conv(step.reads[0])) is not None:
            conv.has_relu = True
            take_over(conv, step, number)
    return [step for number, step in enumerate(steps) if number not in gone]
