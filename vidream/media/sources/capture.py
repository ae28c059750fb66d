"""What a Camera reads from: OpenCV's captures, and a picture that is held."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np

from vidream.errors import SourceError, close_names
from vidream.media.probe import upright_size

__all__ = ["CameraSource", "list_cameras", "open_source", "says_nothing"]

_OPEN_MS = 8000
_READ_MS = 4000
# OpenCV's level for no messages at all.
_SILENT = 0
_DEFAULT_RATE = 25.0
_HIGHEST_RATE = 240.0
# What a camera is asked for: enough for a full screen, and what every one of the last ten years offers.
_ASKED_SIZE = (1280, 720)
_MOST_CAMERAS = 16
_LINUX_CAMERAS = Path("/sys/class/video4linux")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
Result = TypeVar("Result")


class CameraSource(Protocol):
    """What Camera reads from: frames one by one, until there is none.

    rate: frames a second.  is_file: plays at its own rate and begins again at its end.
    """

    rate: float
    is_file: bool

    def read(self) -> np.ndarray | None:
        """The next frame, [H,W,3] uint8 BGR, or None where none comes any more."""

    def skip(self) -> None:
        """Leave the next frame out, as cheaply as can be."""

    def rewind(self) -> bool:
        """Begin again; False where that cannot be."""

    def close(self) -> None:
        """Let go of the camera."""


class _Capture:
    """A camera, address or file through OpenCV."""

    def __init__(self, name: str) -> None:
        number = int(name) if name.isdigit() else None
        self.is_file = number is None and "://" not in name
        self._size: tuple[int, int] | None = None
        if number is not None:
            _check_number(number)
            self._capture = _quietly(lambda: cv2.VideoCapture(number, _camera_backend()))
            # Compressed frames: uncompressed ones come at 10 a second at this size over USB 2.
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, _ASKED_SIZE[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, _ASKED_SIZE[1])
            # One frame in the driver's own queue: those behind it would be old when they are read.
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        elif self.is_file:
            _check_file(Path(name))
            self._size = _upright_size(Path(name))
            self._capture = _quietly(lambda: cv2.VideoCapture(str(Path(name).absolute())))
        else:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_MS]
            self._capture = _quietly(lambda: cv2.VideoCapture(name, cv2.CAP_FFMPEG, limits))
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(says_nothing(name))
        said = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = said if 1.0 <= said <= _HIGHEST_RATE else _DEFAULT_RATE

    @property
    def is_open(self) -> bool:
        return self._capture.isOpened()

    def read(self) -> np.ndarray | None:
        good, frame = self._capture.read()
        if not good or frame is None:
            return None
        if self._size is not None and frame.shape[1::-1] != self._size:
            # OpenCV gives pixels as they are stored, whatever their shape.
            frame = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        return frame if frame.ndim == 3 else cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)

    def skip(self) -> None:
        self._capture.grab()

    def rewind(self) -> bool:
        return bool(self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0))

    def close(self) -> None:
        self._capture.release()


class _Still:
    """A picture that is held, as a camera before which nobody moves."""

    rate = _DEFAULT_RATE
    is_file = True

    def __init__(self, name: str) -> None:
        found = _quietly(lambda: cv2.imread(name, cv2.IMREAD_COLOR))
        if found is None:
            raise SourceError(says_nothing(name))
        self._frame = found

    def read(self) -> np.ndarray | None:
        return self._frame

    def skip(self) -> None:
        """Every frame is the same."""

    def rewind(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is held open."""


def list_cameras() -> list[str]:
    """The cameras of this machine, one line each: "0  name". Opens none where the system can tell by itself."""
    folder = _LINUX_CAMERAS
    if folder.is_dir():
        found = sorted(folder.glob("video*"), key=lambda entry: int(entry.name.removeprefix("video")))
        # Each camera has a second node for its metadata, which gives no pictures.
        cameras = [entry for entry in found if _text(entry / "index") in ("0", "")]
        return [f"{entry.name.removeprefix('video')}  {_text(entry / 'name')}" for entry in cameras]
    if sys.platform.startswith("linux"):
        return []
    found_numbers = []
    for number in range(_MOST_CAMERAS):
        capture = _quietly(lambda number=number: cv2.VideoCapture(number, _camera_backend()))
        is_there = capture.isOpened()
        capture.release()
        if not is_there:
            break
        found_numbers.append(f"{number}  camera {number}")
    return found_numbers


def open_source(name: str) -> CameraSource:
    """What `name` says: a camera's number, an address or a file. SourceError, one line, where it cannot be opened."""
    if Path(name).suffix.lower() in _PICTURES and "://" not in name:
        _check_file(Path(name))
        return _Still(name)
    return _Capture(name)


def _upright_size(path: Path) -> tuple[int, int] | None:
    """(width, height) px of a film's frames with square pixels; None where it is no film that can be read."""
    try:
        return upright_size(path)
    except SourceError:
        return None


def _check_number(number: int) -> None:
    """SourceError where the system itself says that there is no such camera, or that it may not be opened."""
    if not sys.platform.startswith("linux"):
        return
    device = Path(f"/dev/video{number}")
    if not device.exists():
        there = ", ".join(line.split()[0] for line in list_cameras()) or "none"
        raise SourceError(
            f"no camera {number}; there are: {there}. Plug one in, or give an address or a file, such as walk.mp4"
        )
    if not os.access(device, os.R_OK | os.W_OK):
        raise SourceError(f"camera {number} may not be opened; join its group: sudo usermod -aG video $USER")


def _check_file(path: Path) -> None:
    try:
        if path.is_file():
            return
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise SourceError(f'"{path}" cannot be opened ({error.strerror}); check the path') from None
    names = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
    close = f"; {close_names(path.name, names)}" if names else ""
    raise SourceError(
        f'no file "{path}"{close}; a camera is a number, an address or a file. List cameras: vidream live --camera list'
    )


def says_nothing(name: str) -> str:
    """The line for a source that opens and gives no frame."""
    if name.isdigit():
        return f"camera {name} gives no picture; another program may be using it: close that one, or take another"
    if "://" in name:
        return f'nothing can be read from "{name}"; check the address, and that this machine reaches it'
    return f'"{name}" holds no video that can be read; save or download it again'


def _camera_backend() -> int:
    if sys.platform.startswith("linux"):
        return cv2.CAP_V4L2
    return cv2.CAP_DSHOW if sys.platform == "win32" else cv2.CAP_AVFOUNDATION


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _quietly(call: Callable[[], Result]) -> Result:
    """`call()` without OpenCV's own warnings: what went wrong is said in one line of ours."""
    # OpenCV 4 has these two functions at its root.
    logging: Any = getattr(cv2.utils, "logging", cv2)
    level = logging.getLogLevel()
    logging.setLogLevel(_SILENT)
    try:
        return call()
    finally:
        logging.setLogLevel(level)
