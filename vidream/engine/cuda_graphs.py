"""Gradient steps recorded as CUDA graphs.

A step is some hundreds of small kernels, and on a small picture a GPU finishes each before Python has started the next.
Recorded once, as a CUDA graph, they are launched together.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["CudaRecorder", "Recorded", "Recorder", "StepGraphs"]

Work = Callable[[Tensor], Tensor]
# A step that is asked for once or twice, as under a schedule that changes the look every frame, is not worth recording.
CALLS_BEFORE = 3
# A recording holds its memory. Larger pictures keep a GPU busy without one.
MOST_GRAPHS, MOST_PIXELS = 16, 1 << 20
# Least agreement of a recording's result with the unrecorded one.
LEAST_COSINE = 0.99


@dataclass(frozen=True)
class Recorded:
    """One recording.

    Attributes:
        input: what the next replay works on.
        output: where it leaves the result.
        replay: does the work.
        work: what was recorded; kept, since a recording knows its weights by their address alone.
    """

    input: Tensor
    output: Tensor
    replay: Callable[[], None]
    work: Work


class Recorder(Protocol):
    """Records work for pictures like the one given. Raises RuntimeError where it cannot."""

    def record(self, work: Work, picture: Tensor) -> Recorded: ...


class CudaRecorder:
    """Records CUDA graphs. They share one pool of memory, since only one of them runs at a time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, work: Work, picture: Tensor) -> Recorded:
        held = picture.clone()
        graph, main = torch.cuda.CUDAGraph(), torch.cuda.current_stream(picture.device)
        # cuDNN chooses its algorithms on the first call, which a recording does not allow.
        other = torch.cuda.Stream(picture.device)
        other.wait_stream(main)
        with torch.cuda.stream(other):
            work(held)
        main.wait_stream(other)
        # Other threads may read frames ahead meanwhile, and allocate memory.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            output = work(held)
        return Recorded(held, output, graph.replay, work)


class StepGraphs:
    """Replays recordings of steps where it can, and runs the others directly.

    The first result of every recording is compared with the unrecorded one. Where they differ, or recording fails,
    nothing is recorded any more.

    Args:
        recorder: makes the recordings; None for none at all.
    """

    def __init__(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
        # One dreamer may serve several threads, and a recording has one input.
        self._lock = threading.RLock()
        self._calls: OrderedDict[Hashable, int] = OrderedDict()
        self._recorded: OrderedDict[Hashable, Recorded] = OrderedDict()

    @classmethod
    def on(cls, device: torch.device) -> StepGraphs:
        """For steps on `device`; only CUDA has recordings."""
        return cls(CudaRecorder() if device.type == "cuda" else None)

    def __len__(self) -> int:
        return len(self._recorded)

    @property
    def can_record(self) -> bool:
        """False where no step will be recorded."""
        return self._recorder is not None

    def __call__(self, kind: Hashable, work: Work, picture: Tensor) -> Tensor:
        """Return `work(picture)`. kind: work of one kind does the same to every picture of one shape."""
        if self._recorder is None or picture.shape[-2:].numel() > MOST_PIXELS:
            return work(picture)
        kind = kind, picture.shape
        with self._lock:
            recorded = self._recorded.get(kind)
            if recorded is None:
                return self._first(kind, work, picture)
            self._recorded.move_to_end(kind)
            recorded.input.copy_(picture)
            recorded.replay()
            # The next replay writes over it.
            return recorded.output.clone()

    def _first(self, kind: Hashable, work: Work, picture: Tensor) -> Tensor:
        found = work(picture)
        self._calls[kind] = self._calls.pop(kind, 0) + 1
        if self._recorder is not None and self._calls[kind] >= CALLS_BEFORE:
            self._record(self._recorder, kind, work, picture, found)
        while len(self._calls) > 4 * MOST_GRAPHS:
            self._calls.popitem(last=False)
        return found

    def _record(self, recorder: Recorder, kind: Hashable, work: Work, picture: Tensor, wanted: Tensor) -> None:
        try:
            recorded = recorder.record(work, picture)
            recorded.replay()
            agrees = F.cosine_similarity(recorded.output.flatten(), wanted.flatten(), dim=0) > LEAST_COSINE
            if not agrees and bool(wanted.any()):
                raise RuntimeError("the recording gives another result")
        except RuntimeError:  # out of memory is one
            self._recorder = None
            self._recorded.clear()
            return
        del self._calls[kind]
        self._recorded[kind] = recorded
        if len(self._recorded) > MOST_GRAPHS:
            self._recorded.popitem(last=False)
