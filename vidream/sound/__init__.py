"""What a dream hears: loudness, bands, onsets, beats and bars of any file's sound, as curves over time."""

from vidream.sound.analysis import analyse
from vidream.sound.beats import bars_seconds
from vidream.sound.curves import CURVES, SoundCurves

__all__ = ["CURVES", "SoundCurves", "analyse", "bars_seconds"]
