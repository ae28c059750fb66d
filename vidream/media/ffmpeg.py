"""Run ffmpeg children safely: no shell, no terminal signals, no pipe that fills up."""

from __future__ import annotations

import collections
import contextlib
import functools
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import imageio_ffmpeg

from vidream.errors import VidreamError

__all__ = [
    "CONTAINERS",
    "MOVING_SUFFIXES",
    "SOUND_CONTAINERS",
    "Child",
    "ffmpeg_path",
    "has_encoder",
    "has_filter",
    "has_option",
    "local_url",
    "run",
    "source_options",
]

# Containers that hold their own frames. Playlists (hls, concat ...) are left out on purpose: a text file
# named .mp4 could otherwise make ffmpeg open other files.
CONTAINERS = "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,flv,ogg,asf,mxf,h264,hevc,m4v,mpegvideo,ivf,obu,nut"
# Files of nothing but sound. None of them leads to another file either.
SOUND_CONTAINERS = "mp3,aac,flac,wav,w64,aiff,caf,au,ac3,eac3,dts,truehd,amr,wv,ape,tta,mpc,mpc8,dsf,tak"
# How files are called that such containers are in, and what is a film by its name beside them.
MOVING_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v", ".mkv", ".webm", ".avi", ".gif", ".apng", ".ts", ".mts",
    ".m2ts", ".mpg", ".mpeg", ".vob", ".flv", ".ogv", ".ogg", ".wmv", ".asf", ".mxf", ".h264", ".264", ".hevc", ".265",
    ".ivf", ".obu", ".nut", ".y4m", ".mjpg", ".mjpeg",
)  # fmt: skip

# Lines that say nothing about the cause: banners, statistics, and what follows from the first error.
_NOISE = re.compile(
    r"^(frame=|size=|\s|Input #|Output #|Stream mapping|Press \[q|Conversion failed|Exiting|"
    r"Error opening (in|out)put|Svt\[(info|warn)\])"
)
_TAG = re.compile(r"^(\[[^\]]* @ 0x[0-9a-f]+\]\s*)+")
_KEPT_LINES = 200


@functools.lru_cache(maxsize=1)
def ffmpeg_path() -> str:
    """Path of the ffmpeg program (the one of imageio-ffmpeg, or IMAGEIO_FFMPEG_EXE). VidreamError if none."""
    own = os.environ.get("IMAGEIO_FFMPEG_EXE")
    if own and shutil.which(own) is None:
        raise VidreamError(
            f'IMAGEIO_FFMPEG_EXE is "{own}", which is no program; set it to the path of an ffmpeg program, or unset it'
        )
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        raise VidreamError(
            "no ffmpeg program found; reinstall it with: pip install --force-reinstall imageio-ffmpeg"
        ) from None


@functools.lru_cache(maxsize=4)
def _listed(option: str) -> frozenset[str]:
    """The names that ffmpeg lists with "-filters" or "-encoders"."""
    listing = run([option]).stdout_text
    return frozenset(line.split()[1] for line in listing.splitlines() if len(line.split()) > 2)


def has_filter(name: str) -> bool:
    """True where this build of ffmpeg has the filter `name`, such as "zscale"."""
    return name in _listed("-filters")


def has_encoder(name: str) -> bool:
    """True where this build of ffmpeg has the encoder `name`, such as "libx265"."""
    return name in _listed("-encoders")


@functools.lru_cache(maxsize=1)
def _help() -> str:
    return run(["-h", "long"]).stdout_text


def has_option(name: str) -> bool:
    """True where this build of ffmpeg has the option `name`, such as "mastering_display"."""
    return re.search(rf"^-{name}\b", _help(), re.M) is not None


def local_url(path: Path) -> str:
    """`path` as ffmpeg takes it: never an option, a protocol or standard input, whatever its name."""
    return f"file:{path}"


def source_options(path: Path, *, may_be_sound: bool = False) -> list[str]:
    """Arguments that open `path` for reading, and let it lead to no other file and no network.

    may_be_sound: it may hold sound alone, as an mp3 does.
    """
    allowed = f"{CONTAINERS},{SOUND_CONTAINERS}" if may_be_sound else CONTAINERS
    return ["-protocol_whitelist", "file,pipe", "-format_whitelist", allowed, "-i", local_url(path)]


class Child:
    """One running ffmpeg; a context manager that leaves neither process, thread nor open pipe behind.

    Its stderr is drained by a thread into a bounded list, so a talkative ffmpeg never blocks.
    """

    def __init__(
        self, arguments: list[str], *, feed: bool = False, read: bool = False, folder: Path | None = None
    ) -> None:
        """Start `ffmpeg arguments`, in `folder`; `feed` opens `stdin`, `read` opens `stdout`, both unbuffered."""
        command = [ffmpeg_path(), "-hide_banner", "-nostats", *([] if feed else ["-nostdin"]), *arguments]
        # A session (Windows: group) of its own: Ctrl-C in the terminal is ours to handle, not the child's.
        own_group: dict[str, Any] = (
            {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
            if os.name == "nt"
            else {"start_new_session": True}
        )
        options: dict[str, Any] = {
            "stdin": subprocess.PIPE if feed else subprocess.DEVNULL,
            "stdout": subprocess.PIPE if read else subprocess.DEVNULL,
            "stderr": subprocess.PIPE,
            "bufsize": 0,
            "cwd": folder,
            **own_group,
        }
        self._started = threading.Event()
        self._is_unwanted = False
        self._failure: BaseException | None = None
        self._first_lines: list[str] = []  # the report on the source, and the first error: the cause
        self._last_lines: collections.deque[str] = collections.deque(maxlen=_KEPT_LINES)
        self._drain = threading.Thread(target=self._run, args=(command, options), name="ffmpeg-stderr", daemon=True)
        try:
            self._drain.start()
            self._started.wait()
        except BaseException:  # Ctrl-C
            self._is_unwanted = True
            if self._started.wait(timeout=5) and self._failure is None:
                self.close()
            raise
        if isinstance(self._failure, OSError) and self._failure.filename == command[0]:
            own = "; look at IMAGEIO_FFMPEG_EXE" if "IMAGEIO_FFMPEG_EXE" in os.environ else ""
            why = self._failure.strerror or self._failure
            raise VidreamError(f'"{command[0]}" cannot be run: {why}{own}') from None
        if self._failure is not None:  # such as a folder that is gone
            raise self._failure

    def _run(self, command: list[str], options: dict[str, Any]) -> None:
        """Start the program and drain its stderr.

        It is started here since Ctrl-C raises in the main thread alone: there it could come in the middle of a start,
        and leave a program that nobody knows of.
        """
        try:
            self.process = subprocess.Popen(command, **options)
            if self._is_unwanted:
                self.process.kill()
        except BaseException as error:
            self._failure = error
            return
        finally:
            self._started.set()
        assert self.process.stderr is not None
        for line in iter(self.process.stderr.readline, b""):
            kept = self._first_lines if len(self._first_lines) < _KEPT_LINES else self._last_lines
            kept.append(line.decode("utf-8", "replace").rstrip())

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None, "started without feed=True"
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self.process.stdout is not None, "started without read=True"
        return self.process.stdout

    @property
    def stderr_lines(self) -> list[str]:
        """What it said: the first 200 lines and the last 200."""
        return [*self._first_lines, *self._last_lines]

    @property
    def last_words(self) -> str:
        """The first line of stderr that names a cause, without ffmpeg's tags; "" when it said nothing."""
        for line in self.stderr_lines:
            if line and not _NOISE.match(line):
                return _TAG.sub("", line).strip().rstrip(".")
        return ""

    @property
    def disk_is_full(self) -> bool:
        return any("No space left on device" in line for line in self.stderr_lines)

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Wait for the end; returns the exit code. subprocess.TimeoutExpired when it takes longer."""
        code = self.process.wait(timeout_seconds)
        self._drain.join(timeout=5)
        return code

    def close(self) -> None:
        """Stop it if it still runs, and free everything. May be called twice."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._drain.join(timeout=5)
        if self.process.stderr is not None:
            self.process.stderr.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Finished:
    """What a finished ffmpeg left: `code`, `stdout_text`, `stderr_lines`, `last_words`, `disk_is_full`."""

    def __init__(self, child: Child, code: int, stdout_text: str) -> None:
        self.code = code
        self.stdout_text = stdout_text
        self.stderr_lines = child.stderr_lines
        self.last_words = child.last_words
        self.disk_is_full = child.disk_is_full


def run(arguments: list[str], *, folder: Path | None = None) -> Finished:
    """Run ffmpeg, in `folder`, to its end and collect what it said.

    Killed if an exception (Ctrl-C) interrupts the wait.
    """
    with Child(arguments, read=True, folder=folder) as child:
        out = child.stdout.read() if child.process.stdout else b""
        # bufsize=0 gives a raw stream, whose read() already means "until the end".
        return Finished(child, child.wait(), out.decode("utf-8", "replace"))
