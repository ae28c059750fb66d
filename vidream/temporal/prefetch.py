"""The next items of an iterator, made by a thread that runs ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Generic, TypeVar

from vidream.engine.dreamer import Dreamer
from vidream.runtime.threads import run_single_threaded

__all__ = ["Ahead", "made_ahead"]

T = TypeVar("T")
# Short, so that a Ctrl-C is heard on every system while we wait.
_WAIT_SECONDS = 0.2


class Ahead(Generic[T]):
    """`items`, in their order, up to `depth` of them made before they are asked for.

        with Ahead(frames) as ready:
            for frame in ready: ...

    An error of `items` is raised where its item would have come. Leaving the block stops the thread, after
    the item that it is making; until then nobody else may touch `items`.

    Args:
        items: what is made.
        depth: how many at most wait to be taken.
        alone: torch uses one thread for what is made here (see `vidream.runtime.threads`).
    """

    def __init__(self, items: Iterable[T], *, depth: int = 2, alone: bool = True) -> None:
        self._items, self._is_alone = items, alone
        self._ready: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vidream-ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        if self._is_alone:
            run_single_threaded()
        try:
            for item in self._items:
                if not self._put("item", item):
                    return
            self._put("end", None)
        except BaseException as error:  # raised again where it belongs
            self._put("error", error)

    def _put(self, kind: str, what: Any) -> bool:
        while not self._stops.is_set():
            try:
                self._ready.put((kind, what), timeout=_WAIT_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                kind, what = self._ready.get(timeout=_WAIT_SECONDS)
            except queue.Empty:
                if self._stops.is_set():
                    return
                continue
            if kind == "item":
                yield what
            elif kind == "end":
                return
            else:
                raise what

    def close(self) -> None:
        """Stop. May be called twice."""
        self._stops.set()
        self._thread.join()

    def __enter__(self) -> Ahead[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def made_ahead(items: Iterable[T], dreamer: Dreamer, pixels: int) -> AbstractContextManager[Iterable[T]]:
    """`items` as an `Ahead`, where `dreamer` leaves the processor room for that; else as they are.

    Args:
        items: what is made.
        dreamer: what dreams meanwhile.
        pixels: height times width of its pictures.
    """
    # Where a GPU dreams, all of the processor's cores are free for this.
    return Ahead(items, alone=dreamer.device.type == "cpu") if dreamer.leaves_room(pixels) else nullcontext(items)
