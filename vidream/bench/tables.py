"""The figures as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from vidream.bench.chart import draw_profile
from vidream.bench.measure import Bench, measure_all, moving_frames
from vidream.bench.plain_loop import ClipComparison, StepComparison, against_plain_clip, against_plain_step
from vidream.engine.dreamer import Dreamer
from vidream.media import FrameReader
from vidream.media.disk import write_json

__all__ = ["BenchScreen"]

# The size at which bare steps are compared, and how much of a clip is dreamed both ways.
COMPARED_SIZE = (320, 240)
CLIP_PX, CLIP_SECONDS = 320, 1.2


class BenchScreen:
    """Measures and says what was found: progress on stderr, tables on stdout."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._progress = Console(stderr=True, quiet=quiet, highlight=False)
        self._console = Console(highlight=False)

    def run(
        self,
        dreamer: Dreamer,
        sizes: Sequence[tuple[int, int]],
        *,
        seconds: float,
        live: bool = True,
        against_plain: bool = False,
        clip: Path | None = None,
        profile: Path | None = None,
        json_path: Path | None = None,
    ) -> None:
        """Raises SourceError, TargetError."""
        self._progress.print(f"dreaming with {dreamer.describe()}")
        found = measure_all(dreamer, sizes, seconds=seconds, live_seconds=seconds if live else 0, told=self._told)
        self._show(found)
        facts: dict[str, Any] = asdict(found)
        if against_plain:
            self._told("a step against the plain one")
            frame = moving_frames(*COMPARED_SIZE, 1)[0]
            step = against_plain_step(dreamer, frame, budget_seconds=seconds)
            self._show_step(step)
            facts["plain_step"] = {**asdict(step), "ratio": step.ratio, "frozen_ratio": step.frozen_ratio}
        if clip is not None:
            self._told(f"{clip.name} against the plain way")
            with FrameReader(clip, size=CLIP_PX, duration_seconds=CLIP_SECONDS) as frames:
                both = against_plain_clip(dreamer, frames)
            self._show_clip(both)
            facts["plain_clip"] = {**asdict(both), "ratio": both.ratio, "steadiness_ratio": both.steadiness_ratio}
        if profile is not None:
            draw_profile(profile, found.sizes, f"{found.dreamer}: where a frame's time goes, ms")
        if json_path is not None:
            write_json(json_path, facts)

    def run_suite(self, suite: Callable[..., dict[str, Any]], *, json_path: Path | None) -> None:
        """Run a suite, which takes `told`, and say what each part found. Raises TargetError."""
        found = suite(told=self._told)
        for part, result in found.items():
            self._console.print(f"[bold]{part}[/] [dim]({result.pop('seconds', 0):g} s)[/]")
            self._show_facts(result.get("figures", result))
        if json_path is not None:
            write_json(json_path, found)

    def _show_facts(self, facts: dict[str, Any]) -> None:
        """Names and values, one a line; what holds others in one line, too."""
        table = Table(box=None, show_header=False)
        for name, value in facts.items():
            value = value.get("figures", value) if isinstance(value, dict) else value
            table.add_row(f"  {name}", _words(value))
        self._console.print(table, markup=False)

    def _told(self, words: str) -> None:
        self._progress.print(f"measuring {words} …", style="dim")

    def _show(self, found: Bench) -> None:
        table = Table("size", "step", "frame", "frames/s", "first frame", "of the peak", box=None)
        for each in found.sizes:
            table.add_row(
                f"{each.width}x{each.height}",
                _time(each.step_seconds),
                _time(each.frame_seconds),
                f"{each.fps:.1f}",
                _time(each.first_frame_seconds),
                f"{each.peak_share:.0%}",
            )
        self._console.print(table)
        said = [f"matrix peak {found.matrix_peak / 1e12:.2f} TFLOP/s"]
        if found.memory_mib is not None:
            said.append(f"memory {found.memory_mib / 1024:.2f} GiB at the most")
        self._console.print(" · ".join(said), style="dim")
        if found.live is not None:
            live = found.live
            self._console.print(
                f"live: {live.picture_fps:.1f} pictures and {live.dream_fps:.1f} dreams a second, "
                f"{live.width}x{live.height}, dreamed {live.dreamed_width}x{live.dreamed_height}, "
                f"{live.dropped_frames} dropped"
            )

    def _show_step(self, step: StepComparison) -> None:
        rows = [
            ("as it is usually written: fp32, weights that get gradients", step.plain_seconds),
            ("the same, weights frozen", step.plain_frozen_seconds),
            ("three lines of torch: folded, channels_last, autocast", step.three_lines_seconds),
            ("these under torch.compile", step.compiled_seconds),
            ("vidream", step.ours_seconds),
        ]
        table = Table(f"a bare step at {step.width}x{step.height}", "time", "vidream is", box=None)
        for name, seconds in rows:
            ratio = "" if seconds is None or name == "vidream" else f"{seconds / step.ours_seconds:.2f} times as fast"
            table.add_row(name, "skipped" if seconds is None else _time(seconds), ratio)
        self._console.print(table)
        if step.compiled_seconds is None:
            self._console.print(f"torch.compile cannot run here: {step.compiled_reason}", markup=False, soft_wrap=True)
        self._console.print(f"objective after ten steps: {step.objective_ratio:.3f} of the plain one's", soft_wrap=True)

    def _show_clip(self, both: ClipComparison) -> None:
        table = Table(f"{both.frames} frames, {both.width}x{both.height}", "frame", "strength", "warp error", box=None)
        table.add_row("vidream", _time(both.ours_seconds), f"{both.ours_strength:.3f}", f"{both.ours_warp_error:.5f}")
        table.add_row(
            "the plain loop", _time(both.plain_seconds), f"{both.plain_strength:.3f}", f"{both.plain_warp_error:.5f}"
        )
        self._console.print(table)
        self._console.print(
            f"[bold]{both.ratio:.1f} times as fast, {both.steadiness_ratio:.1f} times as steady[/]", soft_wrap=True
        )


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(each)}" for name, each in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
