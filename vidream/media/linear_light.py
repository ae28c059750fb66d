"""Linear light: what the numbers of a picture mean, as amounts of light in bt709 primaries; 1 is reference white."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vidream.media.colour_tags import HLG, PQ, ColourTags

__all__ = ["linear_light"]

# x, y of red, green, blue; the white is D65 in all of them.
_CHROMATICITIES = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060),
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_WHITE = (0.3127, 0.3290)
_SRGB, _LINEAR = 13, 8
# ITU-R BT.2408: white of an HDR programme, and BT.2100: the peak of the display that HLG is meant for, cd/m2.
REFERENCE_WHITE, HLG_PEAK = 203.0, 1000.0


def linear_light(picture: np.ndarray, tags: ColourTags) -> np.ndarray:
    """A picture as amounts of light.

    SDR video is shown as ITU-R BT.1886 says, sRGB as IEC 61966-2-1, PQ and HLG as ITU-R BT.2100.

    Args:
        picture: [H,W,3] RGB, 0..1.
        tags: of its colours.

    Returns:
        [H,W,3] RGB, float32, in the primaries of bt709: below 0 where a colour lies outside them.
    """
    light = _decoder(tags)(np.clip(picture.astype(np.float32), 0, 1))
    own = _to_xyz(_CHROMATICITIES.get(tags.primaries, _CHROMATICITIES[1]))
    if tags.primaries != 1:
        light = light @ (np.linalg.inv(_to_xyz(_CHROMATICITIES[1])) @ own).T
    return np.asarray(light, np.float32)


def _decoder(tags: ColourTags) -> Callable[[np.ndarray], np.ndarray]:
    if tags.transfer == PQ:
        return lambda x: _pq(x) / REFERENCE_WHITE
    if tags.transfer == HLG:
        luma = _to_xyz(_CHROMATICITIES[9])[1]
        return lambda x: _hlg(x, luma) / REFERENCE_WHITE
    if tags.transfer == _SRGB:
        return lambda x: np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    if tags.transfer == _LINEAR:
        return lambda x: x
    return lambda x: x**2.4


def _pq(signal: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084: the signal 0..1 as cd/m2."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = signal.astype(np.float64) ** (1 / m2)
    return 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def _hlg(signal: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100, table 5: the signal 0..1 as cd/m2 on a display of 1000 cd/m2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return HLG_PEAK * np.maximum(scene @ luma, 1e-9)[..., None] ** 0.2 * scene


def _to_xyz(chromaticities: tuple[float, ...]) -> np.ndarray:
    """[3,3]: RGB to XYZ with a white of Y = 1 (SMPTE RP 177)."""
    places = np.array(chromaticities).reshape(3, 2)
    columns = np.stack([places[:, 0], places[:, 1], 1 - places.sum(1)])
    white = np.array([_WHITE[0] / _WHITE[1], 1, (1 - sum(_WHITE)) / _WHITE[1]])
    return columns * np.linalg.solve(columns, white)
