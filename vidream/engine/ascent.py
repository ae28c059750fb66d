"""`Ascent`: what one network does in a step, the gradient of its objective brought to unit size."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor

from vidream.engine.directions import refined, way_up
from vidream.engine.gradient import gradient
from vidream.engine.octaves import covering
from vidream.engine.step_key import step_key
from vidream.looks.mixture import with_networks
from vidream.looks.preset import Preset
from vidream.motion.wrap import Wrap
from vidream.networks import Net, NetworkPool
from vidream.objectives import Objective, objective_of, own_part

__all__ = ["Ascent", "ascents_of"]

Score = Callable[..., Tensor]


class Ascent:
    """One network of a dream.

    Args:
        net: the network.
        objective: what is climbed in it.
        share: its weight in the step, beside other networks.

    Attributes:
        stride: of the coarsest layer that is looked at, 32 px at most.

    Raises:
        NetError: the network lacks a layer that the objective reads.
    """

    def __init__(self, net: Net, objective: Objective, *, share: float = 1.0) -> None:
        self.net, self.objective, self.share = net, objective, share
        names = layers_read(objective)
        net.check_layers(names)
        strides = [info.stride for info in net.describe_layers(sorted(names))] if names else [1]
        # Logits of a whole picture have no stride; their nets halve the picture five times.
        self.stride = min(max(strides), 32)

    def needs(self, prefix: str) -> list[str]:
        """Layers that the objective asks for under a prefix: "source/", "guide/", or "" for the picture's own."""
        return [
            name.removeprefix(prefix)
            for name in self.objective.layers
            if (name.startswith(prefix) if prefix else "/" not in name and name != "picture")
        ]

    def key(self, look: Preset) -> Hashable:
        """Equal for two ascents only where both make the same of every picture."""
        return self.share, step_key(look, self.objective, self.net)

    def scorer(self, size: tuple[int, ...], guides: Sequence[Tensor], tile: int) -> Score:
        """The score at one octave's size: a function of the picture and, cut as it is, the source.

        Args:
            size: (height, width) px.
            guides: [1,3,h,w] each; not looked at where the objective asks for none.
            tile: largest side worked on at once, px.
        """
        given = {}
        if self.needs("guide/"):
            fitted = torch.cat([covering(each.to(self.net.device, torch.float32), size, tile) for each in guides])
            with torch.no_grad():
                found = self.net.features(fitted, self.needs("guide/"))
            given = {f"guide/{name}": value for name, value in found.items()}

        def score(picture: Tensor, source: Tensor | None = None) -> Tensor:
            features = {"picture": picture, **given}
            if self.needs(""):
                features |= self.net.features(picture, self.needs(""))
            if source is not None and self.needs("source/"):
                with torch.no_grad():
                    found = self.net.features(source, self.needs("source/"))
                features |= {f"source/{name}": value for name, value in found.items()}
            return self.objective(features)

        return score

    def direction(
        self,
        score: Score,
        picture: Tensor,
        *aligned: Tensor,
        look: Preset,
        tile: int,
        wrap: Wrap = Wrap.NONE,
        shift: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """The way up from a picture [B,3,H,W], as the look wants it: mean absolute value 1. See `way_up`."""
        if wrap:
            return way_up(score, picture, *aligned, look=look, stride=self.stride, tile=tile, wrap=wrap, shift=shift)
        return refined(gradient(score, picture, *aligned, stride=self.stride, tile=tile), look, wrap)


def ascents_of(
    preset: Preset, networks: NetworkPool, *, own_net: Net | None = None, own_objective: Objective | None = None
) -> tuple[Ascent, ...]:
    """One for each network of the preset, in its order, as it is at the film's start.

    Args:
        preset: the look.
        networks: where its networks are, or are loaded to.
        own_net: dreams in place of them.
        own_objective: is climbed in place of what the preset asks for, in the first network that has its layers.

    Raises:
        PresetError: fields of the preset do not go together.
        NetError: a network, its weights or what the preset asks of it is not there.
    """
    preset = preset.at(0)
    shares = {name: share for name, share in preset.networks.items() if isinstance(share, (int, float))}
    if own_net is not None:
        nets = [own_net.with_batch_norm(preset.batch_norm)]
        preset = with_networks(preset, nets[0].name) if len(shares) > 1 else preset
        shares = {nets[0].name: 1.0}
    else:
        nets = [networks.net(name, batch_norm=preset.batch_norm) for name in shares]
    if own_objective is not None:
        fitting = [net for net in nets if layers_read(own_objective) <= set(net.layers)]
        return (Ascent((fitting or nets)[0], own_objective),)
    return tuple(Ascent(net, objective_of(own_part(preset, net, nets), net), share=shares[net.name]) for net in nets)


def layers_read(objective: Objective) -> set[str]:
    """The layers of a network that `objective` reads, of the picture, its source or its guides."""
    return {name.rpartition("/")[2] for name in objective.layers if name != "picture"}
