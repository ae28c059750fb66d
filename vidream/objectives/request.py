"""What a preset asks of a network: the argument of every part of `build`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from vidream.errors import NetError, PresetError, close_names
from vidream.looks.mixture import named_weights, split_name
from vidream.looks.preset import Preset
from vidream.networks import Net

__all__ = ["Request", "own_part"]


@dataclass(frozen=True)
class Request:
    """A preset at one moment of the film, and the network that is asked.

    Attributes:
        preset: without schedules.
        net: the loaded network.
    """

    preset: Preset
    net: Net

    @cached_property
    def layers(self) -> dict[str, float]:
        """Layer -> weight: the preset's own, or the network's choice. Raises NetError where neither names one."""
        layers = dict(self.preset.layers) or self.net.default_layers
        if not layers:
            raise NetError(
                f"{self.net.name} has no layer of its own choice; name one in layers. "
                f"List all: vidream layers --net {self.net.name}"
            )
        self.net.check_layers(layers)
        return layers


def own_part(preset: Preset, net: Net, nets: Sequence[Net]) -> Preset:
    """What a preset asks of one of its networks, as a preset of that network alone.

    A layer, subject or class without a network's name is asked of every network that has it.

    Args:
        preset: without schedules.
        net: one of `nets`.
        nets: all networks of the preset.

    Raises:
        NetError: no network has what the preset names.
        PresetError: channels are asked for, and no layer is named whose they are.
    """
    known = [each.name for each in nets]
    own: dict[str, dict[str, float]] = {}
    for field, weights in named_weights(preset).items():
        own[field] = {}
        for name, weight in weights.items():
            network, inner = split_name(name, known)
            owners = [network] if network else known
            if len(nets) > 1 and not network:
                owners = [each.name for each in nets if _has(each, field, inner)]
            if not owners:
                names = [found for each in nets for found in _names(each, field)]
                what = "layer" if field == "layers" else "subject" if field == "subject" else "class"
                raise NetError(f'no {what} "{name}" in {" or ".join(known)}; {close_names(name, names)}')
            if net.name in owners:
                own[field][inner] = weight
    if preset.channels and len(nets) > 1 and not preset.layers:
        raise PresetError("channels are those of a layer; with several networks name the layer too")
    return preset.replace(
        net=net.name,
        layers=own["layers"],
        subject=own["subject"],
        class_id=next(iter(own["class_id"]), ""),
        channels=preset.channels if own["layers"] or len(nets) == 1 else (),
    )


def _names(net: Net, field: str) -> tuple[str, ...]:
    return net.layers if field == "layers" else (*net.groups, *net.classes)


def _has(net: Net, field: str, name: str) -> bool:
    if field == "layers":
        return name in net.layers
    is_number = field == "class_id" and name.isdigit() and int(name) < len(net.classes)
    return is_number or net.known_subject(name) is not None
