"""pools: the largest of each window, and the way back to where it was.

torch writes the place of every largest value as eight bytes, and goes back through a pool in one thread for each
picture. Behind a ReLU nothing is negative, and there the bits of a floating number, read as a whole one, keep its
order. So a pool is a few passes over whole numbers, rows first and then columns, which vectorise and share out well.
Where Numba is there, it is one pass each way (`compiled`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from types import ModuleType

import torch
from torch import Tensor, nn

from vidream.networks.cpu.steps import WHOLE, Step, Tape, before_relu, dense, is_dense, pair
from vidream.runtime.threads import has_team

__all__ = ["MaxPool", "compiled_passes"]

_aten = torch.ops.aten
_WHOLE = {**WHOLE, torch.float32: torch.int32}
# With four bytes a number the passes pay only where there are threads to share them.
WIDE_THREADS = 4
# The largest values, and a function that takes their gradient back.
_Way = tuple[Tensor, Callable[[Tensor], Tensor]]
# In memory, channels last: picture, row, column, channel.
_ROWS, _COLUMNS = 1, 2
# `compiled` numbers the places of a window in eight bits.
MOST_PLACES = 127


@dataclass(frozen=True)
class _Tap:
    """One place in the windows along an axis: windows `first`, first + 1 ... have it at `start`, start + stride ...

    adds: windows of a tap before it have that place too.
    """

    first: int
    count: int
    start: int
    adds: bool


@dataclass(frozen=True)
class _Axis:
    """Windows along an axis. taps: the one that every window has comes first.  bare: (start, count) of no window."""

    axis: int
    stride: int
    windows: int
    taps: tuple[_Tap, ...]
    bare: tuple[tuple[int, int], ...]


class MaxPool(Step):
    """The largest of each window. masks: it also does what a ReLU before it would have to on the way back.

    is_positive: nothing that it reads is negative, and what is zero wants no gradient.
    """

    def __init__(self, read: int, write: int, pool: nn.MaxPool2d) -> None:
        super().__init__((read,), write)
        stride = pool.stride if pool.stride is not None else pool.kernel_size
        self._kernel, self._stride, self._padding, self._dilation = (
            pair(each) for each in (pool.kernel_size, stride, pool.padding, pool.dilation)
        )
        self._ceils = pool.ceil_mode
        self.masks = self.is_positive = False

    def forward(self, tape: Tape) -> None:
        x = tape.values[self.reads[0]]
        axes = self._axes(x)
        passes = compiled_passes(x.dtype) if axes and self._kernel[0] * self._kernel[1] <= MOST_PLACES else None
        if axes and passes:
            way = self._by_passes(x, axes, passes)
        elif axes and (x.dtype != torch.float32 or torch.get_num_threads() >= WIDE_THREADS):
            way = _by_bits(x, axes)
        else:
            way = self._by_torch(x)
        tape.values[self.writes[0]], back = way
        if tape.keeps:
            # What compiled passes leave out where all of a window is zero is what a ReLU's way back would.
            tape.notes[id(self)] = back, passes is not None

    def _back(self, tape: Tape, grad: Tensor, own: bool) -> None:
        back, does_mask = tape.notes[id(self)]
        if self.masks and not does_mask:
            # What a window's largest value was cut to is the pool's own: mask here, where there are fewer.
            grad = before_relu(grad, tape.values[self.writes[0]], out=grad if own else None)
        tape.give(self.reads[0], back(dense(grad)), own=True)

    def _by_passes(self, x: Tensor, axes: tuple[_Axis, _Axis], passes: ModuleType) -> _Way:
        windows = (*self._kernel, *self._stride, *self._padding)
        found, places = passes.pool(x, (axes[0].windows, axes[1].windows), windows)
        return found, partial(passes.pool_back, places=places, size=tuple(x.shape[2:]), windows=windows)

    def _by_torch(self, x: Tensor) -> _Way:
        place = (self._kernel, self._stride, self._padding, self._dilation, self._ceils)
        found, where = _aten.max_pool2d_with_indices(x, *place)
        return found, lambda grad: _aten.max_pool2d_with_indices_backward(grad, x, *place, where)

    def _axes(self, x: Tensor) -> tuple[_Axis, _Axis] | None:
        """The windows along rows and columns; None where this pool or tensor wants torch's way."""
        if not self.is_positive or self._dilation != (1, 1) or x.dtype not in _WHOLE or not is_dense(x):
            return None
        rows, columns = (
            _along(axis, x.shape[1 + axis], self._kernel[place], self._stride[place], self._padding[place], self._ceils)
            for place, axis in enumerate((_ROWS, _COLUMNS))
        )
        # Some place must be in every window.
        return (rows, columns) if all(axis.taps[0].count == axis.windows for axis in (rows, columns)) else None


@cache
def compiled_passes(dtype: torch.dtype) -> ModuleType | None:
    """The same in a pass or two over memory, where Numba is there to compile them; None where it is not."""
    if not has_team():
        return None
    try:
        from vidream.networks.cpu import compiled
    except ImportError:
        return None
    return compiled if compiled.can_pool(dtype) else None


def _by_bits(x: Tensor, axes: tuple[_Axis, _Axis]) -> _Way:
    bits = _bits(x)
    narrow = _largest(bits, axes[0])
    found = _largest(narrow, axes[1])

    def back(grad: Tensor) -> Tensor:
        sent = _sent_back(_bits(grad), narrow, found, axes[1], grad.dtype)
        sent = _sent_back(sent, bits, narrow, axes[0], grad.dtype)
        return sent.view(grad.dtype).permute(0, 3, 1, 2)

    return found.view(x.dtype).permute(0, 3, 1, 2), back


def _bits(x: Tensor) -> Tensor:
    """A dense [B,C,H,W] as whole numbers [B,H,W,C], the same memory."""
    return x.permute(0, 2, 3, 1).view(_WHOLE[x.dtype])


@lru_cache(512)
def _along(axis: int, size: int, kernel: int, stride: int, padding: int, ceils: bool) -> _Axis:
    spare = size + 2 * padding - kernel
    windows = (-(-spare // stride) if ceils else spare // stride) + 1
    # A window must begin within the picture or the padding before it.
    windows -= ceils and (windows - 1) * stride >= size + padding
    spans = []
    for place in range(-padding, kernel - padding):
        first = max(0, -(place // stride))
        count = min(windows, (size - 1 - place) // stride + 1) - first
        if count > 0:
            spans.append((first, count, first * stride + place))
    spans.sort(key=lambda span: -span[1])
    taps: list[_Tap] = []
    bare = {phase: [(phase, len(range(phase, size, stride)))] for phase in range(min(stride, size))}
    for first, count, start in spans:
        phase, last = start % stride, start + (count - 1) * stride
        adds = any(tap.start % stride == phase for tap in taps)
        if not adds:
            sides = [(phase, start), (last + stride, size)]
            bare[phase] = [(begin, len(range(begin, end, stride))) for begin, end in sides if begin < end]
        taps.append(_Tap(first, count, start, adds))
    return _Axis(axis, stride, windows, tuple(taps), tuple(gap for gaps in bare.values() for gap in gaps))


def _every(x: Tensor, axis: int, start: int, count: int, stride: int) -> Tensor:
    """`count` places of x along `axis`, from `start`, `stride` apart."""
    if count == x.shape[axis]:
        return x
    if stride == 1:
        return x.narrow(axis, start, count)
    return _aten.slice.Tensor(x, axis, start, start + (count - 1) * stride + 1, stride)


def _largest(bits: Tensor, windows: _Axis) -> Tensor:
    """The largest of each window along one axis."""
    axis, stride = windows.axis, windows.stride
    whole, *others = windows.taps
    found, is_own = _every(bits, axis, whole.start, whole.count, stride), False
    for tap in others:
        if not is_own and tap.count < whole.count:
            found, is_own = found.clone(), True
        other, part = _every(bits, axis, tap.start, tap.count, stride), _every(found, axis, tap.first, tap.count, 1)
        if is_own:
            torch.maximum(part, other, out=part)
        else:
            found, is_own = torch.maximum(part, other), True
    return found if is_own else found.clone()


def _sent_back(grad: Tensor, bits: Tensor, found: Tensor, windows: _Axis, dtype: torch.dtype) -> Tensor:
    """The gradient of `bits` from that of `found`, both as whole numbers: the first tap that is largest has it all."""
    axis, stride, taps = windows.axis, windows.stride, windows.taps
    back = torch.empty_like(bits)
    for start, count in windows.bare:
        _every(back, axis, start, count, stride).zero_()
    rest = grad
    for number, tap in enumerate(taps):
        there = _every(back, axis, tap.start, tap.count, stride)
        mine = _every(rest, axis, tap.first, tap.count, 1)
        if tap is taps[-1]:
            won = mine
        else:
            here = _every(bits, axis, tap.start, tap.count, stride), _every(found, axis, tap.first, tap.count, 1)
            # One or zero, times the gradient: what this tap has won, or, at the first, what it leaves to the others.
            share = torch.empty_like(mine)
            (torch.eq if number else torch.lt)(*here, out=share)
            if number:
                won = torch.mul(share, mine, out=share if tap.adds else there)
                mine.bitwise_xor_(won)
            else:
                rest = share.mul_(mine)
                won = torch.bitwise_xor(mine, rest, out=there)
        if tap.adds:
            there = there.view(dtype)
            there += won.view(dtype)
        elif won is not there:
            there.copy_(won)
    return back
