"""The newest camera frame, with the dream carried on it, at the camera's rate; the mirror that shows it."""

from vidream.live.controls import Controls
from vidream.live.live_dream import LiveDream, LiveFigures
from vidream.live.live_session import Mirror, MirrorReport

__all__ = ["Controls", "LiveDream", "LiveFigures", "Mirror", "MirrorReport"]
