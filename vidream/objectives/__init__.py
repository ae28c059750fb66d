"""What a dream climbs: named objectives, and the objective that a preset asks for."""

from vidream.objectives.activations import channel, layer, subject
from vidream.objectives.build import objective_of
from vidream.objectives.guides import content, guide, style
from vidream.objectives.objective import OBJECTIVES, Objective, objective
from vidream.objectives.regularisers import total_variation
from vidream.objectives.request import own_part

__all__ = [
    "OBJECTIVES",
    "Objective",
    "channel",
    "content",
    "guide",
    "layer",
    "objective",
    "objective_of",
    "own_part",
    "style",
    "subject",
    "total_variation",
]
