"""What a dream climbs: named objectives, and the objective that a preset asks for."""

from vidream.objectives.objective import Objective, channel, content, guide, layer, style, subject, total_variation

__all__ = ["Objective", "channel", "content", "guide", "layer", "style", "subject", "total_variation"]
