"""Settings of the whole process. The command line alone makes them: as a library, vidream leaves its caller's alone."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import vidream.cli.failures as failures

__all__ = ["ENVIRONMENT", "process_settings"]

# Read by libraries when they are loaded, which is later. A user's own value stays.
ENVIRONMENT = {
    # GNU OpenMP's threads spin so many rounds for the next share of a step, which is 0.7 ms. By default they spin
    # 8 ms, and hold a core that optical flow, decoder and encoder could have.
    "GOMP_SPINCOUNT": "20000",
    # What a stream's ffmpeg has to say comes in one line of ours.
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    # OpenCV's Qt complains of fonts it does not need, over the progress bar.
    "QT_LOGGING_RULES": "*.warning=false",
}


@contextlib.contextmanager
def process_settings(words: list[str], *, debug: bool) -> Iterator[None]:
    """Set environment, signals and the hook for failed threads; handlers go back to what they were at the end.

    Args:
        words: the command line's arguments, for a log of an unexpected error.
        debug: leave tracebacks of threads as they are.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    handlers = {}
    # Python lets the main thread alone set them.
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # `nohup` has the signal ignored, and so it stays.
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                # A polite kill and a closed terminal end a render like Ctrl-C: the frames made so far are kept.
                handlers[number] = signal.signal(number, signal.default_int_handler)
    hook = threading.excepthook
    if not debug:
        threading.excepthook = lambda failed: failures.report_thread(failed, words)
    try:
        yield
    finally:
        threading.excepthook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
