"""The newest camera frame, with the dream carried on it, at the camera's rate; the mirror that shows it."""

from vidream.live.controls import Controls
from vidream.live.dream import LiveDream, LiveFigures
from vidream.live.mirror import Mirror, MirrorReport

__all__ = ["Controls", "LiveDream", "LiveFigures", "Mirror", "MirrorReport"]
