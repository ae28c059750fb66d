"""Everything that reads and writes pictures and video; the only home of cv2, imageio, ffmpeg and uint8.

with FrameReader("walk.mp4", size=640) as frames, FrameWriter("out.mp4", like=frames) as out:
    for picture in frames:
        out.write(picture)
"""

from __future__ import annotations

from vidream.frames.camera import Camera
from vidream.frames.capture import list_cameras
from vidream.frames.convert import from_array, to_array
from vidream.frames.preview import Preview
from vidream.frames.reader import FrameReader
from vidream.frames.recorder import Recorder
from vidream.frames.sheet import contact_sheet
from vidream.frames.spool import PictureSpool
from vidream.frames.stills import read_picture, write_picture
from vidream.frames.targets import default_target
from vidream.frames.virtual import VirtualCamera
from vidream.frames.window import Window
from vidream.frames.wire import decode_frame, encode_frame
from vidream.frames.writer import FrameWriter

__all__ = [
    "Camera",
    "FrameReader",
    "FrameWriter",
    "PictureSpool",
    "Preview",
    "Recorder",
    "VirtualCamera",
    "Window",
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
