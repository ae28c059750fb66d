"""Optical flow between source frames, and carrying pictures along it.

Flow is **backward** everywhere: `out[y, x] = image[y + dy, x + dx]`, estimated from the current
frame to the previous one, so that warping the previous picture gives one in the current pose.
OpenCV is used here for its estimators, which see 8-bit luma and never a dream, and for trust.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.errors import NetError
from vidream.motion.luma_pyramid import SIDE_PX, Glance
from vidream.motion.remap import can_remap, remapped, scaled
from vidream.runtime.constants import constant
from vidream.runtime.mps_fallback import or_on_cpu

__all__ = [
    "RaftFlow", "dis_flow", "estimator", "farneback_flow", "is_cut", "motion", "resize_flow",
    "resize_motion", "small_motion", "trust", "warp", "warp_error",
]  # fmt: skip

# Mean difference of colour, 0..1, below which a warped frame counts as explained.
EXPLAINED = 0.02
# ... and above which it counts as something else.
UNEXPLAINED = 0.1
_BESIDE = ThreadPoolExecutor(1, "vidream-flow")
_OWN = threading.local()


def warp(image: Tensor, flow: Tensor, *, mode: str = "bicubic") -> Tensor:
    """Pull `image` along `flow`: out[y, x] = image[y + dy, x + dx].

    image: [B,C,H,W].  flow: [B,2,H,W], (dx, dy) in pixels; pixel centres on whole numbers;
    outside repeats the border.  mode: "bilinear" or "bicubic"; a dream is warped again every
    frame, and bilinear would soften it each time.  Returns [B,C,H,W].
    Raises ValueError if B, H or W differ.  Source: Ruder et al. 2016, arXiv:1604.08610.
    """
    return _pulled(image, flow, 1, mode)


def warp_error(current: Tensor, previous: Tensor, flow: Tensor, believed: Tensor, *, every_px: int = 1) -> Tensor:
    """Mean squared difference of `current` and `previous` warped onto it, where `believed` > 0.5.

    current, previous: what was made, [1,3,H,W], RGB, 0..1.  flow, believed: from the SOURCE
    frames, [1,2,H,W] and [1,1,H,W].  every_px: only every n-th pixel of each row and column is
    looked at.  A scalar, NaN where nothing is believed.  Source: Lai et al. 2018, arXiv:1808.00449.
    """
    step = (..., slice(None, None, every_px), slice(None, None, every_px))
    squared = (current[step] - _pulled(previous, flow, every_px, "bilinear")).square().mean(1, keepdim=True)
    mask = (believed[step] > 0.5).to(squared.dtype)
    return (squared * mask).sum() / mask.sum()


def dis_flow(current: Tensor, previous: Tensor) -> Tensor:
    """Backward flow by Dense Inverse Search (Kroeger et al. 2016, arXiv:1603.03590).

    current, previous: [1,3,H,W], RGB, 0..1, sides of 16 px or more.
    Returns [1,2,H,W] in pixels, on the pictures' device.
    """
    return _as_flow(_dis(_luma8(current), _luma8(previous)), current)


def _dis(current: np.ndarray, previous: np.ndarray) -> np.ndarray:
    # One for each thread, kept: making its buffers anew takes a sixth of the time.
    if not hasattr(_OWN, "estimator"):
        _OWN.estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # None: no flow to start from.
    return _OWN.estimator.calc(current, previous, None)


def _both_ways(
    current: Glance, previous: Glance, estimate: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    if estimate is not dis_flow:
        return estimate(current.small, previous.small), estimate(previous.small, current.small)
    # Beside each other: OpenCV's own threads bring little on pictures so small.
    new, old = current.luma8, previous.luma8
    back = _BESIDE.submit(_dis, old, new)
    there = _dis(new, old)
    return _as_flow(there, current.small), _as_flow(back.result(), current.small)


def farneback_flow(current: Tensor, previous: Tensor) -> Tensor:
    """Backward flow by Farneback's polynomial expansion (2003). Arguments and result as `dis_flow`."""
    a, b = _luma8(current), _luma8(previous)
    start = np.zeros((*a.shape, 2), np.float32)
    return _as_flow(cv2.calcOpticalFlowFarneback(a, b, start, 0.5, 4, 15, 3, 5, 1.1, 0), current)


class RaftFlow:
    """Backward flow by RAFT (Teed and Deng 2020, arXiv:2003.12039), torchvision's small model.

    Called like `dis_flow`; runs on the pictures' device. Raises NetError, with a way out, where
    its 4 MB of weights cannot be downloaded.
    """

    def __init__(self) -> None:
        from torchvision.models.optical_flow import Raft_Small_Weights, raft_small

        try:
            self._model = raft_small(weights=Raft_Small_Weights.DEFAULT).eval()
        except OSError as error:
            raise NetError(
                f"flow raft downloads its weights at first use, and that failed ({error}); "
                "use --set flow=dis, or try again when connected"
            ) from None

    def __call__(self, current: Tensor, previous: Tensor) -> Tensor:
        height, width = current.shape[-2:]
        # RAFT wants sides in eights, and at least 128 px for its four correlation levels.
        size = [max(128, -(-side // 8) * 8) for side in (height, width)]
        pair = [F.interpolate(p, size=size, mode="bilinear", align_corners=False) * 2 - 1 for p in (current, previous)]
        with torch.no_grad():
            found = self._model.to(current.device)(*pair)[-1]
        return resize_flow(found, height, width)


def resize_flow(flow: Tensor, height: int, width: int) -> Tensor:
    """`flow` [B,2,h,w] at another size [B,2,H,W], its vectors scaled to the new pixels."""
    small_h, small_w = flow.shape[-2:]
    if (small_h, small_w) == (height, width):
        return flow
    flow = scaled(flow, (height, width), kernel="bilinear")
    scale = constant((width / small_w, height / small_h), flow.device, flow.dtype)
    return flow * scale.view(1, 2, 1, 1)


def motion(
    current: Tensor, previous: Tensor, estimate: Callable[[Tensor, Tensor], Tensor], *, side_px: int = SIDE_PX
) -> tuple[Tensor, Tensor]:
    """Backward flow [1,2,H,W] and its trust [1,1,H,W] between two frames [1,3,H,W].

    Both are worked out with the longer side at most `side_px`, then brought to full size.
    """
    found = small_motion(Glance(current, side_px=side_px), Glance(previous, side_px=side_px), estimate)
    return resize_motion(*found, *current.shape[-2:])


def small_motion(
    current: Glance, previous: Glance, estimate: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """As `motion`, but at the size at which it is worked out: [1,2,h,w], [1,1,h,w]."""
    there, back = _both_ways(current, previous, estimate)
    return there, trust(there, back, current.small, previous.small)


def resize_motion(flow: Tensor, believed: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """`flow` [B,2,h,w] and its trust [B,1,h,w] at another size."""
    if believed.shape[-2:] != (height, width):
        believed = scaled(believed, (height, width), kernel="bilinear")
    return resize_flow(flow, height, width), believed


def trust(there: Tensor, back: Tensor, current: Tensor | None = None, previous: Tensor | None = None) -> Tensor:
    """Where the flow `there` may be believed: 1 yes, 0 no, softened at the edges.

    there: [1,2,H,W], backward flow current -> previous; back: the same, previous -> current.
    Untrusted: forward-backward mismatch, motion edges, and what comes from outside the frame
    (Sundaram et al. 2010; Ruder et al. 2016, eqs. 5 and 6).  Given the two frames [1,3,H,W] as
    well, a place whose colours the flow explains is believed all the same, and one whose colours
    it plainly does not is not.
    Returns [1,1,H,W], 0..1, on the device of `there`.
    """
    # In one thread: the pictures are small, and decoder and encoder are at work beside. Shared out by torch the same
    # took three times as long where one of two cores was busy.
    dx, dy = _planes(there)
    height, width = dx.shape
    xs = dx + np.arange(width, dtype=np.float32)
    ys = dy + np.arange(height, dtype=np.float32)[:, None]
    back_x, back_y = _drawn(back, xs, ys)
    length = dx * dx + dy * dy
    mismatch = np.square(dx + back_x) + np.square(dy + back_y)
    doubtful = mismatch > 0.01 * (length + back_x * back_x + back_y * back_y) + 0.5
    edges = np.zeros_like(length)
    for component in (dx, dy):
        edges[:, :-1] += np.square(component[:, 1:] - component[:, :-1])
        edges[:-1] += np.square(component[1:] - component[:-1])
    doubtful |= edges > 0.01 * length + 0.002
    if current is not None and previous is not None:
        # Flow on a bare wall is a guess, but any guess carries the wall onto itself. Without this a
        # seventh of a hand-held clip was dreamed anew in every frame, and bare holes showed.
        difference = np.zeros_like(length)
        for own, drawn in zip(_planes(current), _drawn(previous, xs, ys), strict=True):
            difference += np.abs(own - drawn)
        difference = _box_mean(difference / 3, 5)
        doubtful &= difference > EXPLAINED
        # What comes into view beside a mover often passes the flow checks with a flow of its own.
        # Against the mean, so that a flash does not put the whole frame in doubt.
        doubtful |= difference > max(3 * float(difference.mean()), UNEXPLAINED)
    doubtful |= (xs < -0.5) | (xs > width - 0.5) | (ys < -0.5) | (ys > height - 0.5)
    return torch.from_numpy(_box_mean(1 - doubtful.astype(np.float32), 3))[None, None].to(there.device)


def _planes(image: Tensor) -> np.ndarray:
    """The channels of [1,C,H,W] as an array [C,H,W]."""
    return np.asarray(image[0].detach().cpu().numpy(), np.float32)


def _drawn(image: Tensor, xs: np.ndarray, ys: np.ndarray) -> list[np.ndarray]:
    """Each channel of [1,C,H,W] drawn from the places xs, ys [H,W]; outside repeats the border."""
    return [cv2.remap(each, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for each in _planes(image)]


def _box_mean(plane: np.ndarray, side: int) -> np.ndarray:
    return cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE)


def is_cut(current: Glance, previous: Glance) -> bool:
    """True where a new shot begins between two frames.

    Both must hold: the pictures no longer correlate in structure, and their colours are shared
    out differently. A pan keeps its colours and a flash its structure, so neither passes for a cut.
    """
    correlation = float((current.structure * previous.structure).mean())
    return correlation < 0.5 and float(torch.minimum(current.colours, previous.colours).sum()) < 0.6


def estimator(name: str) -> Callable[[Tensor, Tensor], Tensor] | None:
    """The estimator that presets call `name`: dis, farneback, raft; None for "none"."""
    if name == "raft":
        return RaftFlow()
    known = {"dis": dis_flow, "farneback": farneback_flow, "none": None}
    return known[name]


def _pulled(image: Tensor, flow: Tensor, every_px: int, mode: str) -> Tensor:
    batch, _, height, width = image.shape
    if flow.shape != (batch, 2, height, width):
        raise ValueError(f"flow {tuple(flow.shape)} does not fit image {tuple(image.shape)}")
    flow = flow[..., ::every_px, ::every_px]
    xs = torch.arange(0, width, every_px, device=image.device, dtype=image.dtype).view(1, 1, -1) + flow[:, 0]
    ys = torch.arange(0, height, every_px, device=image.device, dtype=image.dtype).view(1, -1, 1) + flow[:, 1]
    if mode == "bicubic" and can_remap(image):
        return torch.stack([remapped(*each, kernel=mode, outside="border") for each in zip(image, xs, ys, strict=True)])
    # align_corners=True puts -1 and 1 on the first and last pixel CENTRES: zero flow changes nothing.
    grid_x, grid_y = xs * (2.0 / max(width - 1, 1)) - 1.0, ys * (2.0 / max(height - 1, 1)) - 1.0
    grid = torch.stack((grid_x, grid_y), dim=-1)
    pulled = partial(F.grid_sample, mode=mode, padding_mode="border", align_corners=True)
    return or_on_cpu(pulled, image, grid)


def _luma8(picture: Tensor) -> np.ndarray:
    return Glance(picture, side_px=max(picture.shape[-2:])).luma8


def _as_flow(found: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(found.transpose(2, 0, 1)))[None].to(like.device)
