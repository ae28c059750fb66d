"""Drift control: keeps a feedback loop of pictures from fading, saturating or blurring over thousands of frames."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vidream.engine.gradient import laplacian_merge, laplacian_split
from vidream.motion.wrap import Wrap
from vidream.runtime.constants import constant

__all__ = ["DriftControl"]

BANDS = 5
# A multiple of the coarsest band's step, and what a pixel there reaches.
AROUND_PX = 4 * 2**BANDS
# How fast the picture is corrected, a second: strong enough to hold it, too weak to be seen from frame to frame.
CORRECTION_A_SECOND = 4.0
# An almost empty band must not be amplified to noise.
MOST_GAIN = 1.08
# How long the reference follows the picture before it is fixed.
FOLLOW_SECONDS = 3.0
FULL_AFTER_SECONDS = 2.0
# Brightness, then two colour axes, orthogonal.
_AXES = ((1, 1, 1), (1, 0, -1), (1, -2, 1))
_UNIT_AXES = tuple(part / math.hypot(*axis) for axis in _AXES for part in axis)
# The reference's RMS contrast on each axis is brought into this range: grey noise gains colour, and a photo of hard
# light does not saturate (the dream alone rises to 0.35 a channel, 0.61 on the first axis).
LEAST_CONTRAST = (0.33, 0.12, 0.08)
MOST_CONTRAST = (0.40, 0.17, 0.12)


class DriftControl:
    """Slowly returns brightness, tint, contrast and every band of detail to where they were in the first seconds.

    The picture is split into octaves (Burt and Adelson 1983). Each band keeps the RMS of a reference on each axis, and
    the whole picture its mean colour. The reference is the mean over the first seconds, and is then fixed.

    Args:
        wrap: sides at which the picture goes round.
    """

    def __init__(self, wrap: Wrap = Wrap.NONE) -> None:
        self._wrap = wrap
        self._seconds = 0.0
        self._reference: Tensor | None = None

    def correct(self, picture: Tensor, seconds: float) -> Tensor:
        """Move a picture towards the reference.

        Args:
            picture: [1,3,H,W], RGB, 0..1.
            seconds: of film time since the last call, > 0.

        Returns:
            [1,3,H,W], RGB, 0..1.
        """
        axes = constant(_UNIT_AXES, picture.device, picture.dtype).view(3, 3)
        turned = torch.einsum("ij,bjhw->bihw", axes, picture)
        mean = turned.mean(dim=(-2, -1), keepdim=True)
        height, width = picture.shape[-2:]
        # A pyramid has sides: of a picture that goes round they are put out of sight.
        turned = self._wrap.around(turned - mean, AROUND_PX)
        bands = laplacian_split(turned, BANDS)
        # [2 + bands,1,3,1,1]: mean, contrast, then the RMS of each band.
        found = torch.stack([mean, _rms(turned), *map(_rms, bands)])
        if self._reference is None or self._reference.shape != found.shape:
            self._reference, self._seconds = found, 0.0
        elif self._seconds < FOLLOW_SECONDS:
            self._reference = torch.lerp(self._reference, found, seconds / (self._seconds + seconds))
        self._seconds += seconds
        contrast = self._reference[1]
        limits = LEAST_CONTRAST, MOST_CONTRAST
        least, most = (constant(each, picture.device, picture.dtype).view(1, 3, 1, 1) for each in limits)
        wanted = self._reference[2:] * (contrast.clamp(least, most) / contrast.clamp(min=1e-6))
        # It sets in slowly, so that the first frames do not jump towards the reference's range.
        share = min(1.0, self._seconds / FULL_AFTER_SECONDS) * (1.0 - 0.5 ** (CORRECTION_A_SECOND * seconds))
        gains = (wanted / found[2:].clamp(min=1e-6)).clamp(0.25, 4.0).pow(share).clamp(1 / MOST_GAIN, MOST_GAIN)
        held = laplacian_merge([band * gain for band, gain in zip(bands, gains, strict=True)])
        held = self._wrap.inside(held, height, width, AROUND_PX) + torch.lerp(mean, self._reference[0], share)
        return torch.einsum("ji,bjhw->bihw", axes, held).clamp(0, 1)

    def state(self) -> dict[str, Tensor]:
        """Everything that the next call depends on."""
        if self._reference is None:
            return {}
        return {"reference": self._reference, "seconds": torch.tensor(self._seconds, dtype=torch.float64)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state`."""
        self._reference = state.get("reference")
        self._seconds = float(state.get("seconds", 0.0))


def _rms(band: Tensor) -> Tensor:
    return band.square().mean(dim=(-2, -1), keepdim=True).sqrt()
