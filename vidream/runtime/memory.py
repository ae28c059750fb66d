"""memory: what is free of it, what running out looks like, and how it is kept and given back."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from functools import cache
from pathlib import Path

import cv2
import torch

__all__ = ["forget_memory", "free_memory_bytes", "is_out_of_memory", "keep_memory"]

# glibc's names for what `mallopt` sets.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_ALWAYS_KEPT_BYTES = 2**31 - 1
# Some versions take no more than the second.
_LARGEST_KEPT_BYTES = (2**30, 2**25)
# What torch's allocator on the CPU, its oneDNN, cuBLAS, OpenCV and the system say where nothing is left.
_RAN_OUT = re.compile(
    r"(out of|insufficient|not enough|allocate) memory|create a memory object|bad allocation|alloc_failed",
    re.IGNORECASE,
)
_OWN_WISHES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def free_memory_bytes(device: torch.device) -> int | None:
    """What is free on `device` for us to take; None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """True where `error` says that memory ran out: GPUs have a class for it, the other allocators say it in words."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return isinstance(error, (RuntimeError, OSError, cv2.error)) and bool(_RAN_OUT.search(str(error)))


@cache
def keep_memory() -> bool:
    """Have this process keep what it frees for its next buffers; False where that is not to be had, or not wanted.

    glibc gives every large buffer back to the system at once, and the next one comes as pages that are not there
    yet: a fault each, 2,800 in a step at 640x360, which is a tenth of its time. Settings of the user's own stay.
    """
    if any(name in os.environ for name in _OWN_WISHES):
        return False
    glibc = _glibc()
    if glibc is None:
        return False
    kept = glibc.mallopt(_TRIM_THRESHOLD, _ALWAYS_KEPT_BYTES)
    return bool(kept and any(glibc.mallopt(_MMAP_THRESHOLD, largest) for largest in _LARGEST_KEPT_BYTES))


def forget_memory(device: torch.device) -> None:
    """Give back what is kept of the device's memory for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    elif glibc := _glibc():
        glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    found = ctypes.CDLL(None)
    return found if hasattr(found, "mallopt") and hasattr(found, "malloc_trim") else None
