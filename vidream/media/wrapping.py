"""Frames that go round, brought to another size: sampled across their sides, so that these still meet."""

from __future__ import annotations

import numpy as np

from vidream.media.images import resize_array
from vidream.motion.wrap import Wrap, margins

__all__ = ["resize_round", "round_filters"]


def round_filters(own: tuple[int, int], wanted: tuple[int, int], wrap: Wrap) -> tuple[list[str], tuple[int, int]]:
    """ffmpeg's filters that continue a frame round its sides, for one that is scaled afterwards.

    Args:
        own: (width, height) px of the frame.
        wanted: the same after scaling.
        wrap: sides that go round.

    Returns:
        the filters, and the px that the scaled frame has more at left and right, and at top and bottom.
    """
    if not wrap or own == wanted:
        return [], (0, 0)
    # Even: colours have half the pixels.
    left, more_left = margins(own[0], wanted[0], step=2)
    top, more_top = margins(own[1], wanted[1], step=2) if wrap.goes_down else (0, 0)
    sides = f"left={left}:right={left}:top={top}:bottom={top}"
    filters = [f"pad=iw+{2 * left}:ih+{2 * top}:{left}:{top}", f"fillborders={sides}:mode=wrap"]
    return filters, (more_left, more_top)


def resize_round(array: np.ndarray, width: int, height: int, wrap: Wrap) -> np.ndarray:
    """`resize_array` of [H,W,3|4], sampled round the sides of `wrap`."""
    if not wrap or array.shape[:2] == (height, width):
        return resize_array(array, width, height)
    left, more_left = margins(array.shape[1], width)
    top, more_top = margins(array.shape[0], height) if wrap.goes_down else (0, 0)
    held = np.pad(array, ((top, top), (left, left), (0, 0)), mode="wrap")
    found = resize_array(held, width + 2 * more_left, height + 2 * more_top)
    return np.ascontiguousarray(found[more_top : more_top + height, more_left : more_left + width])
