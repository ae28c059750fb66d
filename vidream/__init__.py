"""vidream: DeepDream for moving pictures.

    import vidream
    vidream.dream("walk.mp4", "walk-dream.mp4", preset="creatures")

Names are fetched when first used, so that `import vidream` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Camera": "frames",
    "DeviceError": "errors",
    "Dreamer": "dreamer",
    "FrameReader": "frames",
    "FrameWriter": "frames",
    "LiveDream": "live",
    "LiveFigures": "live",
    "Made": "films",
    "Motion": "zoom",
    "Net": "nets",
    "NetError": "errors",
    "Objective": "objective",
    "Preset": "preset",
    "PresetError": "errors",
    "Progress": "films",
    "Recipe": "films",
    "SourceError": "errors",
    "Stream": "stream",
    "TargetError": "errors",
    "VidreamError": "errors",
    "channel": "objective",
    "content": "objective",
    "dream": "files",
    "dream_frames": "stream",
    "find_shots": "films",
    "endless_zoom": "zoom",
    "guide": "objective",
    "layer": "objective",
    "load_net": "nets",
    "style": "objective",
    "subject": "objective",
    "total_variation": "objective",
    "zoom_film": "zoom",
    "zoom_loop": "zoom",
}
__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from vidream.dreamer import Dreamer as Dreamer
    from vidream.errors import DeviceError as DeviceError
    from vidream.errors import NetError as NetError
    from vidream.errors import PresetError as PresetError
    from vidream.errors import SourceError as SourceError
    from vidream.errors import TargetError as TargetError
    from vidream.errors import VidreamError as VidreamError
    from vidream.files import dream as dream
    from vidream.films import Made as Made
    from vidream.films import Progress as Progress
    from vidream.films import Recipe as Recipe
    from vidream.films import find_shots as find_shots
    from vidream.frames import Camera as Camera
    from vidream.frames import FrameReader as FrameReader
    from vidream.frames import FrameWriter as FrameWriter
    from vidream.live import LiveDream as LiveDream
    from vidream.live import LiveFigures as LiveFigures
    from vidream.nets import Net as Net
    from vidream.nets import load_net as load_net
    from vidream.objective import Objective as Objective
    from vidream.objective import channel as channel
    from vidream.objective import content as content
    from vidream.objective import guide as guide
    from vidream.objective import layer as layer
    from vidream.objective import style as style
    from vidream.objective import subject as subject
    from vidream.objective import total_variation as total_variation
    from vidream.preset import Preset as Preset
    from vidream.stream import Stream as Stream
    from vidream.stream import dream_frames as dream_frames
    from vidream.zoom import Motion as Motion
    from vidream.zoom import endless_zoom as endless_zoom
    from vidream.zoom import zoom_film as zoom_film
    from vidream.zoom import zoom_loop as zoom_loop


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vidream' has no attribute {name!r}")
    return getattr(import_module(f"vidream.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
