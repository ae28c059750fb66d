"""`NetworkPool`: the networks of a process, each loaded once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from vidream.networks.network import Net
from vidream.networks.registry import load_net
from vidream.runtime.device import pick_device, pick_precision

__all__ = ["NetworkPool"]


class NetworkPool:
    """Networks on one device, each loaded at its first use. Several threads may ask.

    Args:
        loaded: networks that are there already, by their own names.
        device: where the others compute; by default as the loaded ones.
        dtype: number format that they compute in; likewise.
        weights: network -> a file in place of its own weights.
    """

    def __init__(
        self,
        loaded: Iterable[Net] = (),
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        weights: Mapping[str, Path] | None = None,
    ) -> None:
        self._nets = {(net.name, net.batch_norm): net for net in loaded}
        first = next(iter(self._nets.values()), None)
        self.device = torch.device(device or (first.device if first else "cpu"))
        self.dtype = dtype or (first.dtype if first else torch.float32)
        self._weights = dict(weights or {})
        self._lock = threading.Lock()

    @classmethod
    def on(
        cls, device: str = "auto", precision: str = "auto", *, weights: Mapping[str, Path] | None = None
    ) -> NetworkPool:
        """An empty pool where `device` and `precision` say, as in `Dreamer`. Raises DeviceError."""
        place = pick_device(device)
        return cls(device=place, dtype=pick_precision(precision, place), weights=weights)

    def net(self, name: str, *, batch_norm: str = "eval") -> Net:
        """The network `name` with the given statistics, "eval" or "train"; see `Net`. Raises NetError."""
        with self._lock:
            if (name, batch_norm) not in self._nets:
                like = next((net for (known, _), net in self._nets.items() if known == name), None)
                if like is None:
                    like = load_net(name, weights=self._weights.get(name), device=self.device, dtype=self.dtype)
                self._nets[name, batch_norm] = like.with_batch_norm(batch_norm)
            return self._nets[name, batch_norm]
