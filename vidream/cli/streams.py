"""Standard output and standard error that any name and any terminal can be written to, without a traceback."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from vidream.errors import TargetError

__all__ = ["OutputClosed", "printable", "safe_streams", "shown_path"]


class OutputClosed(Exception):  # noqa: N818 — no error: `vidream presets | head -1` is a fine command
    """Whoever read standard output has closed it."""


def printable(text: str) -> str:
    """`text` on one line: file names may hold line ends and the terminal's own commands, which become "?"."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def shown_path(path: object) -> str:
    """A path for standard output: as it is for another program, printable on a terminal."""
    return printable(str(path)) if sys.stdout is not None and sys.stdout.isatty() else str(path)


@contextlib.contextmanager
def safe_streams() -> Iterator[None]:
    """Within the block, `sys.stdout` and `sys.stderr` take any text.

    A failed write to standard output raises OutputClosed or TargetError. One to standard error is ignored: hours
    of rendering must not end because nobody reads the progress any more.
    """
    _open_missing_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout = before[0] and _SafeStream(before[0], needed=True)
    sys.stderr = before[1] and _SafeStream(before[1], needed=False)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _SafeStream:
    """A text stream that spells what its encoding lacks, and knows what to do when nobody takes its text."""

    def __init__(self, stream: TextIO, *, needed: bool) -> None:
        self._stream = stream
        self._is_needed = needed
        self._is_dead = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if not self._is_dead:
            try:
                self._write(text)
            except OSError as error:
                self._failed(error)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if not self._is_dead:
            try:
                self._stream.flush()
            except OSError as error:
                self._failed(error)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            return
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
        try:
            # A name that is no text in this encoding: its bytes as they are on the disk, for the next program.
            data = text.encode(encoding, "surrogateescape")
            self._stream.flush()
            self._stream.buffer.write(data)
        except (UnicodeEncodeError, AttributeError):
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def _failed(self, error: OSError) -> None:
        self._is_dead = True
        # Python flushes again when it ends; what is left in the buffer must go somewhere.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        if not self._is_needed:
            return
        # Windows says "invalid argument" of a closed pipe.
        if isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL):
            raise OutputClosed from None
        raise TargetError(f"standard output cannot be written ({error.strerror or error})") from None


def _open_missing_descriptors() -> None:
    """Open descriptors 0 to 2 where they were closed: else the next file opened, the film, would get the messages."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
