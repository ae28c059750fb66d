"""Pictures as a camera that OBS and video calls can choose."""

from __future__ import annotations

import sys
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from vidream.errors import DeviceError
from vidream.media.arrays import to_array
from vidream.outputs.output import Output

__all__ = ["VirtualCamera"]


class VirtualCamera(Output):
    """Sends pictures to a virtual camera (pyvirtualcam: OBS on Windows and macOS, v4l2loopback on Linux).

    The first picture gives its size; later ones are resized to it.

    Args:
        target: the device, such as "/dev/video4"; "" takes the first that is free.
        rate: pictures a second.
    """

    name = "virtual-camera"
    _camera: Any = None
    _size = (0, 0)

    @classmethod
    def why_unavailable(cls) -> str | None:
        try:
            import pyvirtualcam  # noqa: F401
        except ImportError:
            return "a virtual camera needs pyvirtualcam; install it: pip install 'vidream[camera]'"
        return None

    @property
    def advice(self) -> str:
        return "" if self._camera is None else f"virtual camera: choose {self._camera.device} in the other program"

    def show(self, picture: Tensor) -> None:
        """Send a picture [1,3,H,W], RGB, 0..1.

        Raises:
            DeviceError: at the first picture: there is no such device.
        """
        if self._camera is None:
            # Even sides: the programs that read it take 4:2:0 only.
            height, width = (side // 2 * 2 for side in picture.shape[-2:])
            self._camera, self._size = self._opened(width, height), (height, width)
        if tuple(picture.shape[-2:]) != self._size:
            picture = F.interpolate(picture, size=self._size, mode="area")
        self._camera.send(to_array(picture))

    def close(self) -> None:
        """Remove the camera. May be called twice."""
        if self._camera is not None:
            self._camera.close()

    def _opened(self, width: int, height: int) -> Any:
        import pyvirtualcam

        chosen = {"device": self.target} if self.target else {}
        try:
            return pyvirtualcam.Camera(width=width, height=height, fps=float(self.rate), **chosen)
        except (RuntimeError, OSError) as error:
            reason = (str(error).splitlines() or ["none was found"])[0].rstrip(".")
            raise DeviceError(f"no virtual camera ({reason}); {_how_to_get_one()}") from None


def _how_to_get_one() -> str:
    if sys.platform.startswith("linux"):
        return "load one: sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1"
    return "install OBS Studio 28 or newer, and start its virtual camera once"
