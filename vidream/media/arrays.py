"""A picture is float32 [1,3,H,W], RGB, 0..1; files hold uint8 or uint16 [H,W,3]. The only bridge."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

__all__ = ["check_picture", "compose_over_black", "from_array", "noise", "to_array"]


def from_array(array: np.ndarray) -> Tensor:
    """[H,W,3] RGB, uint8 or uint16 -> picture, float32 [1,3,H,W], RGB, 0..1, CPU, its own memory.

    ValueError for another shape or type.
    """
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"an array of {array.shape} {array.dtype} came; give [H,W,3] of uint8 or uint16")
    planar = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32)
    planar *= np.float32(1 / np.iinfo(array.dtype).max)
    return torch.from_numpy(planar)[None]


def check_picture(picture: Tensor) -> None:
    """Raise ValueError unless `picture` is float [1,3,H,W]."""
    if picture.ndim != 4 or picture.shape[0] != 1 or picture.shape[1] != 3 or not picture.is_floating_point():
        raise ValueError(f"{tuple(picture.shape)} {picture.dtype} came; a picture is float [1,3,H,W], RGB, 0..1")


def to_array(picture: Tensor) -> np.ndarray:
    """Picture [1,3,H,W], RGB, 0..1, any float type and device -> [H,W,3] uint8 RGB, contiguous.

    Values outside 0..1 are cut, NaN counts as 0. ValueError for another shape.
    """
    check_picture(picture)
    planes = picture.detach()[0].float()
    if planes.device.type == "cpu":
        # In this thread alone: the encoder works beside it, and torch's threads would wait for one another.
        return cv2.merge([cv2.convertScaleAbs(np.clip(plane, 0, 1), alpha=255) for plane in planes.numpy()])
    # Rounded on the picture's own device: a quarter of the bytes then cross over from a GPU.
    bytes_ = planes.nan_to_num(0.0).clamp(0, 1).mul(255).round().to(torch.uint8)
    return cv2.merge(list(bytes_.cpu().numpy()))


def compose_over_black(array: np.ndarray) -> tuple[Tensor, Tensor]:
    """[H,W,4] RGBA, uint8 or uint16 -> (picture over black [1,3,H,W], alpha [1,1,H,W]), both float32 0..1."""
    planar = np.ascontiguousarray(array.transpose(2, 0, 1), dtype=np.float32)
    planar *= np.float32(1 / np.iinfo(array.dtype).max)
    whole = torch.from_numpy(planar)[None]
    alpha = whole[:, 3:].clone()
    return whole[:, :3] * alpha, alpha


def noise(width: int, height: int, *, seed: int = 0) -> Tensor:
    """A grey picture [1,3,H,W] with faint noise, 0.4 to 0.5: nothing, for a dream to begin from."""
    generator = torch.Generator().manual_seed(seed)
    return 0.4 + 0.1 * torch.rand(1, 3, height, width, generator=generator)
