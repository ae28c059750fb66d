"""threads: how those beside the dream share the processor with it.

GNU OpenMP, which torch works with, keeps a team for every thread that ever had work for one. Where all teams together
have more threads than there are cores, it lets none of them wait awake for the next share of work: each sleeps,
and is woken hundreds of times in a step. One conversion beside the dream then costs it up to half its speed.
So the thread that dreams has a team, and all others work alone.
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

__all__ = ["team_size", "work_alone", "work_in_team"]

T = TypeVar("T")
_LOCK = threading.Lock()
# OpenMP 5.0's name for giving threads back, while all that is set stays as it is.
_PAUSE_SOFT = 1


def team_size() -> int:
    """How many threads torch takes for the work of a thread that has no wish of its own."""
    with _LOCK:
        return _in_new_thread(torch.get_num_threads)


def work_alone() -> None:
    """Have torch work in the calling thread without others. A team that it had goes."""
    work_in_team(1)
    if (openmp := _gnu_openmp()) is not None and hasattr(openmp, "omp_pause_resource_all"):
        openmp.omp_pause_resource_all(_PAUSE_SOFT)


def work_in_team(size: int) -> None:
    """Have torch take `size` threads for the work of the calling thread, itself among them."""
    with _LOCK:
        usual = _in_new_thread(torch.get_num_threads)
        # A thread takes the usual number when it first asks for it, and would forget ours.
        torch.get_num_threads()
        torch.set_num_threads(size)
        # The number holds for the thread that sets it, and for all that begin later: those are to have the old one.
        _in_new_thread(lambda: torch.set_num_threads(usual))


@cache
def _gnu_openmp() -> ctypes.CDLL | None:
    """GNU OpenMP as torch has loaded it; None where torch works with another library."""
    if sys.platform != "linux" or not hasattr(found := ctypes.CDLL(None), "GOMP_parallel"):
        return None
    return found


def _in_new_thread(call: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1, "vidream-team") as new:
        return new.submit(call).result()
