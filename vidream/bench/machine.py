"""What the processor or GPU can do, and how much memory was taken."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence

import torch

from vidream.runtime.device import wait_for

__all__ = ["matrix_peak", "memory_mib", "seconds_in_turns", "seconds_of"]

# Large enough for every unit to be busy, small enough to take a moment.
MATRIX_SIDE = {"cpu": 2048}
MATRIX_SIDE_ELSEWHERE = 8192


def seconds_of(call: Callable[[], object], device: torch.device, *, budget_seconds: float, fewest: int = 3) -> float:
    """Median time of `call` after two that do not count; repeated for `budget_seconds`, at least `fewest` times."""
    return seconds_in_turns([call], device, budget_seconds=budget_seconds, fewest=fewest)[0]


def seconds_in_turns(
    calls: Sequence[Callable[[], object]], device: torch.device, *, budget_seconds: float, fewest: int = 3
) -> list[float]:
    """Median time of each of `calls`, one after the other and again, so that a busy machine is busy for all of them."""
    for call in [*calls, *calls]:
        call()
    wait_for(device)
    taken: list[list[float]] = [[] for _ in calls]
    deadline = time.perf_counter() + budget_seconds
    while len(taken[0]) < fewest or time.perf_counter() < deadline:
        for call, times in zip(calls, taken, strict=True):
            begun = time.perf_counter()
            call()
            wait_for(device)
            times.append(time.perf_counter() - begun)
    return [statistics.median(times) for times in taken]


def matrix_peak(device: torch.device, dtype: torch.dtype, *, budget_seconds: float = 0.5) -> float:
    """Operations a second of torch's own product of large matrices: what can be reached, not what is printed."""
    side = MATRIX_SIDE.get(device.type, MATRIX_SIDE_ELSEWHERE)
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / seconds_of(lambda: a @ b, device, budget_seconds=budget_seconds)


def memory_mib(device: torch.device) -> float | None:
    """Most memory that was taken so far: the GPU's by torch, or this process's own. None where it is not told."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if device.type == "mps":
        return torch.mps.driver_allocated_memory() / 2**20
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10
