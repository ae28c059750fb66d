"""Dreams over time: the stream that carries each dream onto the next frame."""

from vidream.temporal.prefetch import Ahead, made_ahead
from vidream.temporal.stream import Stream, dream_frames

__all__ = ["Ahead", "Stream", "dream_frames", "made_ahead"]
