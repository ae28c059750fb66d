"""Operations that torch lacks on Apple GPUs run on the CPU."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["or_on_cpu"]


def or_on_cpu(call: Callable[..., Tensor], *values: Tensor) -> Tensor:
    """`call(*values)`; on Apple GPUs that lack one of its operations, the same on the CPU, and the result moved back.

    Which operations exist differs by release of torch: antialiased resizing, bicubic sampling and borders came late.
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
