"""inception5h: Inception v1 as in TensorFlow's `tensorflow_inception_graph.pb`, which drew the well-known dreams.

`inception5h_weights` reads the user's own frozen graph without TensorFlow; the layers have the graph's names:
`mixed4c`, `mixed4d_3x3_bottleneck_pre_relu` (before the ReLU), `mixed4d_3x3_bottleneck` (after).
Architecture: Szegedy et al. 2014, arXiv:1409.4842, with the widths, paddings and norms of the graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vidream.networks.tensorflow_layers import (
    LocalNorm,
    average_pool,
    concat,
    convolution,
    local_norm,
    max_pool,
)

__all__ = ["ConvShape", "Inception5h", "conv_shapes", "untrained_inception5h"]

# The graph takes RGB 0..255 less the mean 117, one number for all channels; Net gives (picture - mean) / std.
MEAN, STD = (117 / 255,) * 3, (1 / 255,) * 3
GOOD_LAYERS = (
    "conv2d1", "conv2d2", "mixed3a", "mixed3b", "mixed4a", "mixed4b", "mixed4c",
    "mixed4d_3x3_bottleneck_pre_relu", "mixed4d", "mixed4e", "mixed5a", "mixed5b",
)  # fmt: skip
DEFAULT_LAYER = "mixed4c"

BRANCHES = ("1x1", "3x3_bottleneck", "3x3", "5x5_bottleneck", "5x5", "pool_reduce")
BLOCKS = {
    "mixed3a": (64, 96, 128, 16, 32, 32),
    "mixed3b": (128, 128, 192, 32, 96, 64),
    "mixed4a": (192, 96, 204, 16, 48, 64),
    "mixed4b": (160, 112, 224, 24, 64, 64),
    "mixed4c": (128, 128, 256, 24, 64, 64),
    "mixed4d": (112, 144, 288, 32, 64, 64),
    "mixed4e": (256, 160, 320, 32, 128, 128),
    "mixed5a": (256, 160, 320, 48, 128, 128),
    "mixed5b": (384, 192, 384, 48, 128, 128),
}
# Channels that each layer with weights puts out in the published graph; its 59 convolutions make 7548.
WIDTHS: dict[str, int] = {
    **{"conv2d0": 64, "conv2d1": 64, "conv2d2": 192},
    **{f"{block}_{branch}": out for block, outs in BLOCKS.items() for branch, out in zip(BRANCHES, outs, strict=True)},
    **{"head0_bottleneck": 128, "nn0": 1024, "softmax0": 1008},
    **{"head1_bottleneck": 128, "nn1": 1024, "softmax1": 1008, "softmax2": 1008},
}

Weights = Mapping[str, tuple[Tensor, Tensor]]  # layer -> (weight [out,in,k,k], bias [out])


class ConvShape(NamedTuple):
    """A convolution of the graph: "mixed4d_3x3_bottleneck_pre_relu/conv", kernel (high, wide, in, out)."""

    name: str
    kernel: tuple[int, int, int, int]

    @property
    def shape(self) -> str:
        """The shape of what it puts out, as TensorFlow prints it: "(?, ?, ?, 144)"."""
        return f"(?, ?, ?, {self.kernel[3]})"


@dataclass(frozen=True)
class _Step:
    """One layer. kind: conv, dense (a matrix product in the graph), max, average, norm or concat."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    window: int = 1
    stride: int = 1

    @property
    def weighted(self) -> bool:
        return self.kind in ("conv", "dense")

    @property
    def before(self) -> str:
        """The name of a weighted layer before its activation."""
        return self.name + ("_pre_activation" if self.name.startswith("softmax") else "_pre_relu")


def _graph_steps() -> Iterator[_Step]:
    """The layers in the order of the graph."""
    yield _Step("conv2d0", "conv", ("input",), 7, 2)
    yield _Step("maxpool0", "max", ("conv2d0",), 3, 2)
    yield _Step("localresponsenorm0", "norm", ("maxpool0",))
    yield _Step("conv2d1", "conv", ("localresponsenorm0",))
    yield _Step("conv2d2", "conv", ("conv2d1",), 3)
    yield _Step("localresponsenorm1", "norm", ("conv2d2",))
    yield _Step("maxpool1", "max", ("localresponsenorm1",), 3, 2)
    last = "maxpool1"
    for block in BLOCKS:
        pool = {"mixed4a": "maxpool4", "mixed5a": "maxpool10"}.get(block)
        if pool:
            yield _Step(pool, "max", (last,), 3, 2)
            last = pool
        yield _Step(f"{block}_1x1", "conv", (last,))
        for size in (3, 5):
            yield _Step(f"{block}_{size}x{size}_bottleneck", "conv", (last,))
            yield _Step(f"{block}_{size}x{size}", "conv", (f"{block}_{size}x{size}_bottleneck",), size)
        yield _Step(f"{block}_pool", "max", (last,), 3)
        yield _Step(f"{block}_pool_reduce", "conv", (f"{block}_pool",))
        yield _Step(block, "concat", tuple(f"{block}_{branch}" for branch in ("1x1", "3x3", "5x5", "pool_reduce")))
        last = block
    yield _Step("avgpool0", "average", (last,), 7)
    for head, block in (("0", "mixed4a"), ("1", "mixed4d")):
        yield _Step(f"head{head}_pool", "average", (block,), 5, 3)
        yield _Step(f"head{head}_bottleneck", "conv", (f"head{head}_pool",))
        yield _Step(f"nn{head}", "dense", (f"head{head}_bottleneck",), 4)
        yield _Step(f"softmax{head}", "dense", (f"nn{head}",))
    yield _Step("softmax2", "dense", ("avgpool0",))


STEPS = tuple(_graph_steps())
OPTIONAL = tuple(name for name in WIDTHS if name.startswith(("head", "nn", "softmax")))


class Inception5h(nn.Module):
    """Inception v1: picture [B,3,H,W] after MEAN and STD -> activations of its last layer [B,C,h,w].

    One sub-module for every tensor of the graph, flat and by its name (`layer_names`), in graph order.
    weights: layer -> (weight, bias); any widths that fit each other; without those of a classifier
    (names in OPTIONAL) its layers are left out.  norms: the two LRNs by name, where not LocalNorm().
    The classifiers run as convolutions, so that a larger picture gives a map of class logits.
    Raises ValueError for weights that are missing or of another shape.
    """

    def __init__(self, weights: Weights, *, norms: Mapping[str, LocalNorm] | None = None) -> None:
        super().__init__()
        self._steps = _kept_steps(weights)
        self.layer_names = tuple(
            name for step in self._steps for name in ((step.before, step.name) if step.weighted else (step.name,))
        )
        channels = {"input": 3}
        for step in self._steps:
            inputs = sum(channels[name] for name in step.inputs)
            channels[step.name] = weights[step.name][1].numel() if step.weighted else inputs
            if step.weighted:
                _check_shape(step, inputs, *weights[step.name])
                same = step.kind == "conv"
                self.add_module(step.before, convolution(*weights[step.name], stride=step.stride, same=same))
                self.add_module(step.name, nn.Softmax(1) if step.before.endswith("activation") else nn.ReLU())
            else:
                norm = (norms or {}).get(step.name, LocalNorm())
                self.add_module(step.name, _plain_layer(step, norm, inputs))

    def forward(self, x: Tensor) -> Tensor:
        made = {"input": x}
        for step in self._steps:
            given = [made[name] for name in step.inputs]
            if step.weighted:
                given = [self.get_submodule(step.before)(*given)]
            made[step.name] = x = self.get_submodule(step.name)(*given)
        return x


def untrained_inception5h(widths: Mapping[str, int] = WIDTHS, *, seed: int = 0) -> Inception5h:
    """The network with random weights (He et al. 2015), for looking at its layers. Raises ValueError."""
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, tuple[Tensor, Tensor]] = {}
    channels = {"input": 3}
    for step in _kept_steps(widths):
        inputs = sum(channels[name] for name in step.inputs)
        channels[step.name] = widths[step.name] if step.weighted else inputs
        if step.weighted:
            weight = torch.randn(widths[step.name], inputs, step.window, step.window, generator=generator)
            weights[step.name] = weight * (2 / weight[0].numel()) ** 0.5, torch.zeros(widths[step.name])
    return Inception5h(weights)


def conv_shapes(module: Inception5h) -> list[ConvShape]:
    """The convolutions of the graph in its order: 59, or fewer where the weights came without side heads."""
    found = []
    for step in STEPS:
        if step.kind == "conv" and step.before in module.layer_names:
            out, inputs, high, wide = module.get_submodule(step.before).get_parameter("weight").shape
            found.append(ConvShape(f"{step.before}/conv", (high, wide, inputs, out)))
    return found


def _kept_steps(present: Mapping[str, object]) -> tuple[_Step, ...]:
    """STEPS less those whose weights may be absent and are, and those that follow them."""
    kept: dict[str, _Step] = {}
    for step in STEPS:
        if step.weighted and step.name not in present:
            if step.name not in OPTIONAL:
                raise ValueError(f"it misses the weights of {step.name}")
        elif all(name == "input" or name in kept for name in step.inputs):
            kept[step.name] = step
    return tuple(kept.values())


def _check_shape(step: _Step, inputs: int, weight: Tensor, bias: Tensor) -> None:
    wanted = (bias.numel(), inputs, step.window, step.window)
    if bias.dim() != 1 or not bias.numel() or tuple(weight.shape) != wanted:
        shapes = ["x".join(str(size) for size in shape) for shape in (tuple(weight.shape), tuple(bias.shape), wanted)]
        raise ValueError(
            f"its layer {step.name} has weights of {shapes[0]} and a bias of {shapes[1]}, "
            f"not {shapes[2]} (out, in, high, wide) and {bias.numel()}"
        )
    if not (weight.isfinite().all() and bias.isfinite().all()):
        raise ValueError(f"its layer {step.name} has weights that are no finite numbers: is it damaged?")


def _plain_layer(step: _Step, norm: LocalNorm, channels: int) -> nn.Module:
    if step.kind == "norm":
        return local_norm(norm, channels)
    if step.kind == "average":
        return average_pool(step.window, step.stride)
    return concat() if step.kind == "concat" else max_pool(step.stride)
