"""Where live pictures go: a window, a file, a virtual camera."""

from vidream.outputs.preview import Preview
from vidream.outputs.recorder import Recorder
from vidream.outputs.virtual_camera import VirtualCamera
from vidream.outputs.window import Window

__all__ = ["Preview", "Recorder", "VirtualCamera", "Window"]
