"""From a preset to the objective that it asks of a network.

An objective that a preset can ask for is one file of this folder, with the objective and a function from `Request` to
its parts; that function stands in `PARTS`, and the preset has a field for it.
"""

from __future__ import annotations

from collections.abc import Callable

from vidream.looks.preset import Preset
from vidream.networks import Net
from vidream.objectives.activations import class_part, layer_part, subject_part
from vidream.objectives.guides import content_part, guide_part
from vidream.objectives.objective import Objective
from vidream.objectives.regularisers import smoothness_part, total_variation
from vidream.objectives.request import Request

__all__ = ["PARTS", "objective_of"]

PARTS: tuple[Callable[[Request], list[Objective]], ...] = (
    subject_part,
    class_part,
    content_part,
    guide_part,
    layer_part,
    smoothness_part,
)


def objective_of(preset: Preset, net: Net) -> Objective:
    """The objective that a preset asks of a network, for one moment of the film.

    The parts add up, each with its weight. A guide takes the place of the layers' own growth, or with `guide_share`
    below 1 mixes with it; `content` and `tv` hold the dream back.

    Args:
        preset: without schedules, as `Preset.at` gives it.
        net: the loaded network.

    Raises:
        NetError: the network lacks a layer, channel, class or subject.
        PresetError: two fields do not go together.
    """
    request = Request(preset, net)
    parts = [part for make in PARTS for part in make(request)]
    # All weights may be 0 for a moment of a schedule; then nothing is dreamed.
    return sum(parts[1:], parts[0]) if parts else 0.0 * total_variation()
