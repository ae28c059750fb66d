"""Where live pictures go: a window, a file, a virtual camera. One base class, one registry."""

from vidream.outputs.output import Output
from vidream.outputs.output_registry import make_output, output_class, output_names
from vidream.outputs.preview import Preview
from vidream.outputs.recorder import VideoRecorder
from vidream.outputs.virtual_camera import VirtualCamera
from vidream.outputs.window import Window

__all__ = [
    "Output",
    "Preview",
    "VideoRecorder",
    "VirtualCamera",
    "Window",
    "make_output",
    "output_class",
    "output_names",
]
