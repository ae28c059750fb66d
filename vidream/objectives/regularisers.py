"""Objectives that hold a dream back: smoothness."""

from __future__ import annotations

from torch import Tensor

from vidream.objectives.objective import Features, Objective, objective
from vidream.objectives.request import Request

__all__ = ["smoothness_part", "total_variation"]


@objective
def total_variation() -> Objective:
    """Minus the mean squared difference of neighbouring pixels: climbing it smooths the picture."""

    def score(features: Features) -> Tensor:
        picture = features["picture"]
        across = (picture[..., 1:] - picture[..., :-1]).square().mean()
        return -across - (picture[..., 1:, :] - picture[..., :-1, :]).square().mean()

    return Objective(("picture",), score)


def smoothness_part(request: Request) -> list[Objective]:
    """The preset's `tv`."""
    return [request.preset.tv * total_variation()] if request.preset.tv else []
