"""Named tensors from a weights file, read in ways that cannot run code in it."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from vidream.errors import NetError

__all__ = ["read_state"]


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a .safetensors file or a .pth state dict, plain or wrapped. Raises NetError."""
    try:
        # weights_only: a foreign pickle must not run code.
        safe = path.suffix.lower() == ".safetensors"
        state = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file can break the unpickler in any way there is
        first = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        # torch's own words here are advice to load the file unsafely.
        reason = "it is damaged, or holds more than plain tensors" if "Weights only load failed" in first else first
        raise NetError(
            f"cannot read weights from {path}: {reason}. Give a .safetensors file or a .pth state dict"
        ) from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise NetError(
            f"{path} holds no state dict (names -> tensors); save one with torch.save(net.state_dict(), FILE)"
        )
    return {str(key).removeprefix("module."): value for key, value in state.items()}
