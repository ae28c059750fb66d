"""conv: the convolution as a step, its weights packed for oneDNN in both directions."""

from __future__ import annotations

from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidream.networks.cpu.steps import Step, Tape, before_relu, dense, is_dense, pair

__all__ = ["Conv"]

_aten = torch.ops.aten
# Up to so many channels a strided convolution is gone back through as a dense one of its phases: oneDNN
# takes 12 ms for a first layer of 7x7 on 320x240 (two cores), the phases take 0.9.
PHASED_CHANNELS = 64


class Conv(Step):
    """A convolution, after which a value may be added and negative ones cut off: reads (x) or (x, added).

    Several of one kernel on the same value are one (`merge`), and write a slot each.
    """

    def __init__(self, conv: nn.Conv2d, read: int, write: int) -> None:
        super().__init__((read,), write)
        self.weight, self.bias = conv.weight.detach(), conv.bias.detach() if conv.bias is not None else None
        self.padding, self.stride = pair(conv.padding), pair(conv.stride)
        self.is_cut = False
        # False where the pool after it does this instead, on a quarter of the values.
        self.masks = True
        self._widths = [self.weight.shape[0]]
        self._reach = (0, 0)
        self._has_back = False

    @property
    def weight_bytes(self) -> int:
        return self.weight.numel() * self.weight.element_size()

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weight.shape[2], self.weight.shape[3]

    @staticmethod
    def fits(conv: nn.Conv2d) -> bool:
        """True where a convolution can be one of these."""
        if conv.groups != 1 or conv.padding_mode != "zeros" or isinstance(conv.padding, str):
            return False
        inside = all(pad < size for pad, size in zip(pair(conv.padding), pair(conv.kernel_size), strict=True))
        return inside and pair(conv.dilation) == (1, 1)

    def merge(self, other: Conv) -> None:
        """Take `other` in, which reads the same and has the same kernel."""
        self.weight = torch.cat([self.weight, other.weight])
        if self.bias is not None and other.bias is not None:
            self.bias = torch.cat([self.bias, other.bias])
        self.writes += other.writes
        self._widths += other._widths

    def pack(self, most_shapes: int) -> None:
        """Get the weights ready, for so many shapes of input at a time."""
        onward, backward = self.weight, None
        if self.stride == (1, 1):
            self._reach = self.kernel[0] - 1 - self.padding[0], self.kernel[1] - 1 - self.padding[1]
            backward = self.weight.flip(2, 3).transpose(0, 1)
        elif self.weight.shape[1] <= PHASED_CHANNELS and self.stride[0] == self.stride[1]:
            backward, self._reach = _phases(self.weight, self.stride[0], self.padding)
        self._has_back = backward is not None
        backward = onward if backward is None else backward
        keeping = lru_cache(most_shapes)
        self._onward = keeping(partial(_repacked, dense(onward), self.padding, self.stride))
        self._backward = keeping(partial(_repacked, dense(backward), self._reach, (1, 1)))

    def forward(self, tape: Tape) -> None:
        x = dense(tape.values[self.reads[0]])
        weight = self._onward(tuple(x.shape))
        place = (self.padding, self.stride, (1, 1), 1)
        if len(self.reads) == 2:
            added = dense(tape.values[self.reads[1]])
            y = torch.ops.mkldnn._convolution_pointwise.binary(
                x, added, weight, self.bias, *place, "add", None, "relu" if self.is_cut else None, [], None
            )
        else:
            y = torch.ops.mkldnn._convolution_pointwise(
                x, weight, self.bias, *place, "relu" if self.is_cut else "none", [], ""
            )
        pieces = y.split(self._widths, 1) if len(self.writes) > 1 else (y,)
        tape.values.update(zip(self.writes, pieces, strict=True))

    def backward(self, tape: Tape) -> None:
        found = [tape.take(slot) for slot in self.writes]
        if any(grad is not None for grad, _ in found):
            grad, own = self._gathered(tape, found)
            self._back(tape, grad, own)
        for slot in self.writes:
            tape.values.pop(slot, None)

    def _gathered(self, tape: Tape, found: list[tuple[Tensor | None, bool]]) -> tuple[Tensor, bool]:
        """The gradient before the activation, in one piece, and whether it may be changed."""
        cuts = self.is_cut and self.masks
        if len(found) == 1:
            grad, own = found[0]
            assert grad is not None
            if cuts:
                return before_relu(grad, tape.values[self.writes[0]], out=grad if own else None), True
            return (grad, own) if is_dense(grad) else (dense(grad), True)
        like = tape.values[self.writes[0]]
        shape = (like.shape[0], sum(self._widths), *like.shape[2:])
        whole = torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)
        for (grad, _), slot, piece in zip(found, self.writes, whole.split(self._widths, 1), strict=True):
            if grad is None:
                piece.zero_()
            elif cuts:
                before_relu(grad, tape.values[slot], out=piece)
            else:
                piece.copy_(grad)
        return whole, True

    def _back(self, tape: Tape, grad: Tensor, own: bool) -> None:
        read = self.reads[0]
        if self._has_back:
            weight, place = self._backward(tuple(grad.shape)), (self._reach, (1, 1), (1, 1), 1)
            if self.stride == (1, 1) and read in tape.own and is_dense(tape.grads[read]):
                torch.ops.mkldnn._convolution_pointwise_.binary(
                    tape.grads[read], grad, weight, None, *place, "add", None, None, [], None
                )
            else:
                found = torch.ops.mkldnn._convolution_pointwise(grad, weight, None, *place, "none", [], "")
                found = found if self.stride == (1, 1) else self._interleaved(found, tape.values[read])
                tape.give(read, found, own=True)
        else:
            tape.give(read, self._strided_back(grad, tape.values[read]), own=True)
        if len(self.reads) == 2:
            tape.give(self.reads[1], grad, own=own)

    def _interleaved(self, phases: Tensor, like: Tensor) -> Tensor:
        """The gradient from its phases [B,s*s*C,h,w], as `_phases` orders them."""
        side = self.stride[0]
        rows, columns = (-(-size // side) for size in like.shape[-2:])
        top, left = (_first(pad, size, side) for pad, size in zip(self.padding, self.kernel, strict=True))
        top, left = top + self._reach[0], left + self._reach[1]
        phases = phases[..., top : top + rows, left : left + columns]
        # Rows that the stride never came to have no gradient.
        spare = (0, columns - phases.shape[-1], 0, rows - phases.shape[-2])
        phases = F.pad(phases, spare) if any(spare) else phases
        # In memory a line of phases lies as it will in the gradient: only lines change places, in one pass.
        lines = phases.permute(0, 2, 3, 1).unflatten(3, (side, -1)).transpose(2, 3)
        found = lines.contiguous().view(like.shape[0], rows * side, columns * side, -1).permute(0, 3, 1, 2)
        return found[..., : like.shape[-2], : like.shape[-1]]

    def _strided_back(self, grad: Tensor, like: Tensor) -> Tensor:
        nothing, only_input = (0, 0), [True, False, False]
        return _aten.convolution_backward(
            grad, like, self.weight, None, self.stride, self.padding, (1, 1), False, nothing, 1, only_input
        )[0]


def _repacked(weight: Tensor, padding: tuple[int, int], stride: tuple[int, int], shape: tuple[int, ...]) -> Tensor:
    # For the very shape: packed for another one, oneDNN may take its reference code, 3 to 40 times as slow.
    return torch.ops.mkldnn._reorder_convolution_weight(weight, padding, stride, (1, 1), 1, shape)


def _first(padding: int, size: int, stride: int) -> int:
    """The lowest output position, against i, that pixels stride * i + phase are gone back to from."""
    return -((size - 1 - padding) // stride)


def _phases(weight: Tensor, stride: int, padding: tuple[int, int]) -> tuple[Tensor, tuple[int, int]]:
    """Weights [s*s*I,O,kh,kw] that give, as a dense convolution, the s*s phases of the gradient of a strided one.

    Pixel s*i + a is read by output i + d through tap a + p - s*d. Also the padding that it takes.
    """
    out, into, *sizes = weight.shape
    lows = [_first(pad, size, stride) for pad, size in zip(padding, sizes, strict=True)]
    highs = [(stride - 1 + pad) // stride for pad in padding]
    spans = [high - low + 1 for low, high in zip(lows, highs, strict=True)]
    found = weight.new_zeros(stride, stride, into, out, *spans)
    for a in range(stride):
        for b in range(stride):
            for down in range(spans[0]):
                for right in range(spans[1]):
                    y = a + padding[0] - stride * (down + lows[0])
                    x = b + padding[1] - stride * (right + lows[1])
                    if 0 <= y < sizes[0] and 0 <= x < sizes[1]:
                        found[a, b, :, :, down, right] = weight[:, :, y, x].T
    reach = (max(-lows[0], highs[0]), max(-lows[1], highs[1]))
    return found.flatten(0, 2), reach
