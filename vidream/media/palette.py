"""palette: pictures in at most 255 colours, chosen so that a GIF of them is small and does not flicker."""

from __future__ import annotations

import cv2
import numpy as np
import torch

__all__ = ["Painter", "best_colours"]

SAMPLES = 60_000
ROUNDS = 20
# Of the tolerance: a neighbour's colour is seen sooner than that of the frame before.
RUN_SHARE = 0.6
# The colour of every place in the cube is looked up at 6 bits a channel.
_BITS = 6


def best_colours(pixels: np.ndarray, count: int) -> np.ndarray:
    """[count,3] uint8: the colours that are nearest to `pixels` [N,3] uint8 RGB in the mean square (k-means)."""
    chance = np.random.default_rng(0)
    drawn = pixels[chance.choice(len(pixels), SAMPLES)] if len(pixels) > SAMPLES else pixels
    drawn = np.ascontiguousarray(drawn, np.float32)
    if len(drawn) < count:
        drawn = np.resize(drawn, (count, 3))
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, ROUNDS, 0.5)
    _, _, centres = cv2.kmeans(drawn, count, None, criteria, 1, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]
    return np.clip(np.round(centres), 0, 255).astype(np.uint8)


class Painter:
    """Paints frames of one size in a palette.

    A pixel keeps the colour that it had in the frame before wherever that is worse than the best colour by at
    most `tolerance` (squared distance in RGB, 0..255 a channel), or else takes its left neighbour's where that is
    worse by at most 0.6 of that. So resting places do not flicker and are stored as "as before", and runs of one
    colour are longer, which packs better.
    No dithering: in a dream's own texture nothing bands, and ordered or diffused dots cost a tenth of the file.
    """

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._colours = np.zeros((0, 3), np.int32)
        self._nearest = np.zeros(0, np.uint8)
        self._before: np.ndarray | None = None

    def take(self, colours: np.ndarray) -> None:
        """Go on with another palette [K,3] uint8, K up to 256, as at a cut."""
        self._colours, self._before = colours.astype(np.int32), None
        middles = torch.arange(1 << _BITS) * (256 >> _BITS) + (128 >> _BITS)
        cube = torch.cartesian_prod(middles, middles, middles).float()
        palette = torch.from_numpy(colours.astype(np.float32))
        self._nearest = torch.cat([torch.cdist(part, palette).argmin(1) for part in cube.split(1 << 16)]).byte().numpy()

    def paint(self, frame: np.ndarray) -> np.ndarray:
        """The frame [H,W,3] uint8 RGB in colours of the palette alone."""
        cut = (frame >> (8 - _BITS)).astype(np.int32)
        chosen = self._nearest[(cut[..., 0] << 2 * _BITS) | (cut[..., 1] << _BITS) | cut[..., 2]]
        if self._tolerance:
            chosen = self._calmed(chosen, frame.astype(np.int32))
        self._before = chosen
        return self._colours[chosen].astype(np.uint8)

    def _calmed(self, chosen: np.ndarray, frame: np.ndarray) -> np.ndarray:
        best = self._error(chosen, frame)
        rests = np.zeros(chosen.shape, bool)
        if self._before is not None:
            rests = self._error(self._before, frame) <= best + self._tolerance
            chosen = np.where(rests, self._before, chosen)
        # Columns, one after the other: each neighbour must itself have been chosen.
        columns, wanted = chosen.T.copy(), frame.transpose(1, 0, 2).copy()
        allowed, free = (best + RUN_SHARE * self._tolerance).T.copy(), ~rests.T
        for x in range(1, len(columns)):
            left = columns[x - 1]
            columns[x] = np.where(free[x] & (self._error(left, wanted[x]) <= allowed[x]), left, columns[x])
        return columns.T.copy()

    def _error(self, chosen: np.ndarray, frame: np.ndarray) -> np.ndarray:
        return np.square(self._colours[chosen] - frame).sum(-1)
