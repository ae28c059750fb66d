"""The operations that a frozen network is made of, each with its own backward pass to the picture.

A network that dreams is run forward and backward thousands of times with the same weights, and only the picture needs a
gradient. So no gradient of a weight is prepared, and gradients are summed in place where nobody else reads them.
Tensors are channels_last and of one floating type. A slot is the number of a value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

__all__ = ["Add", "Concat", "Other", "Relu", "Step", "Tape", "channels_last", "pair", "relu_backward"]


@dataclass
class Tape:
    """The values and gradients of one pass through a network.

    Attributes:
        keeps_values: a backward pass follows, so values are kept.
        values: slot -> activation.
        notes: step -> what it needs for its backward pass.
        gradients: slot -> gradient so far.
        owned: slots whose gradient may be changed in place.
    """

    keeps_values: bool
    values: dict[int, Tensor] = field(default_factory=dict)
    notes: dict[int, Any] = field(default_factory=dict)
    gradients: dict[int, Tensor] = field(default_factory=dict)
    owned: set[int] = field(default_factory=set)

    def add_gradient(self, slot: int, gradient: Tensor, *, owned: bool) -> None:
        """Add `gradient` to that of a slot. owned: nobody else reads the tensor, so it may be changed in place."""
        held = self.gradients.get(slot)
        if held is None:
            self.gradients[slot] = gradient
        elif slot in self.owned:
            held.add_(gradient)
            return
        else:
            self.gradients[slot], owned = held + gradient, True
        if owned:
            self.owned.add(slot)

    def take_gradient(self, slot: int) -> tuple[Tensor | None, bool]:
        """Remove and return the gradient of a slot, and whether it may be changed in place."""
        owned = slot in self.owned
        self.owned.discard(slot)
        return self.gradients.pop(slot, None), owned


class Step:
    """One operation.

    Attributes:
        reads: slots of its inputs.
        write: slot of its output.
    """

    def __init__(self, reads: tuple[int, ...], write: int) -> None:
        self.reads = reads
        self.write = write

    def forward(self, tape: Tape) -> None:
        """Compute `write` from `reads`."""
        raise NotImplementedError

    def backward(self, tape: Tape) -> None:
        """Take the gradient of `write` and add to those of `reads`."""
        gradient, owned = tape.take_gradient(self.write)
        if gradient is not None:
            self._backward(tape, gradient, owned)
        # Steps still to come were made before this value and do not need it.
        tape.values.pop(self.write, None)
        tape.notes.pop(id(self), None)

    def _backward(self, tape: Tape, gradient: Tensor, owned: bool) -> None:
        raise NotImplementedError


class Relu(Step):
    """A ReLU whose input is needed as it was; see `Conv` for one that is fused."""

    def forward(self, tape: Tape) -> None:
        tape.values[self.write] = tape.values[self.reads[0]].relu()

    def _backward(self, tape: Tape, gradient: Tensor, owned: bool) -> None:
        found = relu_backward(gradient, tape.values[self.write], in_place=owned)
        tape.add_gradient(self.reads[0], found, owned=True)


class Concat(Step):
    """Values joined along the channels."""

    def forward(self, tape: Tape) -> None:
        tape.values[self.write] = torch.cat([tape.values[slot] for slot in self.reads], 1)

    def _backward(self, tape: Tape, gradient: Tensor, owned: bool) -> None:
        widths = [tape.values[slot].shape[1] for slot in self.reads]
        for slot, piece in zip(self.reads, gradient.split(widths, 1), strict=True):
            tape.add_gradient(slot, piece, owned=False)


class Add(Step):
    """The sum of two values."""

    def forward(self, tape: Tape) -> None:
        first, second = (tape.values[slot] for slot in self.reads)
        tape.values[self.write] = first + second

    def _backward(self, tape: Tape, gradient: Tensor, owned: bool) -> None:
        for slot in self.reads:
            tape.add_gradient(slot, gradient, owned=False)


class Other(Step):
    """Any function of one value; autograd does its backward pass."""

    def __init__(self, read: int, write: int, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__((read,), write)
        self._function = function

    def forward(self, tape: Tape) -> None:
        x = tape.values[self.reads[0]].detach()
        with torch.set_grad_enabled(tape.keeps_values):
            if tape.keeps_values:
                x.requires_grad_()
            y = self._function(x)
        if tape.keeps_values:
            tape.notes[id(self)] = x, y
        tape.values[self.write] = y.detach()

    def _backward(self, tape: Tape, gradient: Tensor, owned: bool) -> None:
        x, y = tape.notes[id(self)]
        (found,) = torch.autograd.grad(y, x, gradient)
        tape.add_gradient(self.reads[0], found, owned=True)


def relu_backward(gradient: Tensor, output: Tensor, *, in_place: bool) -> Tensor:
    """The gradient before a ReLU from the one after it. output: what the ReLU gave."""
    found = gradient if in_place else torch.empty_like(gradient)
    return torch.ops.aten.threshold_backward.grad_input(gradient, output, 0, grad_input=found)


def pair(value: Any) -> tuple[int, int]:
    """(rows, columns) of an argument that may be one number for both."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def channels_last(value: Tensor) -> Tensor:
    """`value` with the channels of a pixel side by side in memory; a copy only where they are not."""
    return value.contiguous(memory_format=torch.channels_last)
