"""Everything that reads and writes pictures and video; the only home of cv2, Pillow, ffmpeg and uint8.

with FrameReader("walk.mp4", size=640) as frames, FrameWriter("out.mp4", like=frames) as out:
    for picture in frames:
        out.write(picture)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidream.media.arrays import from_array, to_array
    from vidream.media.delivery import Delivery
    from vidream.media.frame_cache import FrameCache
    from vidream.media.images import read_picture, write_picture
    from vidream.media.jpeg import decode_frame, encode_frame
    from vidream.media.sheets import contact_sheet
    from vidream.media.sources.camera import Camera
    from vidream.media.sources.capture import list_cameras
    from vidream.media.sources.reader import FrameReader
    from vidream.media.targets import default_target
    from vidream.media.writers.writer import FrameWriter

__all__ = [
    "Camera",
    "Delivery",
    "FrameCache",
    "FrameReader",
    "FrameWriter",
    "contact_sheet",
    "decode_frame",
    "default_target",
    "encode_frame",
    "from_array",
    "list_cameras",
    "read_picture",
    "to_array",
    "write_picture",
]

# Loaded when asked for, so that the command line can list formats without loading torch and OpenCV.
_MODULES = {
    "Camera": "sources.camera",
    "Delivery": "delivery",
    "FrameReader": "sources.reader",
    "FrameWriter": "writers.writer",
    "FrameCache": "frame_cache",
    "contact_sheet": "sheets",
    "decode_frame": "jpeg",
    "default_target": "targets",
    "encode_frame": "jpeg",
    "from_array": "arrays",
    "list_cameras": "sources.capture",
    "read_picture": "images",
    "to_array": "arrays",
    "write_picture": "images",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"vidream.media.{_MODULES[name]}"), name)
