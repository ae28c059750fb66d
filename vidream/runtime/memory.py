"""Memory: how much is free, how running out is recognised, how freed buffers are kept and returned."""

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
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_ALWAYS_KEPT_BYTES = 2**31 - 1
# Some versions take no more than the second.
_LARGEST_KEPT_BYTES = (2**30, 2**25)
# Messages of torch's CPU allocator, oneDNN, cuBLAS, OpenCV and the system when no memory is left.
_RAN_OUT = re.compile(
    r"(out of|insufficient|not enough|allocate) memory|create a memory object|bad allocation|alloc_failed",
    re.IGNORECASE,
)
_USER_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES")


def free_memory_bytes(device: torch.device) -> int | None:
    """Free memory of `device` in bytes; None where the system does not say."""
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
    """True where `error` says that memory ran out: by its class, or by its message for allocators without a class."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return isinstance(error, (RuntimeError, OSError, cv2.error)) and bool(_RAN_OUT.search(str(error)))


@cache
def keep_memory() -> bool:
    """Have this process keep freed buffers for the next ones. The commands do this; the library never does.

    glibc returns every large buffer to the system at once, and the next one has a page fault for each page: 2,800 in a
    step at 640x360, which is a tenth of its time. Threads share one heap: from heaps of their own, large buffers go
    back all the same, which takes a third of a step at 1280x720 and half of one at 3840x2160. Settings in the
    environment (MALLOC_TRIM_THRESHOLD_ and others) stay.

    Returns:
        False where it is not possible (another C library), or where the environment has settings.
    """
    if any(name in os.environ for name in _USER_SETTINGS):
        return False
    glibc = _glibc()
    if glibc is None:
        return False
    kept = glibc.mallopt(_TRIM_THRESHOLD, _ALWAYS_KEPT_BYTES) and glibc.mallopt(_ARENA_MAX, 1)
    return bool(kept and any(glibc.mallopt(_MMAP_THRESHOLD, largest) for largest in _LARGEST_KEPT_BYTES))


def forget_memory(device: torch.device) -> None:
    """Return the memory of `device` that is kept for later buffers."""
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
