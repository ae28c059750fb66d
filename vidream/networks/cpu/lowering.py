"""lowering: a traced network as a list of steps, with neighbours joined where that saves work."""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from vidream.networks.cpu.conv import Conv
from vidream.networks.cpu.pools import MaxPool
from vidream.networks.cpu.steps import Add, Concat, Foreign, MeanPool, Relu, Silu, Step

__all__ = ["Lowered", "lowered"]

_RELUS = (F.relu, torch.relu, torch.relu_)
_ADDS = (operator.add, operator.iadd, torch.add)
# One value in, one out, and nothing of the picture's size remembered.
_ALONE = (
    nn.Conv2d, nn.BatchNorm2d, nn.LocalResponseNorm, nn.AdaptiveAvgPool2d, nn.AvgPool2d, nn.Hardswish, nn.Hardsigmoid,
    nn.ReLU6, nn.GELU, nn.Sigmoid, nn.MaxPool2d,
)  # fmt: skip


class Lowered:
    """Steps in their order. slots: layer -> where its value is.  last_reads: slot -> the last step that reads it."""

    def __init__(self, steps: list[Step], slots: dict[str, int]) -> None:
        self.steps, self.slots = steps, slots
        self.last_reads = {slot: step for step in steps for slot in step.reads}


def lowered(graph: fx.GraphModule) -> Lowered | None:
    """`graph`, a feature extractor with its weights in place, as steps; None where it has parts that are none.

    Slot 0 is the network's input.
    """
    maker = _Maker(graph)
    for node in graph.graph.nodes:
        if not maker.add(node):
            return None
    steps = _merged(_masked(_signed(_joined(maker.steps, maker.kept)), maker.kept))
    return Lowered(steps, maker.outputs)


class _Maker:
    """Goes through a graph node by node."""

    def __init__(self, graph: fx.GraphModule) -> None:
        self._modules = dict(graph.named_modules())
        self._slots: dict[fx.Node, int] = {}
        self.steps: list[Step] = []
        self.outputs: dict[str, int] = {}

    @property
    def kept(self) -> set[int]:
        """Slots that are asked for."""
        return set(self.outputs.values())

    def add(self, node: fx.Node) -> bool:
        """False where the node cannot be a step."""
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

    def _add_module(self, node: fx.Node, module: nn.Module, slot: int) -> bool:
        reads = self._reads(node.args)
        if reads is None or len(reads) != 1 or node.kwargs:
            return False
        read = reads[0]
        if isinstance(module, (nn.Identity, nn.Dropout)):
            self._slots[node] = read
            return True
        step: Step
        if isinstance(module, nn.Conv2d) and Conv.fits(module):
            step = Conv(module, read, slot)
        elif isinstance(module, nn.MaxPool2d) and not module.return_indices:
            step = MaxPool(read, slot, module)
        elif isinstance(module, nn.ReLU):
            step = Relu((read,), slot)
        elif isinstance(module, nn.SiLU):
            step = Silu((read,), slot)
        elif isinstance(module, _ALONE):
            # In place it would change a value that another step may read.
            if hasattr(module, "inplace"):
                module.inplace = False
            step = Foreign(read, slot, module)
        else:
            return False
        return self._append(node, step, slot)

    def _add_function(self, node: fx.Node, slot: int) -> bool:
        target = node.target
        if target is torch.cat:
            values, *rest = node.args
            where = rest[0] if rest else node.kwargs.get("dim", 0)
            reads = self._reads(values) if isinstance(values, (list, tuple)) else None
            return reads is not None and bool(where == 1) and self._append(node, Concat(reads, slot), slot)
        if target in _ADDS and not node.kwargs:
            reads = self._reads(node.args)
            return reads is not None and len(reads) == 2 and self._append(node, Add((reads[0], reads[1]), slot), slot)
        reads = self._reads(node.args[:1])
        if reads is None:
            return False
        if target in _RELUS:
            return self._append(node, Relu(reads, slot), slot)
        if target is F.avg_pool2d:
            # The plain form alone: windows side by side.
            side = node.args[1] if len(node.args) == 2 else None
            return (
                isinstance(side, int) and not node.kwargs and self._append(node, MeanPool(reads[0], slot, side), slot)
            )
        return False

    def _reads(self, values: Any) -> tuple[int, ...] | None:
        if any(not isinstance(each, fx.Node) or each not in self._slots for each in values):
            return None
        return tuple(self._slots[each] for each in values)

    def _append(self, node: fx.Node, step: Step, slot: int) -> bool:
        self._slots[node] = slot
        self.steps.append(step)
        return True


def _readers(steps: list[Step]) -> dict[int, list[Step]]:
    found: dict[int, list[Step]] = {}
    for step in steps:
        for slot in step.reads:
            found.setdefault(slot, []).append(step)
    return found


def _joined(steps: list[Step], kept: set[int]) -> list[Step]:
    """Sums and ReLUs that follow a convolution which nobody else reads become part of it."""
    readers = _readers(steps)
    made = {step.writes[0]: step for step in steps}
    places = {step.writes[0]: number for number, step in enumerate(steps)}
    gone: set[int] = set()

    def alone(slot: int) -> bool:
        return len(readers[slot]) == 1 and slot not in kept

    for number, step in enumerate(steps):
        if isinstance(step, Add):
            for read, other in (step.reads, step.reads[::-1]):
                conv = made.get(read)
                # The other one must be there when the convolution runs.
                ready = other != read and places.get(other, -1) < places.get(read, -1)
                if isinstance(conv, Conv) and not conv.is_cut and len(conv.reads) == 1 and alone(read) and ready:
                    conv.reads += (other,)
                    readers[other] = [conv if each is step else each for each in readers[other]]
                    _move(conv, step, made, places)
                    gone.add(number)
                    break
        elif isinstance(step, Relu):
            conv = made.get(step.reads[0])
            if isinstance(conv, Conv) and not conv.is_cut and alone(step.reads[0]):
                conv.is_cut = True
                _move(conv, step, made, places)
                gone.add(number)
    return [step for number, step in enumerate(steps) if number not in gone]


def _move(conv: Conv, step: Step, made: dict[int, Step], places: dict[int, int]) -> None:
    """Let `conv` write what `step` wrote."""
    places[step.writes[0]] = places[conv.writes[0]]
    conv.writes = step.writes
    made[step.writes[0]] = conv


def _signed(steps: list[Step]) -> list[Step]:
    """Tell the pools behind ReLUs that nothing there is negative; what is zero there, the ReLU gives no gradient."""
    positive: set[int] = set()
    for step in steps:
        passes = isinstance(step, (Add, Concat, MaxPool, MeanPool)) and positive.issuperset(step.reads)
        if isinstance(step, MaxPool):
            step.is_positive = passes
        if passes or isinstance(step, Relu) or (isinstance(step, Conv) and step.is_cut):
            positive.update(step.writes)
    return steps


def _masked(steps: list[Step], kept: set[int]) -> list[Step]:
    """Where pools alone read a convolution's output, they do the ReLU's part of the way back."""
    readers = _readers(steps)
    for step in steps:
        if isinstance(step, Conv) and step.is_cut and step.writes[0] not in kept:
            after = readers.get(step.writes[0], [])
            if after and all(isinstance(each, MaxPool) for each in after):
                step.masks = False
                for each in after:
                    assert isinstance(each, MaxPool)
                    each.masks = True
    return steps


def _merged(steps: list[Step]) -> list[Step]:
    """Convolutions of one pixel that read the same value, an inception block's, become one."""
    first: dict[tuple[int, bool, bool, bool], Conv] = {}
    found: list[Step] = []
    for step in steps:
        if isinstance(step, Conv) and len(step.reads) == 1 and step.kernel == (1, 1) and step.stride == (1, 1):
            key = (step.reads[0], step.is_cut, step.masks, step.bias is None)
            if key in first:
                first[key].merge(step)
                continue
            first[key] = step
        found.append(step)
    return found
