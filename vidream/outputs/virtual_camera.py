"""VirtualCamera: pictures as a camera that OBS and calls can choose."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from vidream.errors import DeviceError
from vidream.media.arrays import to_array

__all__ = ["VirtualCamera"]


class VirtualCamera:
    """Sends pictures to a virtual camera (pyvirtualcam: OBS on Windows and macOS, v4l2loopback on Linux)."""

    def __init__(self, width: int, height: int, *, rate: float = 30.0) -> None:
        """width, height: px of every picture.  rate: frames a second.

        DeviceError, with what to install, where there is none.
        """
        try:
            import pyvirtualcam
        except ImportError:
            raise DeviceError(
                "--virtual-camera needs pyvirtualcam; install it: pip install 'vidream[camera]'"
            ) from None
        # Sides in twos: the programs that read it take 4:2:0 only.
        self._size = (height // 2 * 2, width // 2 * 2)
        try:
            self._camera: Any = pyvirtualcam.Camera(width=self._size[1], height=self._size[0], fps=rate)
        except (RuntimeError, OSError) as error:
            words = (str(error).splitlines() or ["none was found"])[0].rstrip(".")
            raise DeviceError(f"no virtual camera ({words}); {_advice()}") from None

    @property
    def name(self) -> str:
        """What to choose in the other program."""
        return str(self._camera.device)

    def send(self, picture: Tensor) -> None:
        """Send a picture [1,3,H,W], RGB, 0..1, at once; brought to the camera's size."""
        if tuple(picture.shape[-2:]) != self._size:
            picture = F.interpolate(picture, size=self._size, mode="area")
        self._camera.send(to_array(picture))

    def close(self) -> None:
        """Take the camera away again. May be called twice."""
        self._camera.close()

    def __enter__(self) -> VirtualCamera:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _advice() -> str:
    if sys.platform.startswith("linux"):
        return "load one: sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1"
    return "install OBS Studio 28 or newer, and start its virtual camera once"
