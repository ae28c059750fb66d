"""tracing: keeps the threads that run networks apart from one that takes a network to pieces.

torch.fx replaces `nn.Module.__call__` for every module of the process while it traces one: a network
that another thread runs meanwhile fails with "module is not installed as a submodule".
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["running", "tracing"]

_changed = threading.Condition()
_running = 0
_is_tracing = False


@contextmanager
def running() -> Iterator[None]:
    """While a network runs: any number of threads at once, but none beside a tracing one."""
    global _running
    with _changed:
        _changed.wait_for(lambda: not _is_tracing)
        _running += 1
    try:
        yield
    finally:
        with _changed:
            _running -= 1
            _changed.notify_all()


@contextmanager
def tracing() -> Iterator[None]:
    """While a network is traced: waits for those that run, and lets nobody else in. Not to be nested."""
    global _is_tracing
    with _changed:
        _changed.wait_for(lambda: not _is_tracing)
        _is_tracing = True
        _changed.wait_for(lambda: _running == 0)
    try:
        yield
    finally:
        with _changed:
            _is_tracing = False
            _changed.notify_all()
