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
    "Camera": "media",
    "Cluster": "cluster",
    "ClipMaker": "many",
    "Delivery": "media",
    "DeviceError": "errors",
    "Dreamer": "engine",
    "FrameReader": "media",
    "FrameWriter": "media",
    "LiveDream": "live",
    "LiveFigures": "live",
    "Made": "rendering",
    "ManyMade": "many",
    "ManyProgress": "many",
    "Motion": "zoom",
    "Net": "networks",
    "NetError": "errors",
    "Objective": "objectives",
    "Preset": "looks",
    "PresetError": "errors",
    "Progress": "rendering",
    "Recipe": "rendering",
    "SourceError": "errors",
    "Stream": "temporal",
    "TargetError": "errors",
    "VidreamError": "errors",
    "channel": "objectives",
    "content": "objectives",
    "dream": "api",
    "dream_frames": "temporal",
    "dream_many": "many",
    "find_shots": "rendering",
    "endless_zoom": "zoom",
    "guide": "objectives",
    "layer": "objectives",
    "load_net": "networks",
    "style": "objectives",
    "subject": "objectives",
    "total_variation": "objectives",
    "watch_folder": "many",
    "zoom_film": "zoom",
    "zoom_loop": "zoom",
}
__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from vidream.api import dream as dream
    from vidream.cluster import Cluster as Cluster
    from vidream.engine import Dreamer as Dreamer
    from vidream.errors import DeviceError as DeviceError
    from vidream.errors import NetError as NetError
    from vidream.errors import PresetError as PresetError
    from vidream.errors import SourceError as SourceError
    from vidream.errors import TargetError as TargetError
    from vidream.errors import VidreamError as VidreamError
    from vidream.live import LiveDream as LiveDream
    from vidream.live import LiveFigures as LiveFigures
    from vidream.looks import Preset as Preset
    from vidream.many import ClipMaker as ClipMaker
    from vidream.many import ManyMade as ManyMade
    from vidream.many import ManyProgress as ManyProgress
    from vidream.many import dream_many as dream_many
    from vidream.many import watch_folder as watch_folder
    from vidream.media import Camera as Camera
    from vidream.media import Delivery as Delivery
    from vidream.media import FrameReader as FrameReader
    from vidream.media import FrameWriter as FrameWriter
    from vidream.networks import Net as Net
    from vidream.networks import load_net as load_net
    from vidream.objectives import Objective as Objective
    from vidream.objectives import channel as channel
    from vidream.objectives import content as content
    from vidream.objectives import guide as guide
    from vidream.objectives import layer as layer
    from vidream.objectives import style as style
    from vidream.objectives import subject as subject
    from vidream.objectives import total_variation as total_variation
    from vidream.rendering import Made as Made
    from vidream.rendering import Progress as Progress
    from vidream.rendering import Recipe as Recipe
    from vidream.rendering import find_shots as find_shots
    from vidream.temporal import Stream as Stream
    from vidream.temporal import dream_frames as dream_frames
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
