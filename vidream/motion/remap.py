"""Sampling and scaling of pictures by OpenCV: on the processor a fraction of torch's time.

OpenCV 4 knows given places to 1/32 px only; OpenCV 5 exactly, but for "lanczos".
"""

from __future__ import annotations

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["PLACE_PX", "can_remap", "remapped", "scaled"]

# How finely places are known, px.
PLACE_PX = 1 / 32

KERNELS = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}
OUTSIDE = {"border": cv2.BORDER_REPLICATE, "reflection": cv2.BORDER_REFLECT_101, "zeros": cv2.BORDER_CONSTANT}
SCALING = {"bilinear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}
MOST_CHANNELS = 4


def can_remap(image: Tensor) -> bool:
    """True where `remapped` takes pictures like `image` [B,C,H,W]."""
    return image.device.type == "cpu" and image.dtype == torch.float32 and image.shape[1] <= MOST_CHANNELS


def remapped(image: Tensor, xs: Tensor, ys: Tensor, *, kernel: str, outside: str) -> Tensor:
    """out[:, y, x] = image[:, ys[y, x], xs[y, x]], places in px, pixel centres have integer coordinates.

    image: [C,H,W], float32, on the processor, C at most 4.  xs, ys: [h,w].  kernel: "bilinear", "bicubic" (A of
    -0.75) or "lanczos" (4 px either way).  outside: "border" repeats the edge, "reflection" mirrors at it, "zeros".
    Returns [C,h,w].
    """
    pixels = cv2.merge(list(image.detach().contiguous().numpy()))
    columns, rows = (each.to(torch.float32).contiguous().numpy() for each in (xs, ys))
    found = torch.empty(image.shape[0], *xs.shape)
    cv2.split(cv2.remap(pixels, columns, rows, KERNELS[kernel], borderMode=OUTSIDE[outside]), list(found.numpy()))
    return found


def scaled(image: Tensor, size: tuple[int, int], *, kernel: str) -> Tensor:
    """`image` [1,C,H,W] at another size (height, width): kernel "area", to make it smaller, or "bilinear".

    Returns [1,C,h,w]. Corners are not aligned: a pixel is a square, and its value that of its middle.
    """
    if not _is_plain(image):
        return F.interpolate(image, size=size, mode=kernel, align_corners=False if kernel == "bilinear" else None)
    found = torch.empty(1, image.shape[1], *size)
    for plane, into in zip(image[0].detach().contiguous().numpy(), found[0].numpy(), strict=True):
        cv2.resize(plane, size[::-1], dst=into, interpolation=SCALING[kernel])
    return found


def _is_plain(image: Tensor) -> bool:
    return image.device.type == "cpu" and image.dtype == torch.float32 and image.shape[0] == 1
