"""tflayers: layers that compute as TensorFlow does, for a network that was trained there.

Feature extraction traces into every module that is not torch's own, and lists what it finds there
("mixed4c.cat") as layers of their own. So each layer here is one of torch's modules, with whatever
TensorFlow does otherwise in a hook before it: it stays one layer, under the graph's name.
Sources: tensorflow.org/api_docs/python/tf/nn (the notes on "SAME" and "VALID" padding, and
local_response_normalization).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["LocalNorm", "average_pool", "concat", "convolution", "local_norm", "max_pool", "torch_weight"]


@dataclass(frozen=True)
class LocalNorm:
    """TensorFlow's LRN: x / (bias + alpha * sum of x^2 over 2 * radius + 1 channels) ^ beta.

    The defaults are inception5h's (printed in github.com/greentfrapp/lucent/pull/51); common ports
    of it to torch have bias 1, and alpha divided by the size of the window.
    """

    radius: int = 5
    bias: float = 2.0
    alpha: float = 1e-4
    beta: float = 0.5

    def __post_init__(self) -> None:
        ranges = (0 <= self.radius <= 1000, 0 < self.bias < 1e6, 0 <= self.alpha < 1e6, 0 <= self.beta < 100)
        if not all(ranges):  # a nan is in no range
            raise ValueError(f"{self} is no norm: radius, alpha and beta are 0 or more, bias is more than 0")


def torch_weight(weight: Tensor, window: int) -> Tensor:
    """TensorFlow's [k,k,in,out] as [out,in,k,k]; so too the matrix [k*k*in,out] that takes a flattened map.

    Other shapes come back as they are.
    """
    if weight.dim() == 2 and len(weight) % window**2 == 0:
        weight = weight.reshape(window, window, len(weight) // window**2, weight.shape[1])
    return weight.permute(3, 2, 0, 1).contiguous() if weight.dim() == 4 else weight


def convolution(weight: Tensor, bias: Tensor, *, stride: int = 1, same: bool = True) -> nn.Conv2d:
    """weight [out,in,k,k] with k odd and padding "SAME"; or, where not `same`, "VALID" over at least one window."""
    out, inputs, window = weight.shape[:3]
    # On "meta": the weights are at hand, and drawing random ones first would take longer than loading them.
    conv = nn.Conv2d(inputs, out, window, stride, window // 2 if same and stride == 1 else 0, device="meta")
    conv.weight, conv.bias = nn.Parameter(weight), nn.Parameter(bias)
    if same and stride > 1:
        conv.register_forward_pre_hook(partial(_pad_same, window=window, stride=stride))
    elif not same and window > 1:
        conv.register_forward_pre_hook(partial(_pad_up, window=window))
    return conv


def max_pool(stride: int) -> nn.Module:
    """Windows of 3x3, stride 1 or 2, padding "SAME" that is never the maximum."""
    return nn.MaxPool2d(3, 1, 1) if stride == 1 else _hooked(_max_pool_by_two, window=3, stride=2)


def average_pool(window: int, stride: int) -> nn.Module:
    """Padding "VALID"; a map smaller than the window is averaged whole, so that small pictures dream too."""
    return _hooked(partial(_average_pool, window=window, stride=stride), window=window, stride=stride)


def concat() -> nn.Module:
    """Several [B,C,h,w] as one, by channels."""
    return _hooked(_concat)


def local_norm(norm: LocalNorm, channels: int) -> nn.Module:
    """LRN over `channels`, as a 1x1 convolution of the squares with a band of ones.

    torch's own LRN has no bfloat16 on the CPU, and took 21 ms for 64 channels of 80x60, forward and
    back in float32 on one core, where this took 4 (192 channels: 64 and 20).
    """
    index = torch.arange(channels)
    band = ((index[:, None] - index).abs() <= norm.radius).float()
    module = _hooked(partial(_normalise, norm=norm))
    module.register_buffer("band", band.view(channels, channels, 1, 1), persistent=False)
    return module


def _hooked(hook: Callable[..., Tensor], *, window: int = 1, stride: int = 1) -> nn.Module:
    module = nn.Identity()
    module.register_forward_pre_hook(hook)
    # As torch's own pools say it, for whoever asks how much of the picture a layer sees.
    module.kernel_size, module.stride = window, stride  # type: ignore[assignment]
    return module


def _normalise(module: nn.Module, given: tuple[Tensor], *, norm: LocalNorm) -> Tensor:
    (x,) = given
    # alpha goes in before the square, which float16 could not hold above 255.
    power = F.conv2d((x * norm.alpha**0.5).square(), module.get_buffer("band"))
    return x * (power + norm.bias) ** -norm.beta


def _pad_same(module: nn.Module, given: tuple[Tensor], *, window: int, stride: int) -> Tensor:
    """Zeros for ceil(size / stride) windows; where their number is odd, one more right and below."""
    (x,) = given
    pads: list[int] = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + window - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def _pad_up(module: nn.Module, given: tuple[Tensor], *, window: int) -> Tensor:
    """Zeros right and below, up to one window: a smaller map meets the first part of a classifier's matrix."""
    (x,) = given
    return F.pad(x, (0, max(window - x.shape[-1], 0), 0, max(window - x.shape[-2], 0)))


def _max_pool_by_two(module: nn.Module, given: tuple[Tensor]) -> Tensor:
    # "SAME" pads an odd size by one on both sides, and an even one by one after its end, which is
    # the half window that ceil_mode adds. torch pads neither with a number: as if with -inf.
    (x,) = given
    return F.max_pool2d(x, 3, 2, padding=(x.shape[-2] % 2, x.shape[-1] % 2), ceil_mode=True)


def _average_pool(module: nn.Module, given: tuple[Tensor], *, window: int, stride: int) -> Tensor:
    (x,) = given
    return F.avg_pool2d(x, (min(window, x.shape[-2]), min(window, x.shape[-1])), stride)


def _concat(module: nn.Module, given: tuple[Tensor, ...]) -> Tensor:
    return torch.cat(given, 1)
