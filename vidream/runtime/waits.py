"""How OpenMP's threads wait for each other between parallel regions: awake or asleep, whichever is quicker just now.

A thread that waits awake goes on at once when the others are done. But where another program takes the core of one of
them, all others burn their time waiting for it: beside one busy program on two cores a step takes five to nine times as
long. Threads that sleep leave their cores to others, and take a tenth to a half longer on a quiet machine. How they
wait changes no result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import torch

from vidream.runtime.threads import is_gnu_openmp

__all__ = ["AdaptiveWaits", "adapt_waits", "timed_step"]

# A trial of the other way is some steps long, and given up at a step that takes so many times as long as usual.
TRIAL_STEPS, GIVEN_UP_AT = 3, 1.1
# It is better where it takes less than this share of the time.
BETTER_BELOW = 0.85
# A trial comes soon after steps that take so many times as long as before, and otherwise in ever longer intervals.
SUDDEN, SOON_SECONDS, FIRST_SECONDS, LONGEST_SECONDS = 1.7, 0.5, 1.0, 16.0


class AdaptiveWaits:
    """Chooses how threads wait from the time that steps take, while they are made.

    Args:
        set_asleep: has threads wait asleep (True) or awake.
        clock: the time in seconds.

    Attributes:
        is_asleep: how they wait now.
    """

    def __init__(self, set_asleep: Callable[[bool], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self.is_asleep = False
        self._set_asleep, self._clock = set_asleep, clock
        # Seconds of each kind in the present way: of late, and the least since the last decision.
        self._usual: dict[Hashable, float] = {}
        self._best: dict[Hashable, float] = {}
        self._seen: set[Hashable] = set()
        self._tried: list[tuple[Hashable, float]] | None = None
        self._interval = FIRST_SECONDS
        self._decided_at = clock()

    @contextmanager
    def timed(self, kind: Hashable) -> Iterator[None]:
        """Do a step of a kind inside: all steps of a kind are as much work."""
        begun = self._clock()
        yield
        self.note(kind, self._clock() - begun)

    def note(self, kind: Hashable, seconds: float) -> None:
        """A step of a kind took so long."""
        if kind not in self._seen:
            # oneDNN compiles its code at the first step of each size.
            self._seen.add(kind)
            return
        if self._tried is not None:
            self._note_trial(self._tried, kind, seconds)
            return
        usual = self._usual[kind] = (self._usual.get(kind, seconds) + seconds) / 2
        best = self._best[kind] = min(self._best.get(kind, usual), usual)
        since = self._clock() - self._decided_at
        if since >= self._interval or (since >= SOON_SECONDS and usual > SUDDEN * best):
            self._tried = []
            self._wait_asleep(not self.is_asleep)

    def _note_trial(self, tried: list[tuple[Hashable, float]], kind: Hashable, seconds: float) -> None:
        usual = self._usual.get(kind)
        if usual is None:
            return  # nothing to compare it with
        tried.append((kind, seconds))
        is_slow = seconds > GIVEN_UP_AT * usual
        if len(tried) < TRIAL_STEPS and not is_slow:
            return
        is_better = sum(each for _, each in tried) < BETTER_BELOW * sum(self._usual[name] for name, _ in tried)
        if is_better and not is_slow:
            self._usual = dict(tried)
            self._interval = FIRST_SECONDS
        else:
            self._wait_asleep(not self.is_asleep)
            self._interval = min(2 * self._interval, LONGEST_SECONDS)
        self._best = {}
        self._tried, self._decided_at = None, self._clock()

    def _wait_asleep(self, asleep: bool) -> None:
        self.is_asleep = asleep
        self._set_asleep(asleep)


class _Sleep:
    """Has GNU OpenMP's threads sleep between parallel regions, while it is on.

    GNU OpenMP lets threads wait awake for long only where all its thread pools together have no more threads than there
    are cores. One pool more, which does nothing, is enough. It belongs to a thread, and ends with it.
    """

    def __init__(self) -> None:
        self._ends: threading.Event | None = None

    def __call__(self, asleep: bool) -> None:
        if self._ends is not None:
            self._ends.set()
        self._ends = threading.Event() if asleep else None
        if self._ends is not None:
            ready = threading.Event()
            hold = threading.Thread(target=self._hold, args=(ready, self._ends), name="vidream-waits", daemon=True)
            hold.start()
            ready.wait()

    def _hold(self, ready: threading.Event, ends: threading.Event) -> None:
        # Large enough for torch to share it out between its threads, which makes the pool.
        torch.zeros(2**18).add_(1)
        ready.set()
        ends.wait()


_waits: AdaptiveWaits | None = None


def adapt_waits() -> None:
    """Have OpenMP's threads wait as is best from now on. The commands do this; the library never does.

    Where torch uses another OpenMP than GNU's, threads go on waiting as they always do.
    """
    global _waits
    if _waits is None and is_gnu_openmp():
        _waits = AdaptiveWaits(_Sleep())


@contextmanager
def timed_step(kind: Hashable, device: torch.device) -> Iterator[None]:
    """Do a step on `device` inside, of which all of this kind are as much work; see `AdaptiveWaits`."""
    if _waits is None or device.type != "cpu" or torch.get_num_threads() == 1:
        yield
    else:
        with _waits.timed(kind):
            yield
