"""steps: the parts that a frozen network is made of, each with its own way back to the picture.

A network that dreams is run forward and back thousands of times with the same weights, and only the picture
wants a gradient. So weights are packed once for oneDNN, in both directions, ReLU is part of the convolution
before it, gradients are added up where they are made, and autograd keeps no books.
Tensors lie channels_last, in one floating type; slots are numbers of values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "WHOLE", "Add", "Concat", "Foreign", "MeanPool", "Relu", "Silu", "Step", "Tape", "before_relu", "dense", "is_dense",
    "pair",
]  # fmt: skip

_aten = torch.ops.aten
# Floats whose bits are taken for whole numbers, which keeps the order of those that are not negative.
WHOLE = {torch.bfloat16: torch.int16, torch.float16: torch.int16}


@dataclass
class Tape:
    """One pass through a network. keeps: there is to be a way back. own: slots whose gradient may be added to."""

    keeps: bool
    values: dict[int, Tensor] = field(default_factory=dict)
    notes: dict[int, Any] = field(default_factory=dict)
    grads: dict[int, Tensor] = field(default_factory=dict)
    own: set[int] = field(default_factory=set)

    def give(self, slot: int, grad: Tensor, *, own: bool) -> None:
        """Add `grad` to the gradient of a slot. own: nobody else reads it."""
        held = self.grads.get(slot)
        if held is None:
            self.grads[slot] = grad
        elif slot in self.own:
            held.add_(grad)
            return
        else:
            self.grads[slot], own = held + grad, True
        if own:
            self.own.add(slot)

    def take(self, slot: int) -> tuple[Tensor | None, bool]:
        """The gradient of a slot, and whether it may be changed."""
        own = slot in self.own
        self.own.discard(slot)
        return self.grads.pop(slot, None), own


class Step:
    """One operation. reads, writes: slots."""

    def __init__(self, reads: tuple[int, ...], write: int) -> None:
        self.reads = reads
        self.writes: tuple[int, ...] = (write,)

    def forward(self, tape: Tape) -> None:
        raise NotImplementedError

    def backward(self, tape: Tape) -> None:
        """Take the gradients of `writes` and give those of `reads`."""
        grad, own = tape.take(self.writes[0])
        if grad is not None:
            self._back(tape, grad, own)
        # Whatever comes now was made before this value.
        for slot in self.writes:
            tape.values.pop(slot, None)
        tape.notes.pop(id(self), None)

    def _back(self, tape: Tape, grad: Tensor, own: bool) -> None:
        raise NotImplementedError


class MeanPool(Step):
    """The mean of squares of `side` px that do not overlap."""

    def __init__(self, read: int, write: int, side: int) -> None:
        super().__init__((read,), write)
        self._side = side

    def forward(self, tape: Tape) -> None:
        tape.values[self.writes[0]] = F.avg_pool2d(tape.values[self.reads[0]], self._side)

    def _back(self, tape: Tape, grad: Tensor, own: bool) -> None:
        x, side = tape.values[self.reads[0]], self._side
        found = torch.empty_like(x)
        rows, columns = grad.shape[-2] * side, grad.shape[-1] * side
        if (rows, columns) != tuple(x.shape[-2:]):
            found.zero_()
        share = grad * (1.0 / side**2)
        inside = found[..., :rows, :columns]
        for top in range(side):
            for left in range(side):
                inside[..., top::side, left::side] = share
        tape.give(self.reads[0], found, own=True)


class Relu(Step):
    """Negative values cut off, where the value before is needed as it was."""

    def forward(self, tape: Tape) -> None:
        tape.values[self.writes[0]] = tape.values[self.reads[0]].relu()

    def _back(self, tape: Tape, grad: Tensor, own: bool) -> None:
        tape.give(self.reads[0], before_relu(grad, tape.values[self.writes[0]]), own=True)


class Silu(Step):
    """x * sigmoid(x)."""

    def forward(self, tape: Tape) -> None:
        tape.values[self.writes[0]] = F.silu(tape.values[self.reads[0]])

    def _back(self, tape: Tape, grad: Tensor, own: bool) -> None:
        tape.give(self.reads[0], _aten.silu_backward(grad, tape.values[self.reads[0]]), own=True)


class Concat(Step):
    """Values side by side, as channels."""

    def __init__(self, reads: tuple[int, ...], write: int) -> None:
        super().__init__(reads, write)

    def forward(self, tape: Tape) -> None:
        tape.values[self.writes[0]] = torch.cat([tape.values[slot] for slot in self.reads], 1)

    def _back(self, tape: Tape, grad: Tensor, own: bool) -> None:
        widths = [tape.values[slot].shape[1] for slot in self.reads]
        for slot, piece in zip(self.reads, grad.split(widths, 1), strict=True):
            tape.give(slot, piece, own=False)


class Add(Step):
    """The sum of two values."""

    def __init__(self, reads: tuple[int, int], write: int) -> None:
        super().__init__(reads, write)

    def forward(self, tape: Tape) -> None:
        first, second = (tape.values[slot] for slot in self.reads)
        tape.values[self.writes[0]] = first + second

    def _back(self, tape: Tape, grad: Tensor, own: bool) -> None:
        for slot in self.reads:
            tape.give(slot, grad, own=False)


class Foreign(Step):
    """Any module: autograd keeps the book of this one."""

    def __init__(self, read: int, write: int, module: nn.Module) -> None:
        super().__init__((read,), write)
        self._module = module

    def forward(self, tape: Tape) -> None:
        x = tape.values[self.reads[0]].detach()
        with torch.set_grad_enabled(tape.keeps):
            if tape.keeps:
                x.requires_grad_()
            y = self._module(x)
        if tape.keeps:
            tape.notes[id(self)] = x, y
        tape.values[self.writes[0]] = y.detach()

    def _back(self, tape: Tape, grad: Tensor, own: bool) -> None:
        x, y = tape.notes[id(self)]
        (found,) = torch.autograd.grad(y, x, grad)
        tape.give(self.reads[0], found, own=True)


def before_relu(grad: Tensor, value: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The gradient before a ReLU from that after it. value: what the ReLU gave.  out: where it goes."""
    bits = WHOLE.get(grad.dtype)
    found = torch.empty_like(grad) if out is None else out
    # On whole numbers this is half the work: torch widens 16-bit floats for every operation.
    views = [each if bits is None else each.view(bits) for each in (grad, value, found)]
    _aten.threshold_backward.grad_input(views[0], views[1], 0, grad_input=views[2])
    return found


def pair(value: Any) -> tuple[int, int]:
    """(rows, columns) of an argument that may be one number for both."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def is_dense(value: Tensor) -> bool:
    """True where the channels of a pixel lie side by side, and nothing between."""
    return value.is_contiguous(memory_format=torch.channels_last)


def dense(value: Tensor) -> Tensor:
    """`value`, or a copy of it that `is_dense`."""
    return value.contiguous(memory_format=torch.channels_last)
