"""A thread that dreams while another one shows."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import torch

from vidream.errors import VidreamError
from vidream.runtime.threads import default_threads, run_single_threaded, use_threads

__all__ = ["DreamWorker"]

# Where picture and dream both want a core, the picture has priority.
NICENESS = 5


class DreamWorker:
    """Calls a function in a thread of its own until it returns.

    Until `join`, torch is single-threaded in the thread that makes a DreamWorker and shows its pictures.

    Args:
        work: the function.

    Attributes:
        error: what ended it, if it was an error.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self.error: VidreamError | None = None
        self._work = work
        # One core is left to the picture: with all of them the dream is hardly faster, and it stutters.
        self._threads = max(1, default_threads() - 1)
        self._shower, self._shower_threads = threading.get_ident(), torch.get_num_threads()
        run_single_threaded()
        self._thread = threading.Thread(target=self._run, name="vidream-dream", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        use_threads(self._threads)
        if sys.platform.startswith("linux"):  # only there threads have priorities of their own
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, min(19, os.getpriority(os.PRIO_PROCESS, own) + NICENESS))
        try:
            self._work()
        except VidreamError as error:
            self.error = error
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            self.error = VidreamError(f"the dream stopped: {reason}; try a smaller size, or the device cpu")
            self.error.__cause__ = error

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()
        if threading.get_ident() == self._shower:
            use_threads(self._shower_threads)
