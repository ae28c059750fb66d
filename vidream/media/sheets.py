"""Contact sheets: many pictures in one, with a word under each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from vidream.media.arrays import from_array

__all__ = ["contact_sheet"]

GAP_PX = 4
PAPER = 0.09
LETTER_PX = 13


def contact_sheet(pictures: Sequence[Tensor], columns: int, *, labels: Sequence[str] = ()) -> Tensor:
    """`pictures`, [1,3,H,W] of one size, set row by row into one [1,3,...]; labels: one for each, set beneath.

    ValueError where there is no picture, or sizes or counts differ.
    """
    if not pictures or any(each.shape != pictures[0].shape for each in pictures):
        raise ValueError("a sheet takes pictures of one size, at least one")
    if labels and len(labels) != len(pictures):
        raise ValueError(f"{len(labels)} labels came for {len(pictures)} pictures")
    height, width = pictures[0].shape[-2:]
    line = LETTER_PX + GAP_PX if labels else 0
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = torch.full((1, 3, rows * (height + line + GAP_PX) + GAP_PX, columns * (width + GAP_PX) + GAP_PX), PAPER)
    for index, picture in enumerate(pictures):
        top = GAP_PX + index // columns * (height + line + GAP_PX)
        left = GAP_PX + index % columns * (width + GAP_PX)
        sheet[..., top : top + height, left : left + width] = picture.detach().cpu()
        if labels:
            sheet[..., top + height : top + height + line, left : left + width] = _words(labels[index], width, line)
    return sheet


def _words(text: str, width: int, height: int) -> Tensor:
    font = ImageFont.load_default(LETTER_PX)
    strip = Image.new("RGB", (width, height), tuple(round(PAPER * 255) for _ in range(3)))
    ImageDraw.Draw(strip).text((width / 2, height / 2), text, fill=(225, 225, 225), font=font, anchor="mm")
    return from_array(np.asarray(strip))
