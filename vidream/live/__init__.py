"""The newest camera frame, with the dream carried onto it, at the camera's rate; the session that shows it."""

from vidream.live.controls import Controls
from vidream.live.live_dream import LiveDream, LiveFigures
from vidream.live.live_report import LiveReport
from vidream.live.live_session import LiveSession

__all__ = ["Controls", "LiveDream", "LiveFigures", "LiveReport", "LiveSession"]
