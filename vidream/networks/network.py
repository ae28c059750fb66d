"""Net: a frozen network, folded and cut after the deepest layer asked for."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor, fx, nn
from torch.utils.flop_counter import FlopCounterMode

from vidream.errors import NetError, close_names
from vidream.networks.folding import fold_batch_norm, make_strided_depthwise_fast, use_own_statistics
from vidream.networks.layer_graph import cut_after, layer_names
from vidream.networks.layers import LayerInfo, measure_layers
from vidream.networks.tracing import running, tracing

__all__ = ["Net"]


class Net:
    """A network to dream with: `features(picture, layers) -> {layer: activation}`.

    Parameters never get gradients, batch norm is folded into the convolutions before it, and nothing past the deepest
    layer asked for is run (the network is cut once for each set of layers).

    Args:
        module: takes [B,3,H,W] after `mean` and `std`.
        name: what messages call it.
        mean: of the pictures it was trained on, RGB, 0..1.
        std: their standard deviation.
        good_layers: the layers worth dreaming, shallow to deep.
        default_layers: layer -> weight, where a preset names none.
        class_layer: the layer of class logits; by default the last one, where there are classes.
        classes: names of the classes, in the order of the logits.
        groups: group name -> names of its classes.
        channel_energy: layer -> usual mean square of every channel, by which a layer's growth is balanced.
        pools_logits: it was trained on the mean of its logits over the picture.
        device: where it computes.
        dtype: number format that it computes in.
        batch_norm: "eval" uses the learned statistics, "train" the picture's own.

    Raises:
        NetError: `batch_norm` is "train" and the network has no batch norm.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        good_layers: Sequence[str] = (),
        default_layers: Mapping[str, float] | None = None,
        class_layer: str = "",
        classes: Sequence[str] = (),
        groups: Mapping[str, Sequence[str]] | None = None,
        channel_energy: Mapping[str, Sequence[float]] | None = None,
        pools_logits: bool = False,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        batch_norm: str = "eval",
    ) -> None:
        self.name = name
        self.good_layers = tuple(good_layers)
        self.default_layers = dict(default_layers or {})
        self.classes = tuple(classes)
        self.groups = {group: tuple(names) for group, names in (groups or {}).items()}
        self.device = torch.device(device)
        self.channel_energy = {
            layer: torch.tensor(energy, device=self.device) for layer, energy in (channel_energy or {}).items()
        }
        self.pools_logits = pools_logits
        self.dtype = dtype
        self._module = module.eval().requires_grad_(False)
        with tracing():
            self._nodes = layer_names(self._module)
        self.class_layer = class_layer or (self._nodes[-1] if classes else "")
        self.batch_norm = batch_norm
        self._check_batch_norm()
        self._cuts: dict[tuple[str, ...], nn.Module] = {}
        self._described: dict[tuple[str, ...], list[LayerInfo]] = {}
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(mean, device=self.device).view(shape)
        self._scale = 1.0 / torch.tensor(std, device=self.device).view(shape)

    def features(self, picture: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Activations of `layers` for a picture.

        Args:
            picture: [B,3,H,W], RGB, 0..1.
            layers: names out of `self.layers`.

        Returns:
            Layer -> float32 [B,C,h,w].

        Raises:
            NetError: this network does not have a layer.
        """
        cut = self._cut(tuple(layers))
        # First the layout, then the type: the other way round takes twice as long on a processor.
        x = self.normalised(picture).contiguous(memory_format=torch.channels_last).to(self.dtype)
        with running():
            return {name: found.float() for name, found in cut(x).items()}

    def normalised(self, picture: Tensor) -> Tensor:
        """`picture` [B,3,H,W], RGB, 0..1, as the network was trained to take it."""
        return (picture - self._mean) * self._scale

    def with_batch_norm(self, batch_norm: str) -> Net:
        """This network with other statistics for batch norm, "eval" or "train"; the weights are shared.

        Raises:
            NetError: `batch_norm` is "train" and the network has no batch norm.
        """
        if batch_norm == self.batch_norm:
            return self
        other = copy.copy(self)
        other.batch_norm = batch_norm
        other._check_batch_norm()
        other._cuts = {}
        return other

    def plain_extractor(self, layers: Iterable[str]) -> fx.GraphModule:
        """The network up to `layers` as torch has it, float32 and unfolded: the baseline of every speed claim.

        Takes `normalised` pictures. Raises NetError.
        """
        wanted = tuple(layers)
        self.check_layers(wanted)
        with tracing():
            extractor = cut_after(copy.deepcopy(self._module), wanted)
        return extractor.to(self.device)

    def folded_extractor(self, layers: Iterable[str]) -> fx.GraphModule:
        """As `plain_extractor`, but frozen, with batch norm folded (in "eval" mode), channels_last, in `dtype`."""
        extractor = self.plain_extractor(layers)
        if self.batch_norm == "eval":
            fold_batch_norm(extractor)
        else:
            use_own_statistics(extractor)
        extractor.requires_grad_(False)
        extractor.to(self.device, self.dtype).to(memory_format=torch.channels_last)
        if self.device.type == "cpu" and self.dtype != torch.float32:
            make_strided_depthwise_fast(extractor)
        return extractor

    def operations(self, layers: Iterable[str], height: int, width: int) -> int:
        """Multiplications and additions of a forward pass to `layers`, sides of the picture in px. Raises NetError."""
        extractor = self.plain_extractor(layers).to("cpu")
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            extractor(torch.zeros(1, 3, height, width))
        return int(counter.get_total_flops())

    def fingerprint(self) -> str:
        """A short name for the network's weights: other weights, another name. Computed once."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.blake2b(digest_size=8)
        for name, tensor in sorted(self._module.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().float().contiguous().numpy().data)
        return digest.hexdigest()

    def identity(self) -> tuple[str, ...]:
        """What decides the result of `features`: name, weights, normalisation, batch norm, device, number format."""
        numbers = [*self._mean.flatten().tolist(), *self._scale.flatten().tolist()]
        kind = (self.batch_norm, str(self.device), str(self.dtype))
        return (self.name, self.fingerprint(), *kind, *map(str, numbers))

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Every layer that can be asked for, the ones worth dreaming first."""
        return self.good_layers + tuple(name for name in self._nodes if name not in self.good_layers)

    def check_layers(self, layers: Iterable[str]) -> None:
        """Raises NetError, with the close names, for a layer this network does not have."""
        for name in layers:
            if name not in self._nodes:
                raise NetError(
                    f'no layer "{name}" in {self.name}; {close_names(name, self.layers)}. '
                    f"List all: vidream layers --net {self.name}"
                )

    def describe_layers(self, layers: Iterable[str] | None = None) -> list[LayerInfo]:
        """What each of `layers` (default: all) gives; see `LayerInfo`. Raises NetError."""
        wanted = tuple(layers) if layers is not None else self.layers
        if wanted not in self._described:
            self.check_layers(wanted)
            with tracing():
                self._described[wanted] = measure_layers(self._module, wanted)
        return list(self._described[wanted])

    def class_weights(self, subject: Mapping[str, float]) -> dict[int, float]:
        """Class number -> weight, for subjects given by class or group name. Raises NetError.

        A group shares its weight out evenly, so that a big group does not drown a small one. The
        largest weight given is taken as 1: how much a subject counts beside layers is not said here.
        """
        if not self.classes:
            raise NetError(
                f'subject needs a network with named classes; "{self.name}" has none', use={"net": "dreamnet"}
            )
        weights: dict[int, float] = {}
        largest = max(subject.values(), default=0.0)
        for name, weight in subject.items():
            found = self.known_subject(name)
            if found is None:
                known = [*self.groups, *self.classes]
                raise NetError(f'no subject "{name}" in {self.name}; {close_names(name, known)}')
            if weight <= 0:
                continue
            members = self.groups.get(found, (found,))
            for member in members:
                index = self._class_numbers[member.lower()]
                weights[index] = weights.get(index, 0.0) + weight / largest / len(members)
        return weights

    def known_subject(self, name: str) -> str | None:
        """The group or class called `name`, in any case of its letters; None where there is none."""
        return self._subjects.get(name.lower())

    @cached_property
    def _subjects(self) -> dict[str, str]:
        # Of a group and a class with one name, the group.
        return {name.lower(): name for name in (*self.classes, *self.groups)}

    @cached_property
    def _class_numbers(self) -> dict[str, int]:
        # Of two classes with one name, the first.
        return {name.lower(): number for number, name in reversed(list(enumerate(self.classes)))}

    def class_index(self, name: str) -> int:
        """The number of a class given by its name or number. Raises NetError."""
        count = len(self.classes)
        if name.isdigit() and int(name) < count:
            return int(name)
        if name.lower() in self._class_numbers:
            return self._class_numbers[name.lower()]
        if not count:
            raise NetError(f"{self.name} has no classes; name layers, or another network")
        raise NetError(
            f'no class "{name}" in {self.name}; 0 to {count - 1}, or a name; {close_names(name, self.classes)}'
        )

    def _check_batch_norm(self) -> None:
        if self.batch_norm == "train" and not any(isinstance(each, nn.BatchNorm2d) for each in self._module.modules()):
            raise NetError(
                f"{self.name} has no batch norm, so batch_norm must be eval; leave it out or take another net"
            )

    def _cut(self, layers: tuple[str, ...]) -> nn.Module:
        if layers not in self._cuts:
            self._cuts[layers] = self.folded_extractor(layers)
        return self._cuts[layers]
