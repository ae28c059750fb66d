"""compiled: passes for which torch has no good operation, compiled by Numba, which is an optional extra.

Each is a C function of one address, where whole numbers of 64 bits lie: addresses of tensors, then sizes. torch's own
team of threads runs it, and every thread does its share of the rows. A second team, Numba's own, would
wait for the same cores (see `threads`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.core import cgutils
from numba.core.errors import NumbaError
from numba.extending import intrinsic
from torch import Tensor

from vidream.runtime.threads import run_in_team

__all__ = ["can_pool", "pool", "pool_back"]

_WHOLE = {torch.bfloat16: np.int16, torch.float32: np.int32}
_NUMBERS = 15
_thread_number = types.ExternalFunction("omp_get_thread_num", types.int32())
_team_size = types.ExternalFunction("omp_get_num_threads", types.int32())


def can_pool(dtype: torch.dtype) -> bool:
    """True where this machine can compile `pool` for numbers of `dtype`. The first time takes seconds."""
    try:
        return dtype in _WHOLE and bool(_pool(_WHOLE[dtype]) and _pool_back(_WHOLE[dtype]))
    except (NumbaError, OSError, RuntimeError):
        return False


def pool(x: Tensor, outputs: tuple[int, int], windows: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The largest of each window of x [B,C,H,W], dense, nothing below zero; and which place of the window it has.

    outputs: rows and columns of windows.  windows: their rows, columns, strides, padding.  Of equal values the first
    counts. Where all are zero, the place is -1.
    """
    (batch, channels), (rows, columns) = x.shape[:2], outputs
    shape = batch, channels, rows, columns
    found = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
    places = torch.empty(shape, dtype=torch.int8, memory_format=torch.channels_last)
    _run(_pool(_WHOLE[x.dtype]), (x, found, places), (batch, *x.shape[2:], channels, *outputs, *windows))
    return found, places


def pool_back(grad: Tensor, places: Tensor, size: tuple[int, int], windows: tuple[int, ...]) -> Tensor:
    """The gradient of what `pool` read, [B,C,H,W] of H x W = `size`, from the dense one of what it gave."""
    batch, channels, *outputs = grad.shape
    found = torch.empty((batch, channels, *size), dtype=grad.dtype, memory_format=torch.channels_last)
    _run(_pool_back(_WHOLE[grad.dtype]), (grad, places, found), (batch, *size, channels, *outputs, *windows))
    return found


def _run(function: Any, tensors: tuple[Tensor, ...], sizes: tuple[int, ...]) -> None:
    numbers = (ctypes.c_int64 * _NUMBERS)(*(each.data_ptr() for each in tensors), *sizes)
    run_in_team(function.address, ctypes.addressof(numbers))


@intrinsic
def _at(context: Any, address: Any) -> Any:
    """An address, a whole number, as a pointer."""
    return types.voidptr(address), lambda _, builder, __, given: builder.inttoptr(given[0], cgutils.voidptr_t)


@intrinsic
def _as_float(context: Any, bits: Any) -> Any:
    """The floating number of 32 bits."""
    return types.float32(types.int32), lambda _, builder, __, given: builder.bitcast(given[0], ir.FloatType())


@intrinsic
def _as_bits(context: Any, number: Any) -> Any:
    """The bits of a floating number."""
    return types.int32(types.float32), lambda _, builder, __, given: builder.bitcast(given[0], ir.IntType(32))


@njit
def _share(count: int) -> tuple[int, int]:
    """From where to where the calling thread does its part of so many."""
    number, size = _thread_number(), _team_size()
    return count * number // size, count * (number + 1) // size


def _compiled(function: Callable[..., None]) -> Any:
    """`function` as a C function with an `address`; kept on disk, where there is a place for it."""
    signature = types.void(types.CPointer(types.int64))
    try:
        return cfunc(signature, cache=True, error_model="numpy")(function)
    except RuntimeError:  # no such place
        return cfunc(signature, error_model="numpy")(function)


# Kept: code goes when nobody holds it.
@cache
def _pool(kind: Any) -> Any:
    def pool(data: Any) -> None:
        given = carray(data, (_NUMBERS,))
        batch, height, width, channels, rows, columns = given[3], given[4], given[5], given[6], given[7], given[8]
        high, wide, down, right, above, left = given[9], given[10], given[11], given[12], given[13], given[14]
        x = carray(_at(given[0]), (batch, height, width, channels), kind)
        found = carray(_at(given[1]), (batch, rows, columns, channels), kind)
        places = carray(_at(given[2]), (batch, rows, columns, channels), np.int8)
        begin, end = _share(batch * rows)
        for line in range(begin, end):
            picture, row = line // rows, line % rows
            for column in range(columns):
                largest, where = found[picture, row, column], places[picture, row, column]
                for c in range(channels):
                    largest[c] = 0
                    where[c] = -1
                for i in range(high):
                    y, first = row * down - above + i, column * right - left
                    if y < 0 or y >= height:
                        continue
                    if wide == 3 and first >= 0 and first + 3 <= width:
                        # The usual windows, three places at a time: a third of the writing.
                        one, two, three = x[picture, y, first], x[picture, y, first + 1], x[picture, y, first + 2]
                        name = np.int8(3 * i)
                        for c in range(channels):
                            new, best = one[c], name
                            best = best if new >= two[c] else np.int8(name + 1)
                            new = max(new, two[c])
                            best = best if new >= three[c] else np.int8(name + 2)
                            new, old = max(new, three[c]), largest[c]
                            where[c] = best if new > old else where[c]
                            largest[c] = max(new, old)
                        continue
                    for z in range(max(0, first), min(width, first + wide)):
                        value, name = x[picture, y, z], np.int8(i * wide + z - first)
                        for c in range(channels):
                            new, old = value[c], largest[c]
                            where[c] = name if new > old else where[c]
                            largest[c] = max(new, old)

    return _compiled(pool)


@cache
def _pool_back(kind: Any) -> Any:
    # bfloat16 is the upper half of a float32, rounded to the nearest, of two as near to the even one.
    shift = np.int32(32 - 8 * np.dtype(kind).itemsize)
    below_half = np.int32((1 << shift >> 1) - 1 if shift else 0)
    last = np.int32(1 if shift else 0)

    def pool_back(data: Any) -> None:
        given = carray(data, (_NUMBERS,))
        batch, height, width, channels, rows, columns = given[3], given[4], given[5], given[6], given[7], given[8]
        high, wide, down, right, above, left = given[9], given[10], given[11], given[12], given[13], given[14]
        grad = carray(_at(given[0]), (batch, rows, columns, channels), kind)
        places = carray(_at(given[1]), (batch, rows, columns, channels), np.int8)
        found = carray(_at(given[2]), (batch, height, width, channels), kind)
        begin, end = _share(batch * height)
        sums = np.empty((width, channels), np.float32)
        for line in range(begin, end):
            picture, y = line // height, line % height
            sums[:] = 0
            for i in range(high):
                row, between = (y + above - i) // down, (y + above - i) % down
                if row < 0 or row >= rows or between:
                    continue
                for column in range(columns):
                    value, where = grad[picture, row, column], places[picture, row, column]
                    for j in range(wide):
                        z = column * right - left + j
                        if z < 0 or z >= width:
                            continue
                        name, total = np.int8(i * wide + j), sums[z]
                        for c in range(channels):
                            number = _as_float(np.int32(value[c]) << shift)
                            total[c] += number if where[c] == name else np.float32(0)
            for z in range(width):
                total, target = sums[z], found[picture, y, z]
                for c in range(channels):
                    bits = _as_bits(total[c])
                    target[c] = kind((bits + below_half + ((bits >> shift) & last)) >> shift)

    return _compiled(pool_back)
