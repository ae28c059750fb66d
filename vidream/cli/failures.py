"""From an exception to one line and an exit code: expected errors, interrupts, memory, and what nobody foresaw."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import platform
import re
import shlex
import sys
import tempfile
import threading
import time
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vidream import __version__
from vidream.cli.streams import OutputClosed, printable
from vidream.errors import VidreamError
from vidream.looks.preset import Preset

__all__ = ["line_of", "report_error", "report_thread", "spelled_for"]

# Options whose `dest` is not the name of the library's argument.
OPTION_OF = {
    "duration_seconds": "duration", "max_bytes": "max_size", "start_seconds": "start",
    "max_latency_seconds": "max_latency", "rate": "fps",
}  # fmt: skip
MOST_LOGS = 20
_PACKAGES = ("torch", "torchvision", "opencv-python", "av", "imageio-ffmpeg", "numpy", "pillow", "rich")
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


def report_error(error: BaseException, words: list[str], arguments: argparse.Namespace | None) -> int:
    """Say on standard error what ended the command; returns the exit code.

    Args:
        error: anything but SystemExit.
        words: the command line's arguments.
        arguments: the same, parsed; None where parsing itself failed.
    """
    if not isinstance(error, OutputClosed):
        _say(line_of(error, words, arguments))
    return 1


def line_of(error: BaseException, words: list[str], arguments: argparse.Namespace | None) -> str:
    """What happened, in a line, and what was added on the way, such as that the frames made so far are kept."""
    parser = getattr(arguments, "parser", None)
    if isinstance(error, KeyboardInterrupt):
        said = "stopped" if hasattr(error, "__notes__") else "stopped; nothing was written"
    elif isinstance(error, VidreamError):
        said = spelled_for(error, parser)
    elif isinstance(error, OSError) and (path := _path_of(error, arguments)):
        said = f'"{path}" cannot be used ({error.strerror}); check the path, its folder and its permissions'
    elif _is_out_of_memory(error):
        said = "out of memory; use smaller tiles, such as --tile 512, or a smaller --size"
    else:
        said = _unexpected(error, words)
    # Notes speak Python. A command without the option goes on by itself.
    has_resume = parser is None or any("--resume" in action.option_strings for action in parser._actions)
    way = "--resume" if has_resume else "the same command"
    return "; ".join((said, *(note.replace("resume=True", way) for note in getattr(error, "__notes__", []))))


def report_thread(failed: threading.ExceptHookArgs, words: list[str]) -> None:
    """A `threading.excepthook`: one line for an exception that ended a thread."""
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        _say(_unexpected(failed.exc_value, words))


def spelled_for(error: VidreamError, parser: argparse.ArgumentParser | None) -> str:
    """The error's message with the names of a command's options in place of Python arguments."""
    options = {action.dest: action for action in parser._actions if action.option_strings} if parser else {}
    fields = {item.name for item in dataclasses.fields(Preset)}

    def spelled(name: str, value: object) -> str:
        if value is False:
            without = f"--no-{name.replace('_', '-')}"
            return without if any(without in action.option_strings for action in options.values()) else ""
        if action := options.get(OPTION_OF.get(name, name)):
            return _long_name(action) if value is True else f"{_long_name(action)} {shlex.quote(str(value))}"
        return f"--set {shlex.quote(f'{name}={value}')}" if name in fields and "set" in options else ""

    said = error.advising(spelled)
    wrong = options.get(OPTION_OF.get(error.argument or "", error.argument or ""))
    return said if wrong is None or _long_name(wrong) in said else f"{_long_name(wrong)}: {said}"


def _long_name(action: argparse.Action) -> str:
    return next((name for name in action.option_strings if name.startswith("--")), action.option_strings[0])


def _path_of(error: OSError, arguments: argparse.Namespace | None) -> str | None:
    """The file that the system refused, where the user has named it, or named what it lies beside."""
    if not isinstance(error.filename, (str, bytes, os.PathLike)) or arguments is None:
        return None
    path = os.fsdecode(error.filename)
    values = vars(arguments).values()
    words = [*values, *(each for value in values if isinstance(value, list) for each in value)]
    given = [str(value) for value in words if isinstance(value, (str, Path))]
    return path if any(name and path.startswith(name) for name in given) else None


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if "torch" not in sys.modules:  # it is slow to load, and what is not loaded cannot have failed
        return False
    from vidream.runtime.memory import is_out_of_memory

    return is_out_of_memory(error)


def _say(words: str) -> None:
    """One line on stderr."""
    print(printable(f"vidream: {words}"), file=sys.stderr)


def _unexpected(error: BaseException, words: list[str]) -> str:
    first_line = (str(error).splitlines() or [""])[0]
    said = f"unexpected {type(error).__name__}{': ' if first_line else ''}{first_line}"
    path = _write_log(error, words)
    return f"{said}; details are in {path}" if path else f"{said}; for details add --debug"


def _write_log(error: BaseException, words: list[str]) -> Path | None:
    """Put traceback, versions and command into a new file of the user's log folder; None where no disk takes it."""
    from platformdirs import user_log_path

    text = "\n".join([
        f"vidream {__version__}, Python {platform.python_version()}, {platform.platform()}",
        ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        f"command: {shlex.join(['vidream', *words])}",
        "",
        "".join(traceback.format_exception(type(error), error, error.__traceback__)),
    ])  # fmt: skip
    data = _without_secrets(text, words).encode("utf-8", "backslashreplace")
    name = f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    for folder in (user_log_path("vidream", appauthor=False), Path(tempfile.gettempdir(), "vidream-log")):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(".log", f"{name}-", folder)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            for old in sorted(folder.glob("error-*.log"))[:-MOST_LOGS]:
                old.unlink(missing_ok=True)
            return Path(path)
    return None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _without_secrets(text: str, words: list[str]) -> str:
    """Without the token of `vidream web` and the passwords in addresses: people send logs to others."""
    for before, word in zip(["", *words], words, strict=False):
        secret = word if before == "--token" else word.partition("=")[2] if word.startswith("--token=") else ""
        if secret:
            text = text.replace(secret, "***")
    return _CREDENTIALS.sub("//***@", text)
