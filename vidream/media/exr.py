"""OpenEXR pictures: linear light in half floats."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from torch import Tensor

from vidream.media.colour_tags import ColourTags
from vidream.media.linear_light import linear_light

__all__ = ["encode_exr"]


def encode_exr(picture: Tensor, tags: ColourTags, *, alpha: Tensor | None = None) -> bytes:
    """The bytes of an OpenEXR file: half floats, ZIP, linear light in the primaries of bt709, 1 is reference white.

    Args:
        picture: [1,3,H,W], RGB, 0..1, over black.
        tags: what its numbers mean.
        alpha: [1,1,H,W], 0..1. Colours are stored multiplied by it, as the format has it.
    """
    rgb = picture.detach()[0].float().cpu().numpy().transpose(1, 2, 0)
    if alpha is None:
        pixels = linear_light(rgb, tags)
    else:
        share = alpha.detach()[0, 0].float().cpu().numpy()[..., None]
        straight = np.where(share > 0, rgb / np.maximum(share, 1e-6), 0)
        pixels = np.concatenate([linear_light(straight, tags) * share, share], axis=2)
    height, width, channels = pixels.shape
    coder = av.codec.CodecContext.create("exr", "w")
    coder.width, coder.height = width, height
    coder.pix_fmt = "gbrapf32le" if channels == 4 else "gbrpf32le"
    coder.time_base = Fraction(1, 25)
    coder.options = {"format": "half", "compression": "zip16"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels, np.float32), format=coder.pix_fmt)
    return b"".join(bytes(packet) for packet in [*coder.encode(frame), *coder.encode(None)])
