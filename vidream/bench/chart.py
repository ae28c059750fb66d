"""A picture of where a frame's time goes, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vidream.bench.measure import SizeFigures
from vidream.media import write_picture
from vidream.media.arrays import from_array

__all__ = ["draw_profile"]

WIDTH_PX, BAR_PX, GAP_PX, MARGIN_PX, LETTER_PX = 1100, 34, 18, 24, 15
PAPER, INK = (250, 249, 246), (40, 40, 46)
# Okabe and Ito's colours, told apart by everybody.
COLOURS = {
    "read": (0, 114, 178), "flow": (86, 180, 233), "carry": (0, 158, 115), "octave": (230, 159, 0),
    "enlarge": (240, 228, 66), "finish": (204, 121, 167), "hand": (213, 94, 0), "encode": (150, 70, 20),
}  # fmt: skip


def draw_profile(path: Path, sizes: Sequence[SizeFigures], title: str) -> None:
    """Write a picture with a bar for each size: the parts of a carried frame in their share. Raises TargetError."""
    letters = ImageFont.load_default(LETTER_PX)
    row_px = LETTER_PX * 2 + BAR_PX + GAP_PX + 26
    sheet = Image.new("RGB", (WIDTH_PX, MARGIN_PX * 2 + 34 + row_px * len(sizes)), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN_PX, MARGIN_PX), title, INK, ImageFont.load_default(LETTER_PX + 3))
    top = MARGIN_PX + 34
    for figures in sizes:
        total = sum(figures.parts.values())
        words = (
            f"{figures.width}x{figures.height}: {1000 * total:.0f} ms one after the other, "
            f"{1000 * figures.frame_seconds:.0f} ms a frame as it is made"
        )
        pen.text((MARGIN_PX, top), words, INK, letters)
        _bar(pen, letters, top + LETTER_PX + 8, figures.parts, total)
        top += row_px
    write_picture(path, from_array(np.asarray(sheet)))


def _bar(
    pen: ImageDraw.ImageDraw, letters: ImageFont.ImageFont | ImageFont.FreeTypeFont, top: int,
    parts: dict[str, float], total: float,
) -> None:  # fmt: skip
    left, label_free = float(MARGIN_PX), 0.0
    for name, seconds in parts.items():
        width = (WIDTH_PX - 2 * MARGIN_PX) * seconds / total
        kind = name.split()[0].rstrip(",")
        pen.rectangle((left, top, left + width, top + BAR_PX), COLOURS.get(kind, INK), PAPER)
        words = f"{name.removeprefix('octave ')} {1000 * seconds:.1f}"
        # Where there is room for them; the table has them all.
        at = min(max(left, label_free), WIDTH_PX - MARGIN_PX - pen.textlength(words, letters))
        if width > 12 and label_free <= at < left + width:
            pen.text((at, top + BAR_PX + 4), words, INK, letters)
            label_free = at + pen.textlength(words, letters) + 10
        left += width
