"""fallback: what a GPU's torch does not have yet is done on the CPU."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["or_on_cpu"]


def or_on_cpu(call: Callable[..., Tensor], *values: Tensor) -> Tensor:
    """`call(*values)`, on the CPU and back where Apple's GPUs lack a part of it.

    Which parts they have differs by release: antialiased resizing, bicubic sampling and its borders came late.
    """
    device = values[0].device
    if device.type != "mps":
        return call(*values)
    try:
        return call(*values)
    except RuntimeError as error:  # NotImplementedError is one
        if "out of memory" in str(error):
            raise
    return call(*(value.cpu() for value in values)).to(device)
