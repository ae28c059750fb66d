"""The consistency mask: where a flow can be relied on; and flow with its mask between two frames."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from vidream.motion.estimators import FlowEstimator, FlowFunction
from vidream.motion.luma_pyramid import SIDE_PX, LumaPyramid
from vidream.motion.warp import resize_motion

__all__ = ["consistency_mask", "motion", "small_motion"]

# Mean difference of colour, 0..1, below which a warped frame counts as explained by the flow.
EXPLAINED = 0.02
# ... and above which it counts as something else.
UNEXPLAINED = 0.1


def motion(
    current: Tensor, previous: Tensor, estimate: FlowFunction, *, side_px: int = SIDE_PX
) -> tuple[Tensor, Tensor]:
    """Backward flow and its consistency mask between two frames, found small and brought to full size.

    Args:
        current, previous: [1,3,H,W], RGB, 0..1.
        estimate: finds the flow.
        side_px: the longer side at which it is found, px.

    Returns:
        [1,2,H,W] px and [1,1,H,W] 0..1.
    """
    found = small_motion(LumaPyramid(current, side_px=side_px), LumaPyramid(previous, side_px=side_px), estimate)
    return resize_motion(*found, *current.shape[-2:])


def small_motion(current: LumaPyramid, previous: LumaPyramid, estimate: FlowFunction) -> tuple[Tensor, Tensor]:
    """As `motion`, but at the size at which it is found: [1,2,h,w], [1,1,h,w]."""
    if isinstance(estimate, FlowEstimator):
        there, back = estimate.both_ways(current, previous)
    else:
        there, back = estimate(current.small, previous.small), estimate(previous.small, current.small)
    return there, consistency_mask(there, back, current.small, previous.small)


def consistency_mask(
    there: Tensor, back: Tensor, current: Tensor | None = None, previous: Tensor | None = None
) -> Tensor:
    """Where the flow `there` can be relied on: 1 yes, 0 no, softened at the edges.

    Masked out: forward-backward mismatch, motion edges, and what comes from outside the frame (Sundaram et al. 2010;
    Ruder et al. 2016, eqs. 5 and 6). Given the two frames as well, a place whose colours the flow explains counts as
    consistent all the same, and one whose colours it plainly does not explain does not.

    Args:
        there: backward flow current -> previous, [1,2,H,W], px.
        back: backward flow previous -> current, [1,2,H,W], px.
        current, previous: the frames, [1,3,H,W], RGB, 0..1.

    Returns:
        [1,1,H,W], 0..1, on the device of `there`.
    """
    # In one thread: the pictures are small, and decoder and encoder run beside this. Shared out by torch the same took
    # three times as long where one of two cores was busy.
    dx, dy = _planes(there)
    height, width = dx.shape
    xs = dx + np.arange(width, dtype=np.float32)
    ys = dy + np.arange(height, dtype=np.float32)[:, None]
    back_x, back_y = _sampled(back, xs, ys)
    length = dx * dx + dy * dy
    mismatch = np.square(dx + back_x) + np.square(dy + back_y)
    doubtful = mismatch > 0.01 * (length + back_x * back_x + back_y * back_y) + 0.5
    edges = np.zeros_like(length)
    for component in (dx, dy):
        edges[:, :-1] += np.square(component[:, 1:] - component[:, :-1])
        edges[:-1] += np.square(component[1:] - component[:-1])
    doubtful |= edges > 0.01 * length + 0.002
    if current is not None and previous is not None:
        # Flow on a bare wall is a guess, but any guess carries the wall onto itself. Without this a seventh of a
        # hand-held clip was dreamed anew in every frame, and bare holes showed.
        difference = np.zeros_like(length)
        for own, drawn in zip(_planes(current), _sampled(previous, xs, ys), strict=True):
            difference += np.abs(own - drawn)
        difference = _box_mean(difference / 3, 5)
        doubtful &= difference > EXPLAINED
        # What comes into view beside a moving thing often passes the flow checks with a flow of its own. Against the
        # mean, so that a flash does not put the whole frame in doubt.
        doubtful |= difference > max(3 * float(difference.mean()), UNEXPLAINED)
    doubtful |= (xs < -0.5) | (xs > width - 0.5) | (ys < -0.5) | (ys > height - 0.5)
    return torch.from_numpy(_box_mean(1 - doubtful.astype(np.float32), 3))[None, None].to(there.device)


def _planes(image: Tensor) -> np.ndarray:
    """The channels of [1,C,H,W] as an array [C,H,W]."""
    return np.asarray(image[0].detach().cpu().numpy(), np.float32)


def _sampled(image: Tensor, xs: np.ndarray, ys: np.ndarray) -> list[np.ndarray]:
    """Each channel of [1,C,H,W] sampled at the places xs, ys [H,W]; outside repeats the border."""
    return [cv2.remap(each, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for each in _planes(image)]


def _box_mean(plane: np.ndarray, side: int) -> np.ndarray:
    return cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE)
