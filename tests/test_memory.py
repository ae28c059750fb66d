"""What is freed is kept for the next buffer, given back where it is asked for, and left to the user's own settings."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from vidream.runtime.memory import is_out_of_memory

CHILD = """
import resource, sys
from pathlib import Path
import torch
from vidream.runtime.memory import forget_memory, keep_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

def work():
    # The allocator's pool of kept pieces takes up to seven rounds to settle.
    for number in range(24):
        if number == 16:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        buffers = [torch.full((6 * 2**20,), 1.0) for _ in range(3)]
        del buffers
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

kept = keep_memory()
faults = work()
held = resident()
forget_memory(torch.device("cpu"))
print(int(kept), faults, (held - resident()) // 2**20)
"""


def worked(**settings: str) -> tuple[bool, int, int]:
    """Whether memory is kept, page faults of eight rounds of 72 MiB, MiB given back: in a process of its own."""
    place = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run([sys.executable, "-c", CHILD], env={**place, **settings}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept, faults, back_mib = map(int, done.stdout.split())
    return bool(kept), faults, back_mib


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator alone")
def test_freed_memory_is_kept_and_can_be_given_back():
    kept, faults, back_mib = worked()
    if not kept:
        pytest.skip("another C library than glibc")
    assert faults < 2000 and back_mib > 60
    # What it saves: with the allocator's settings in the user's hands every round asks for its pages anew.
    kept, faults, _ = worked(MALLOC_MMAP_THRESHOLD_="131072")
    assert not kept and faults > 8 * 2000


@pytest.mark.parametrize(
    "ask",
    [
        # More than an address space holds.
        lambda: torch.empty(2**50),
        lambda: np.empty(2**50),
        lambda: cv2.resize(np.zeros((8, 8), np.float32), (2**23, 2**23)),
        lambda: bytearray(2**60),
    ],
    ids=["torch", "numpy", "opencv", "python"],
)
def test_every_allocator_is_understood_where_memory_runs_out(ask):
    with pytest.raises(Exception) as caught:
        ask()
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 80.00 GiB"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4294967296 bytes."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("pin memory thread exited unexpectedly"), False),
        (OSError(28, "No space left on device"), False),
        (cv2.error("(-215:Assertion failed) !ssize.empty() in function 'resize'"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_words_of_memory_that_ran_out_are_told_from_others(error, expected):
    assert is_out_of_memory(error) is expected
