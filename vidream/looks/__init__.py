"""The look of a dream: presets, keyframes, expressions, and the looks that can be named."""

from vidream.looks.expression import Expression
from vidream.looks.loading import cross_faded, load_look
from vidream.looks.moment import Heard, Moment
from vidream.looks.preset import Preset, preset_names
from vidream.looks.schedule import Schedule

__all__ = ["Expression", "Heard", "Moment", "Preset", "Schedule", "cross_faded", "load_look", "preset_names"]
