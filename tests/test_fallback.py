"""What a GPU lacks is done on the CPU; what goes wrong otherwise is not hidden."""

from __future__ import annotations

import pytest
import torch

from vidream.runtime.mps_fallback import or_on_cpu


class OnMps:
    """A tensor as one on an Apple GPU looks from here."""

    device = torch.device("mps")

    def __init__(self, value):
        self._value = value

    def cpu(self):
        moved.append("cpu")
        return _Back(self._value)


class _Back(torch.Tensor):
    def to(self, device):
        moved.append(str(device))
        return self


moved: list[str] = []


def lacking(error):
    def call(*values):
        if any(isinstance(value, OnMps) for value in values):
            raise error
        return values[0]

    return call


def test_what_is_missing_on_apples_gpus_is_done_on_the_cpu_and_comes_back():
    moved.clear()
    found = or_on_cpu(lacking(NotImplementedError("not implemented for the MPS device")), OnMps(torch.ones(2)))
    assert found.sum() == 2 and moved == ["cpu", "mps"]


def test_a_full_memory_is_no_missing_part():
    with pytest.raises(RuntimeError, match="out of memory"):
        or_on_cpu(lacking(RuntimeError("MPS backend out of memory")), OnMps(torch.ones(2)))


def test_errors_elsewhere_come_through():
    def failing(value):
        raise RuntimeError("sizes do not match")

    with pytest.raises(RuntimeError, match="sizes"):
        or_on_cpu(failing, torch.ones(2))
