"""What is freed is kept for the next buffer, given back where it is asked for, and left to the user's own settings."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CHILD = """
import resource, sys
from pathlib import Path
import torch
from vidream.memory import forget_memory, keep_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

def work():
    for number in range(12):
        if number == 4:
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
