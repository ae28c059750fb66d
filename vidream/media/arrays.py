"""A picture is float32 [1,3,H,W], RGB, 0..1; files hold uint8 or uint16 [H,W,3]. The only bridge."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import torch
from torch import Tensor

__all__ = [
    "check_picture",
    "compose_over_black",
    "from_array",
    "noise",
    "over_nothing",
    "to_array",
    "to_deep_array",
    "to_dithered_array",
]


def from_array(array: np.ndarray) -> Tensor:
    """[H,W,3] RGB, uint8 or uint16 -> picture, float32 [1,3,H,W], RGB, 0..1, CPU, its own memory.

    ValueError for another shape or type.
    """
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"an array of {array.shape} {array.dtype} came; give [H,W,3] of uint8 or uint16")
    return _planes(array)


def _planes(array: np.ndarray) -> Tensor:
    planar = array.transpose(2, 0, 1).astype(np.float32, order="C")
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


def to_deep_array(picture: Tensor, bits: int = 16) -> np.ndarray:
    """Picture [1,C,H,W], 0..1, any float type and device -> [C,H,W] uint16, from 0 to the most that `bits` bits hold.

    Values outside 0..1 are cut, NaN counts as 0.
    """
    most = 2**bits - 1
    planes = []
    for plane in picture.detach()[0].float().cpu().numpy():
        # fmax and fmin take the number where the other is none.
        planes.append((np.fmin(np.fmax(plane, 0), 1) * np.float32(most) + np.float32(0.5)).astype(np.uint16))
    return np.stack(planes)


def to_dithered_array(picture: Tensor) -> np.ndarray:
    """Picture [1,C,H,W], 0..1, any float type and device -> [H,W,C] uint8, dithered: its mean over 8x8 px is finer.

    Numbers that came from 8 bits come back as they were. Values outside 0..1 are cut, NaN counts as 0.
    Source: Bayer 1973, an optimum method for two-level rendition of continuous-tone pictures.
    """
    height, width = picture.shape[-2:]
    planes = []
    for number, plane in enumerate(picture.detach()[0].float().cpu().numpy()):
        raised = np.fmin(np.fmax(plane, 0), 1) * np.float32(255) + _bayer(height, width, number)
        planes.append(raised.astype(np.uint8))
    return cv2.merge(planes)


@functools.lru_cache(maxsize=8)
def _bayer(height: int, width: int, channel: int) -> np.ndarray:
    """[height, width], above 0 and below 1, by 0.5 on average: an ordered dither, turned for each channel."""
    matrix = np.zeros((1, 1))
    for _ in range(3):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    # What lies on a whole number stays there, rounding errors and all.
    spread = 0.5 + 0.97 * ((matrix + 0.5) / 64 - 0.5)
    tiles = np.tile(np.rot90(spread, channel), (height // 8 + 1, width // 8 + 1))
    return tiles[:height, :width].astype(np.float32)


def over_nothing(picture: Tensor, alpha: Tensor) -> Tensor:
    """A picture over black [1,3,H,W] and its alpha [1,1,H,W] -> [1,4,H,W] of straight colours, black where none is."""
    alpha = alpha.to(picture)
    colour = torch.where(alpha > 0, picture / alpha.clamp_min(1e-6), torch.zeros_like(picture))
    return torch.cat([colour.clamp(0, 1), alpha.clamp(0, 1)], dim=1)


def compose_over_black(array: np.ndarray) -> tuple[Tensor, Tensor]:
    """[H,W,4] RGBA, uint8 or uint16 -> (picture over black [1,3,H,W], alpha [1,1,H,W]), both float32 0..1."""
    whole = _planes(array)
    alpha = whole[:, 3:].clone()
    return whole[:, :3] * alpha, alpha


def noise(width: int, height: int, *, seed: int = 0) -> Tensor:
    """A grey picture [1,3,H,W] with faint noise, 0.4 to 0.5: nothing, for a dream to begin from."""
    generator = torch.Generator().manual_seed(seed)
    return 0.4 + 0.1 * torch.rand(1, 3, height, width, generator=generator)
