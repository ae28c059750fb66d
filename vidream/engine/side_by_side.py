"""Several networks of one step at the same time, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from vidream.runtime.threads import use_threads

__all__ = ["SideBySide", "leaves_room", "threads_each"]

T = TypeVar("T")
# With fewer threads than this, and pictures of at most so many px, one is left to what runs beside the dream: optical
# flow, decoder and encoder. Taken from them it brings the dream little, since waits take most of so small a step.
FEW_THREADS, SMALL_PX = 4, 320 * 240


def threads_each(networks: int, pixels: int) -> int:
    """How many OpenMP threads each network of a step gets on the processor. Its pictures depend on them to the bit.

    It follows from the calling thread's number and the picture's size alone, never from what else the machine does:
    the same settings must give the same film.

    Args:
        networks: how many a step has.
        pixels: height times width of the dream.
    """
    threads = torch.get_num_threads()
    if networks > 1:
        return max(1, threads // networks)
    return max(1, threads - 1) if threads < FEW_THREADS and pixels <= SMALL_PX else threads


def leaves_room(networks: int, pixels: int) -> bool:
    """True where the processor has time for other work beside a dream of so many networks and px."""
    threads = torch.get_num_threads()
    # With several OpenMP threads and few cores, what runs beside the dream takes from it what it gives.
    return threads >= FEW_THREADS or 1 == threads_each(networks, pixels) < threads


class _Share(threading.local):
    """What the calling thread has inside `SideBySide.sharing`."""

    workers: ThreadPoolExecutor | None = None


class SideBySide:
    """Shares the processor's cores out between the networks of a step.

    The operations of a network are small: OpenMP's threads meet hundreds of times in a step, and where another program
    has taken one's core, the others wait for it each time. Networks side by side meet once.
    """

    def __init__(self) -> None:
        self._own = _Share()

    @contextmanager
    def sharing(self, networks: int, picture: Tensor) -> Iterator[None]:
        """Inside, the calling thread and those of `run` have their share of the threads; for dreams on the processor.

        Args:
            networks: how many a step has.
            picture: [B,3,H,W], what is dreamed.
        """
        before = torch.get_num_threads()
        if picture.device.type != "cpu" or before == 1 or self._own.workers is not None:
            yield
            return
        threads = threads_each(networks, picture.shape[-2] * picture.shape[-1])
        # Its threads start where they are needed, and end with the block.
        with ThreadPoolExecutor(max(1, networks - 1), "vidream-network", use_threads, (threads,)) as workers:
            self._own.workers = workers
            try:
                if threads != before:
                    use_threads(threads)
                yield
            finally:
                self._own.workers = None
                if threads != before:
                    use_threads(before)

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """The results of `calls`, in their order; inside `sharing` all are made at once."""
        workers = self._own.workers
        if workers is None:
            return [call() for call in calls]
        first, *others = calls
        started = [workers.submit(call) for call in others]
        try:
            return [first(), *(each.result() for each in started)]
        finally:
            # Where one has failed, for want of memory perhaps, nothing is left running.
            wait(started)
