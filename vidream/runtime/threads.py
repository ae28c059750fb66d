"""OpenMP thread pools: how threads beside the dream share the processor with it.

GNU OpenMP, which torch uses on Linux, keeps a thread pool for every thread that ever ran a parallel region. Where all
pools together have more threads than there are cores, OpenMP stops spinning: its threads sleep between parallel
regions, and are woken hundreds of times in a gradient step. One conversion in another thread then costs the dream up
to half its speed. So the threads that dream have pools, with as many threads together as there are cores at the most
(`engine/side_by_side.py`), and all others are single-threaded.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch

__all__ = ["default_threads", "ends_thread_pools", "is_gnu_openmp", "run_single_threaded", "use_threads"]

T = TypeVar("T")
_LOCK = threading.Lock()
# omp_pause_soft of OpenMP 5.0: end the threads of the pool, keep all settings.
_PAUSE_SOFT = 1


def default_threads() -> int:
    """How many threads torch uses for a calling thread that has set no number of its own."""
    with _LOCK:
        return _in_new_thread(torch.get_num_threads)


def run_single_threaded() -> None:
    """Have torch use one thread for what the calling thread computes. Its OpenMP pool ends, where that can be."""
    use_threads(1)
    openmp = _gnu_openmp()
    if openmp is not None and ends_thread_pools():
        openmp.omp_pause_resource_all(_PAUSE_SOFT)


def ends_thread_pools() -> bool:
    """True where torch's OpenMP can end the pool of a thread; else one that has a pool keeps it, asleep."""
    openmp = _gnu_openmp()
    return openmp is not None and hasattr(openmp, "omp_pause_resource_all")


def is_gnu_openmp() -> bool:
    """True where torch's OpenMP is GNU's, as on Linux."""
    return _gnu_openmp() is not None


def use_threads(count: int) -> None:
    """Have torch use `count` threads, the calling one among them, for what the calling thread computes.

    Other threads, running or new, keep their number: `torch.set_num_threads` alone would change it for new ones.
    """
    # A thread takes the default number when it first asks for it, and would forget ours.
    torch.get_num_threads()
    openmp = _gnu_openmp()
    if openmp is not None:
        openmp.omp_set_num_threads(count)
        return
    with _LOCK:
        default = _in_new_thread(torch.get_num_threads)
        torch.set_num_threads(count)
        # The number holds for the thread that sets it, and for all threads that start later: those get the old one.
        _in_new_thread(lambda: torch.set_num_threads(default))


@cache
def _gnu_openmp() -> ctypes.CDLL | None:
    """GNU OpenMP as torch has loaded it; None where torch uses another library."""
    if sys.platform != "linux" or not hasattr(found := ctypes.CDLL(None), "GOMP_parallel"):
        return None
    return found


def _in_new_thread(call: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1, "vidream-threads") as new:
        return new.submit(call).result()
