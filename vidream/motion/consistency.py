"""The consistency mask: where a flow can be relied on; and flow with its mask between two frames.

All in one thread: the pictures are small, and decoder and encoder run beside this. Shared out by torch the same took
three times as long where one of two cores was busy.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from vidream.motion.estimators import FlowEstimator, FlowFunction
from vidream.motion.luma_pyramid import SIDE_PX, LumaPyramid
from vidream.motion.warp import resize_motion

__all__ = ["agreement", "consistency_mask", "explained_share", "motion", "small_motion"]

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
    flow = _small_flow(current, previous, estimate)
    return flow, consistency_mask(flow, current.small, previous.small)


def explained_share(
    flow: Tensor, mask: Tensor, current: LumaPyramid, previous: LumaPyramid, estimate: FlowFunction
) -> float:
    """The share of a frame that its flow explains, 0..1: where `mask` is high and the forward-backward check holds."""
    back = _small_flow(previous, current, estimate)
    return float((mask * agreement(flow, back, current.small, previous.small)).mean())


def consistency_mask(flow: Tensor, current: Tensor, previous: Tensor) -> Tensor:
    """Where a flow can be relied on: 1 yes, 0 no, softened at the edges.

    Masked out: motion edges (Ruder et al. 2016, eq. 6) unless the flow explains the colours there, colours that it
    plainly does not explain, and what comes from outside the frame. A flow in the other direction, whose mismatch the
    paper masks out as well, costs as much again and leaves the warp error where it is.

    Args:
        flow: backward, current -> previous, [1,2,H,W], px.
        current, previous: the frames, [1,3,H,W], RGB, 0..1.

    Returns:
        [1,1,H,W], 0..1, on the device of `flow`.
    """
    dx, dy = _planes(flow)
    edges = np.zeros_like(dx)
    for component in (dx, dy):
        edges[:, :-1] += np.square(component[:, 1:] - component[:, :-1])
        edges[:-1] += np.square(component[1:] - component[:-1])
    xs, ys = _places(dx, dy)
    difference = _difference(current, previous, xs, ys)
    # Flow on a bare wall is a guess, but any guess carries the wall onto itself. Without this a seventh of a
    # hand-held clip was dreamed anew in every frame, and bare holes showed.
    doubtful = (edges > 0.01 * (dx * dx + dy * dy) + 0.002) & (difference > EXPLAINED)
    # What comes into view beside a moving thing often has a smooth flow of its own. Against the mean, so that a flash
    # does not put the whole frame in doubt.
    doubtful |= difference > max(3 * float(difference.mean()), UNEXPLAINED)
    height, width = dx.shape
    doubtful |= (xs < -0.5) | (xs > width - 0.5) | (ys < -0.5) | (ys > height - 0.5)
    return _softened(~doubtful, flow)


def agreement(flow: Tensor, back: Tensor, current: Tensor, previous: Tensor) -> Tensor:
    """Where two flows in opposite directions agree, or the colours do: 1 yes, 0 no, softened at the edges.

    Forward-backward check: Sundaram et al. 2010; Ruder et al. 2016, eq. 5.

    Args:
        flow: backward, current -> previous, [1,2,H,W], px.
        back: previous -> current, likewise.
        current, previous: the frames, [1,3,H,W], RGB, 0..1.

    Returns:
        [1,1,H,W], 0..1, on the device of `flow`.
    """
    dx, dy = _planes(flow)
    xs, ys = _places(dx, dy)
    back_x, back_y = _sampled(back, xs, ys)
    mismatch = np.square(dx + back_x) + np.square(dy + back_y)
    disagrees = mismatch > 0.01 * (dx * dx + dy * dy + back_x * back_x + back_y * back_y) + 0.5
    return _softened(~disagrees | (_difference(current, previous, xs, ys) <= EXPLAINED), flow)


def _small_flow(current: LumaPyramid, previous: LumaPyramid, estimate: FlowFunction) -> Tensor:
    if isinstance(estimate, FlowEstimator):
        return estimate.between(current, previous)
    return estimate(current.small, previous.small)


def _places(dx: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where every pixel comes from: columns and rows [H,W], px."""
    height, width = dx.shape
    return dx + np.arange(width, dtype=np.float32), dy + np.arange(height, dtype=np.float32)[:, None]


def _difference(current: Tensor, previous: Tensor, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Mean difference of colour between a frame and the one before pulled onto it, [H,W], 0..1."""
    total = np.zeros_like(xs)
    for own, drawn in zip(_planes(current), _sampled(previous, xs, ys), strict=True):
        total += np.abs(own - drawn)
    return _box_mean(total / 3, 5)


def _softened(trusted: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(_box_mean(trusted.astype(np.float32), 3))[None, None].to(like.device)


def _planes(image: Tensor) -> np.ndarray:
    """The channels of [1,C,H,W] as an array [C,H,W]."""
    return np.asarray(image[0].detach().cpu().numpy(), np.float32)


def _sampled(image: Tensor, xs: np.ndarray, ys: np.ndarray) -> list[np.ndarray]:
    """Each channel of [1,C,H,W] sampled at the places xs, ys [H,W]; outside repeats the border."""
    return [cv2.remap(each, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for each in _planes(image)]


def _box_mean(plane: np.ndarray, side: int) -> np.ndarray:
    return cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE)
