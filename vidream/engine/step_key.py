"""What a recorded CUDA step depends on, so that no look replays the step of another."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import fields
from typing import Any

from vidream.looks.preset import Preset
from vidream.networks import Net
from vidream.objectives import Objective

__all__ = ["NOT_IN_A_STEP", "step_key"]

# Fields that choose how many steps are taken, where, how long they are and what happens to the result. All others are
# in the key, and so is every field that is added: one that enters no step must be named here.
NOT_IN_A_STEP = frozenset(
    {
        "description", "octaves", "octave_scale", "finest", "falloff", "steps", "octave_turns", "step_size", "jitter",
        "blend", "keep_colour", "keep", "flow", "reset_on_cut", "first_steps", "first_step_size", "strength_cap",
    }
)  # fmt: skip


def step_key(preset: Preset, objective: Objective, net: Net) -> Hashable:
    """Equal for two looks only where one gradient step does the same to every picture.

    Args:
        preset: at one moment of the film, without schedules.
        objective: what is climbed.
        net: the network that it is climbed in.
    """
    look = {item.name: getattr(preset, item.name) for item in fields(preset) if item.name not in NOT_IN_A_STEP}
    return _hashable(look), objective.layers, objective.key, net.identity()


def _hashable(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return tuple((name, _hashable(each)) for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(_hashable, value))
    return value
