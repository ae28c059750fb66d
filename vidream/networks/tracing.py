"""A lock between threads that run networks and one that traces a network.

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
    """Hold this while a network runs. Any number of threads may, but none while another traces."""
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
    """Hold this while a network is traced: waits for those that run, and keeps others out. Must not be nested."""
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
