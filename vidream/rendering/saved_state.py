"""state: named tensors and plain numbers in one file, written whole or not at all, and read without running code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidream.media.disk import save_whole

__all__ = ["State", "load_state", "load_words", "save_state"]

# Named tensors (or what gives one, asked when it is needed) and plain numbers, as JSON has them.
State = tuple[Mapping[str, "Tensor | Callable[[], Tensor]"], Mapping[str, Any]]


def save_state(path: Path, state: State, position: Mapping[str, Any]) -> None:
    """Put `state`, and the `position` of what it was written to, at `path`. Raises OSError."""
    tensors = {}
    for name, held in state[0].items():
        tensor = (held if isinstance(held, Tensor) else held()).detach().cpu().contiguous()
        tensors.update(_packed(name, tensor))
    words = {"position": json.dumps(dict(position)), "numbers": json.dumps(dict(state[1]))}
    save_whole(path, save(tensors, words))


def load_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
    """(tensors, numbers, position) as they were saved, to the bit. Raises ValueError where the file is damaged."""
    position, numbers = load_words(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ValueError(str(error)) from None
    return {_plain(name): _unpacked(name, tensor) for name, tensor in tensors.items()}, numbers, position


def load_words(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(position, numbers) alone. Raises ValueError where the file is damaged, or not there."""
    try:
        with safe_open(path, framework="pt") as file:
            words = file.metadata()
        position, numbers = json.loads(words["position"]), json.loads(words["numbers"])
        int(position["frames"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return position, numbers


def _packed(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """Frames came from 8 or 16 bits: where that gives every number back to the bit, it takes a quarter or a half."""
    if tensor.dtype == torch.float32:
        for most, kind, mark in ((255, torch.uint8, "8"), (65535, torch.int32, "16")):
            whole = (tensor * most).round()
            if bool(((whole >= 0) & (whole <= most)).all()) and torch.equal(_scaled(whole, most), tensor):
                # safetensors has 16 bits with a sign only: shifted by half of the range.
                small = whole.to(kind) if most == 255 else (whole.to(kind) - 32768).to(torch.int16)
                return {f"{name}:{mark}": small}
    # A clone: safetensors refuses tensors that share their memory.
    return {name: tensor.clone()}


def _unpacked(name: str, tensor: Tensor) -> Tensor:
    if name.endswith(":8"):
        return _scaled(tensor.float(), 255)
    return _scaled((tensor.int() + 32768).float(), 65535) if name.endswith(":16") else tensor


def _plain(name: str) -> str:
    return name.removesuffix(":8").removesuffix(":16")


def _scaled(whole: Tensor, most: int) -> Tensor:
    return whole * torch.tensor(1 / most, dtype=torch.float32)
