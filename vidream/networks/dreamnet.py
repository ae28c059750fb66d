"""dreamnet: the network that comes with vidream, so that the first dream needs no download.

A small residual classifier of painted motifs, trained robustly (L2 adversarial, Madry et al. 2018,
arXiv:1706.06083), which is what makes its gradients paint (Santurkar et al. 2019, arXiv:1906.09453).
Built against checkerboards in the gradient: every stride is a 2x2 average, as a pool or folded into
the kernel before it (`SmoothKernel`), so that no pixel counts more than its neighbour; there is no
max-pool; SiLU is smooth.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from vidream.errors import NetError
from vidream.networks.entry import LoadedNetwork, NetworkEntry, WeightsPlace, WeightsState

__all__ = ["DreamNet", "Embedded", "SmoothKernel", "load_dreamnet", "network_entries"]

MEAN, STD = (0.45, 0.45, 0.45), (0.25, 0.25, 0.25)
GOOD_LAYERS = ("s1", "s2", "s3a", "s3b", "s4", "head")
DEFAULT_LAYER = "s3b"
# Half the channels at stride 2 of the usual ones: that resolution takes most of the time, and 16 numbers
# still say more than the 12 of the pixels below them. One gradient step: 1/3.2 of GoogLeNet's, 2 cores.
WIDTHS = (16, 48, 128, 224)
WEIGHTS = Path(__file__).with_name("dreamnet.safetensors")


class DreamNet(nn.Module):
    """Motif classifier: picture [B,3,H,W] after mean and std -> logits [B,classes,H/16,W/16].

    widths: channels at strides 2, 4, 8 and 16. The last class is "background".
    """

    def __init__(self, class_count: int, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        w2, w4, w8, w16 = widths
        self.stem = _ConvNorm(3, w2, kernel=6, stride=2)
        self.s1 = _ConvNorm(w2, w2)
        self.d2 = _ConvNorm(w2, w4, kernel=4, stride=2)
        self.s2 = _Residual(w4)
        self.d3 = _Down(w4, w8)
        self.s3a = _Residual(w8)
        self.s3b = _Residual(w8)
        self.d4 = _Down(w8, w16)
        self.s4 = _Residual(w16)
        self.head = nn.Conv2d(w16, class_count, 1)

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.children():
            x = stage(x)
        return x

    @property
    def strided(self) -> tuple[nn.Conv2d, ...]:
        """The convolutions whose kernels end in a 2x2 average; training holds them to it."""
        return (self.stem.conv, self.d2.conv)


class SmoothKernel(nn.Module):
    """A parametrization of kernels [O,I,k,k], k even, as (k-1)x(k-1) ones followed by a 2x2 average.

    A convolution at stride 2 with such a kernel gives each of the four phases of the pixel grid the same
    share in its gradient: dreams get no dimples of two pixels. At run time it is a plain kernel.
    """

    def forward(self, core: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(core, (1, 1, 1, 1)), 2, 1)

    def right_inverse(self, kernel: Tensor) -> Tensor:
        """A core of the right size to begin from."""
        return kernel[:, :, 1:, 1:].clone()


class Embedded(NamedTuple):
    """What a file of dreamnet weights holds.

    Attributes:
        module: the network with its weights.
        classes: names of the classes, in the order of the logits; "background" is not among them.
        groups: group name -> names of its classes.
        energy: layer -> mean squared activation of each channel over training scenes; empty where never measured.
    """

    module: DreamNet
    classes: list[str]
    groups: dict[str, list[str]]
    energy: dict[str, list[float]]


def load_dreamnet(path: Path | None = None) -> Embedded:
    """The network with its weights, and what is known of it. Raises NetError."""
    path = path or WEIGHTS
    try:
        with safe_open(path, framework="pt") as stored:
            about = stored.metadata() or {}
            state = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118
        classes, groups = json.loads(about["classes"]), json.loads(about["groups"])
        module = DreamNet(len(classes) + 1, tuple(json.loads(about["widths"])))
        module.load_state_dict(state)
        energy = json.loads(about.get("energy", "{}"))
    except (OSError, SafetensorError) as error:
        raise NetError(f"cannot read dreamnet weights {path}: {error}") from None
    except (KeyError, ValueError, TypeError, RuntimeError):
        raise NetError(
            f"{path} holds no dreamnet weights; give another file, or none for those that come with vidream",
            argument="weights",
        ) from None
    return Embedded(module, classes, groups, energy)


def network_entries() -> tuple[NetworkEntry, ...]:
    """The entry of the embedded network."""
    return (
        NetworkEntry(
            name="dreamnet",
            load=_loaded,
            untrained=lambda: _loaded(None),
            weights=lambda: WeightsState(WeightsPlace.EMBEDDED, WEIGHTS, size_bytes=WEIGHTS.stat().st_size),
            mean=MEAN,
            std=STD,
            good_layers=GOOD_LAYERS,
            default_layers={DEFAULT_LAYER: 1.0},
        ),
    )


def _loaded(weights: Path | None) -> LoadedNetwork:
    found = load_dreamnet(weights)
    return LoadedNetwork(found.module, found.classes, "head", found.groups, found.energy)


class _ConvNorm(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, active: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - stride + 1) // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = nn.SiLU() if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(x)))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.a = _ConvNorm(width, width)
        self.b = _ConvNorm(width, width, active=False)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x + self.b(self.a(x)))


class _Down(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = _ConvNorm(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.avg_pool2d(x, 2))
