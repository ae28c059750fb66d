"""What a preset asks of a network: the argument of every part of `build`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from vidream.errors import NetError
from vidream.looks.preset import Preset
from vidream.networks import Net

__all__ = ["Request"]


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
