"""The convolution of the fast CPU engine: weights packed for oneDNN, for the forward and the backward pass."""

from __future__ import annotations

from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidream.networks.cpu.steps import Step, Tape, channels_last, pair, relu_backward

__all__ = ["Conv"]

# Up to this many channels, the backward pass of a strided convolution is a dense convolution that gives all phases of
# the stride at once: in bf16 oneDNN takes 12 ms for a first layer of 7x7 on 320x240 (two cores), this way takes 0.9 ms.
PHASED_CHANNELS = 64


class Conv(Step):
    """A convolution; a value may be added to it and a ReLU may follow, both fused. Reads (x) or (x, added)."""

    def __init__(self, conv: nn.Conv2d, read: int, write: int) -> None:
        super().__init__((read,), write)
        self.weight, self.bias = conv.weight.detach(), conv.bias.detach() if conv.bias is not None else None
        self.padding, self.stride = pair(conv.padding), pair(conv.stride)
        self.has_relu = False
        self._backward_padding = (0, 0)
        self._has_dense_backward = False

    @property
    def weight_bytes(self) -> int:
        """Bytes of its weights."""
        return self.weight.numel() * self.weight.element_size()

    @property
    def kernel(self) -> tuple[int, int]:
        """(rows, columns) of its kernel."""
        return self.weight.shape[2], self.weight.shape[3]

    @staticmethod
    def fits(conv: nn.Conv2d) -> bool:
        """True where `conv` can be one of these."""
        if conv.groups != 1 or conv.padding_mode != "zeros" or isinstance(conv.padding, str):
            return False
        inside = all(pad < size for pad, size in zip(pair(conv.padding), pair(conv.kernel_size), strict=True))
        return inside and pair(conv.dilation) == (1, 1)

    def pack(self, most_shapes: int) -> None:
        """Prepare the weights; packed copies are kept for the last `most_shapes` shapes of input."""
        forward, backward = self.weight, None
        if self.stride == (1, 1):
            self._backward_padding = self.kernel[0] - 1 - self.padding[0], self.kernel[1] - 1 - self.padding[1]
            backward = self.weight.flip(2, 3).transpose(0, 1)
        elif self.weight.shape[1] <= PHASED_CHANNELS and self.stride[0] == self.stride[1]:
            backward, self._backward_padding = _phase_weights(self.weight, self.stride[0], self.padding)
        self._has_dense_backward = backward is not None
        backward = forward if backward is None else backward
        keep = lru_cache(most_shapes)
        self._forward_weight = keep(partial(_packed, channels_last(forward), self.padding, self.stride))
        self._backward_weight = keep(partial(_packed, channels_last(backward), self._backward_padding, (1, 1)))

    def forward(self, tape: Tape) -> None:
        x = channels_last(tape.values[self.reads[0]])
        weight = self._forward_weight(tuple(x.shape))
        geometry = (self.padding, self.stride, (1, 1), 1)
        if len(self.reads) == 2:
            added = channels_last(tape.values[self.reads[1]])
            tape.values[self.write] = torch.ops.mkldnn._convolution_pointwise.binary(
                x, added, weight, self.bias, *geometry, "add", None, "relu" if self.has_relu else None, [], None
            )
        else:
            tape.values[self.write] = torch.ops.mkldnn._convolution_pointwise(
                x, weight, self.bias, *geometry, "relu" if self.has_relu else "none", [], ""
            )

    def _backward(self, tape: Tape, gradient: Tensor, owned: bool) -> None:
        if self.has_relu:
            gradient, owned = relu_backward(gradient, tape.values[self.write], in_place=owned), True
        dense = channels_last(gradient)
        owned = owned or dense is not gradient
        x = tape.values[self.reads[0]]
        tape.add_gradient(self.reads[0], self._input_gradient(dense, x), owned=True)
        if len(self.reads) == 2:
            tape.add_gradient(self.reads[1], dense, owned=owned)

    def _input_gradient(self, gradient: Tensor, x: Tensor) -> Tensor:
        if not self._has_dense_backward:
            only_input = [True, False, False]
            return torch.ops.aten.convolution_backward(
                gradient, x, self.weight, None, self.stride, self.padding, (1, 1), False, (0, 0), 1, only_input
            )[0]
        weight = self._backward_weight(tuple(gradient.shape))
        geometry = (self._backward_padding, (1, 1), (1, 1), 1)
        found = torch.ops.mkldnn._convolution_pointwise(gradient, weight, None, *geometry, "none", [], "")
        return found if self.stride == (1, 1) else self._interleaved(found, x)

    def _interleaved(self, phases: Tensor, x: Tensor) -> Tensor:
        """The gradient of x from its phases [B,s*s*C,h,w], ordered as `_phase_weights` gives them."""
        side = self.stride[0]
        rows, columns = (-(-size // side) for size in x.shape[-2:])
        top, left = (_first_output(pad, size, side) for pad, size in zip(self.padding, self.kernel, strict=True))
        top, left = top + self._backward_padding[0], left + self._backward_padding[1]
        phases = phases[..., top : top + rows, left : left + columns]
        # Rows that the stride never reached have no gradient.
        missing = (0, columns - phases.shape[-1], 0, rows - phases.shape[-2])
        phases = F.pad(phases, missing) if any(missing) else phases
        # In memory a line of phases lies as it will in the gradient: only lines change places, in one pass.
        lines = phases.permute(0, 2, 3, 1).unflatten(3, (side, -1)).transpose(2, 3)
        found = lines.contiguous().view(x.shape[0], rows * side, columns * side, -1).permute(0, 3, 1, 2)
        return found[..., : x.shape[-2], : x.shape[-1]]


def _packed(weight: Tensor, padding: tuple[int, int], stride: tuple[int, int], shape: tuple[int, ...]) -> Tensor:
    # For this very shape: with weights packed for another one oneDNN may take its reference code, 3 to 40 times slower.
    return torch.ops.mkldnn._reorder_convolution_weight(weight, padding, stride, (1, 1), 1, shape)


def _first_output(padding: int, size: int, stride: int) -> int:
    """The lowest output position, relative to i, that reads one of the pixels stride * i + phase."""
    return -((size - 1 - padding) // stride)


def _phase_weights(weight: Tensor, stride: int, padding: tuple[int, int]) -> tuple[Tensor, tuple[int, int]]:
    """Weights [s*s*I,O,kh,kw] of a dense convolution that gives the s*s phases of a strided one's gradient.

    Output i + d reads pixel s*i + a with kernel place a + p - s*d. Also returns the padding that it needs.
    """
    out, inputs, *sizes = weight.shape
    lows = [_first_output(pad, size, stride) for pad, size in zip(padding, sizes, strict=True)]
    highs = [(stride - 1 + pad) // stride for pad in padding]
    spans = [high - low + 1 for low, high in zip(lows, highs, strict=True)]
    found = weight.new_zeros(stride, stride, inputs, out, *spans)
    for a in range(stride):
        for b in range(stride):
            for down in range(spans[0]):
                for right in range(spans[1]):
                    y = a + padding[0] - stride * (down + lows[0])
                    x = b + padding[1] - stride * (right + lows[1])
                    if 0 <= y < sizes[0] and 0 <= x < sizes[1]:
                        found[a, b, :, :, down, right] = weight[:, :, y, x].T
    return found.flatten(0, 2), (max(-lows[0], highs[0]), max(-lows[1], highs[1]))
