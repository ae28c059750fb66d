"""Estimators of optical flow, by the names that presets give them.

Flow is **backward** everywhere: `out[y, x] = image[y + dy, x + dx]`, estimated from the current frame to the previous
one, so that warping the previous picture gives one in the current pose. They see the source frames, never a dream.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.errors import NetError
from vidream.motion.luma_pyramid import LumaPyramid
from vidream.motion.warp import resize_flow

__all__ = ["ESTIMATORS", "DisFlow", "FarnebackFlow", "FlowEstimator", "FlowFunction", "RaftFlow", "estimator"]

FlowFunction = Callable[[Tensor, Tensor], Tensor]
"""(current, previous), [1,3,H,W] RGB 0..1 each -> backward flow [1,2,H,W] in px, on the pictures' device."""


class FlowEstimator(ABC):
    """A `FlowFunction` that may also read what a `LumaPyramid` has of its frame already."""

    @abstractmethod
    def __call__(self, current: Tensor, previous: Tensor) -> Tensor:
        """Backward flow between two frames.

        Args:
            current, previous: [1,3,H,W], RGB, 0..1, sides of 16 px or more.

        Returns:
            [1,2,H,W], (dx, dy) in px, on the pictures' device.
        """

    def between(self, current: LumaPyramid, previous: LumaPyramid) -> Tensor:
        """The backward flow between two frames at their pyramids' small size."""
        return self(current.small, previous.small)


class DisFlow(FlowEstimator):
    """Dense Inverse Search (Kroeger et al. 2016, arXiv:1603.03590), OpenCV's, in its medium preset."""

    def __init__(self) -> None:
        self._own = threading.local()

    def __call__(self, current: Tensor, previous: Tensor) -> Tensor:
        return _as_flow(self._estimated(_luma8(current), _luma8(previous)), current)

    def between(self, current: LumaPyramid, previous: LumaPyramid) -> Tensor:
        return _as_flow(self._estimated(current.luma8, previous.luma8), current.small)

    def _estimated(self, current: np.ndarray, previous: np.ndarray) -> np.ndarray:
        # One for each thread, kept: making its buffers anew takes a sixth of the time.
        if not hasattr(self._own, "estimator"):
            self._own.estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        # None: no flow to start from.
        return self._own.estimator.calc(current, previous, None)


class FarnebackFlow(FlowEstimator):
    """Polynomial expansion (Farneback 2003), OpenCV's."""

    def __call__(self, current: Tensor, previous: Tensor) -> Tensor:
        a, b = _luma8(current), _luma8(previous)
        start = np.zeros((*a.shape, 2), np.float32)
        return _as_flow(cv2.calcOpticalFlowFarneback(a, b, start, 0.5, 4, 15, 3, 5, 1.1, 0), current)


class RaftFlow(FlowEstimator):
    """RAFT (Teed and Deng 2020, arXiv:2003.12039), torchvision's small model, on the pictures' device.

    Raises:
        NetError: its 4 MB of weights cannot be downloaded.
    """

    def __init__(self) -> None:
        from torchvision.models.optical_flow import Raft_Small_Weights, raft_small

        try:
            self._model = raft_small(weights=Raft_Small_Weights.DEFAULT).eval()
        except OSError as error:
            raise NetError(
                f"flow raft downloads its weights at first use, and that failed ({error}); try again when connected",
                use={"flow": "dis"},
            ) from None

    def __call__(self, current: Tensor, previous: Tensor) -> Tensor:
        height, width = current.shape[-2:]
        # RAFT needs sides in eights, and at least 128 px for its four correlation levels.
        size = [max(128, -(-side // 8) * 8) for side in (height, width)]
        pair = [F.interpolate(p, size=size, mode="bilinear", align_corners=False) * 2 - 1 for p in (current, previous)]
        with torch.no_grad():
            found = self._model.to(current.device)(*pair)[-1]
        return resize_flow(found, height, width)


ESTIMATORS: dict[str, Callable[[], FlowEstimator | None]] = {
    "dis": DisFlow,
    "farneback": FarnebackFlow,
    "raft": RaftFlow,
    "none": lambda: None,
}
"""What presets call an estimator -> what makes it; "none" makes none, and everything stays where it is."""


def estimator(name: str) -> FlowEstimator | None:
    """A new estimator of the kind that presets call `name`. Raises NetError where its weights cannot be had."""
    return ESTIMATORS[name]()


def _luma8(picture: Tensor) -> np.ndarray:
    return LumaPyramid(picture, side_px=max(picture.shape[-2:])).luma8


def _as_flow(found: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(found.transpose(2, 0, 1)))[None].to(like.device)
