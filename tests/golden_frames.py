"""Twelve small dreams by which a change of the engine is seen: inputs painted by arithmetic, never by chance."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vidream import Dreamer, Motion, Preset, Stream, endless_zoom

HEIGHT, WIDTH = 80, 120
LOOK = Preset(
    layers={"s3b": 1.0},
    octaves=2,
    steps=1,
    octave_turns=1,
    first_steps=3,
    jitter=8,
    step_size=0.01,
    first_step_size=0.012,
)


def painted(shift_px: float = 0.0, phase: float = 0.0) -> Tensor:
    """A picture [1,3,HEIGHT,WIDTH], RGB, 0..1: waves in three sizes, moved to the right by `shift_px`."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    x = x - shift_px
    planes = [
        0.5 + 0.2 * np.sin(x / 9 + channel + phase) * np.cos(y / 7 - channel)
        + 0.15 * np.sin((x + y) / 23 + 2 * channel) + 0.05 * np.sin(x / 2.5) * np.sin(y / 3)
        for channel in range(3)
    ]  # fmt: skip
    return torch.from_numpy(np.stack(planes).astype(np.float32))[None].clamp(0, 1)


def golden_frames(look: Preset = LOOK) -> dict[str, tuple[Tensor, Tensor]]:
    """Name -> (dream, the frame it was dreamed from), each [1,3,H,W]; float32 on the CPU."""
    picture = painted()
    found = {"still": (_dreamer(look)(picture), picture)}
    for number, (dream, frame) in enumerate(_stream(look)):
        if number == 2:
            found["carried"] = (dream, frame)
    zoom = endless_zoom(picture, _dreamer(look), Motion(scale=1.5, rotate=20.0), rate=10)
    found["zoom"] = ([next(zoom) for _ in range(3)][-1], picture)
    for kind in ("std", "laplacian"):
        found[f"normalised by {kind}"] = (_dreamer(look.replace(normalise=kind))(picture), picture)
    guide = painted(phase=2.0).flip(-1)
    guided = look.replace(guide="a picture given in Python.png", guide_share=0.5)
    found["guided"] = (_dreamer(guided)(picture, guides=[guide]), picture)
    mask = torch.linspace(0, 1, WIDTH).expand(1, 1, HEIGHT, WIDTH).round()
    found["masked"] = (Stream(_dreamer(look)).next(picture, mask=mask), picture)
    found["live"] = (_live(look, picture), picture)
    found["subject"] = (_dreamer(look.replace(layers={}, subject={"eyes": 1.0, "faces": 0.5}))(picture), picture)
    found["in tiles"] = (_dreamer(look, tile=64)(picture), picture)
    keyed = look.replace(step_size="0:0.002, 1s:0.02")
    found["keyframes"] = list(_stream(keyed, rate=4))[-1]
    shown = look.replace(keep_colour=0.7, blend=0.25, smoothing=0.0, colour=0.0, evenness=0.0)
    found["own colour"] = (Stream(_dreamer(shown)).next(picture), picture)
    return found


def grid(picture: Tensor) -> list[list[list[float]]]:
    """Means over cells of 10x10 px: [3][8][12]."""
    return torch.nn.functional.avg_pool2d(picture, 10)[0].tolist()


def difference(found: list[list[list[float]]], kept: list[list[list[float]]]) -> float:
    """The largest difference of two grids; infinite where one holds what is no number."""
    largest = float((torch.tensor(found) - torch.tensor(kept)).abs().max())
    return largest if math.isfinite(largest) else math.inf


def _dreamer(look: Preset, tile: int | None = None) -> Dreamer:
    return Dreamer(look, device="cpu", precision="fp32", tile=tile, seed=3)


def _stream(look: Preset, rate: int = 25) -> Iterator[tuple[Tensor, Tensor]]:
    stream = Stream(_dreamer(look), rate=rate)
    for number in range(4):
        frame = painted(shift_px=3.0 * number)
        yield stream.next(frame), frame


def _live(look: Preset, picture: Tensor) -> Tensor:
    """The second update of a live dream: it starts from the one before."""
    from vidream.live.budget import Level
    from vidream.live.update import LiveMoment, composed, updated

    dreamer, landed = _dreamer(look), None
    for number in range(2):
        moment = LiveMoment(seconds=number / 10, since_seconds=0.1)
        landed = updated(dreamer, picture, landed, Level(96, 2, 1), number=number, moment=moment)
    return composed(look, picture, landed, strength=1.0)
