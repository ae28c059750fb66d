"""Looks of several networks: which layers, subjects and class of a preset are whose.

A name may say its network, "efficientnet_lite0/blocks.10". One that does not goes to every network that has it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from vidream.looks.preset import Preset

__all__ = ["named_weights", "split_name", "with_networks"]


def with_networks(preset: Preset, networks: str | Mapping[str, Any]) -> Preset:
    """`preset` dreamed by other networks, or by its own in other shares.

    What it names of networks that stay is kept; a new network starts from its own choice of layers.

    Args:
        preset: any look.
        networks: as in the field `net`: a name, or names and shares.

    Raises:
        PresetError: they are no names and shares.
    """
    other = Preset(net=networks)
    before, after = set(preset.networks), set(other.networks)
    if before == after:
        return preset.replace(net=other.net)
    kept: dict[str, dict[str, Any]] = {}
    for name, weights in named_weights(preset).items():
        kept[name] = {}
        for key, weight in weights.items():
            network, own = split_name(key, before)
            network = network or (next(iter(before)) if len(before) == 1 else "")
            if network in after:
                kept[name][f"{network}/{own}" if len(after) > 1 else own] = weight
    return preset.replace(
        net=other.net,
        layers=kept["layers"],
        subject=kept["subject"],
        class_id=next(iter(kept["class_id"]), ""),
        channels=preset.channels if kept["layers"] else (),
    )


def named_weights(preset: Preset) -> dict[str, dict[str, Any]]:
    """The fields that name what a network has, each as name -> weight."""
    class_id = {preset.class_id: 1.0} if preset.class_id else {}
    return {"layers": dict(preset.layers), "subject": dict(preset.subject), "class_id": class_id}


def split_name(name: str, networks: Collection[str]) -> tuple[str, str]:
    """ "efficientnet_lite0/blocks.10" as network and name in it; the network is "" where none of `networks` is said."""
    network, _, own = name.partition("/")
    return (network, own) if own and network in networks else ("", name)
