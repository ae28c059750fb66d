"""Named tensors from a weights file, read in ways that cannot run code in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from vidream.errors import NetError

__all__ = ["fill", "read_state"]


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


def fill(module: nn.Module, state: Mapping[str, Tensor], *, name: str, path: Path | None = None) -> None:
    """Give `module` the weights of `state`.

    Args:
        module: all of its weights are replaced.
        state: as `read_state` gives it.
        name: of the network.
        path: the file that the weights are from, if they are from one.

    Raises:
        NetError: names or shapes do not fit.
    """
    try:
        module.load_state_dict(state)
    except RuntimeError:
        own = module.state_dict()
        missing = [key for key in own if key not in state]
        wrong = [key for key in own if key in state and own[key].shape != state[key].shape]
        extra = [key for key in state if key not in own]
        said = "; ".join(
            f"{what} {keys[0]}" + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
            for what, keys in (("misses", missing), ("another shape at", wrong), ("does not know", extra))
            if keys
        )
        raise NetError(
            f"the weights in {path or name} do not fit {name}: {said}. Is it another network's file?"
        ) from None
