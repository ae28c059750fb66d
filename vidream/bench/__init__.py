"""How fast this machine dreams, and where the time goes."""

from __future__ import annotations

from vidream.bench.chart import draw_profile
from vidream.bench.machine import matrix_peak, memory_mib
from vidream.bench.measure import Bench, SizeFigures, measure_all
from vidream.bench.plain_loop import ClipComparison, StepComparison, against_plain_clip, against_plain_step

__all__ = [
    "Bench",
    "ClipComparison",
    "SizeFigures",
    "StepComparison",
    "against_plain_clip",
    "against_plain_step",
    "draw_profile",
    "matrix_peak",
    "measure_all",
    "memory_mib",
]  # fmt: skip
