"""Everything that reads and writes pictures and video; the only home of cv2, imageio, ffmpeg and uint8.

with FrameReader("walk.mp4", size=640) as frames, FrameWriter("out.mp4", like=frames) as out:
    for picture in frames:
        out.write(picture)
"""

from __future__ import annotations

from vidream.frames.convert import from_array, to_array
from vidream.frames.preview import Preview
from vidream.frames.reader import FrameReader
from vidream.frames.sheet import contact_sheet
from vidream.frames.stills import read_picture, write_picture
from vidream.frames.targets import default_target
from vidream.frames.writer import FrameWriter

__all__ = [
    "FrameReader",
    "FrameWriter",
    "Preview",
    "contact_sheet",
    "default_target",
    "from_array",
    "read_picture",
    "to_array",
    "write_picture",
]
