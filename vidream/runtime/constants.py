"""Constant tensors, cached on the device where they are used.

A copy to a GPU in every step would make the GPU wait for the host, and the host for the GPU.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["constant"]


@lru_cache(maxsize=256)
def constant(values: tuple[float, ...], device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """`values` as a tensor [N] on `device`: the same one each time, so never change it in place."""
    return torch.tensor(values, device=device, dtype=dtype)
