"""report: how steady a film came out, frame by frame, as a page for the browser or as JSON."""

from __future__ import annotations

import html
import json
import math
from array import array
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidream.errors import TargetError
from vidream.media.disk import disk_trouble, save_whole
from vidream.temporal.stream import FrameFigures

__all__ = ["Track", "check_side_file", "write_report", "write_side_file"]

COLUMNS = ("strength", "brightness", "source_brightness", "warp_error", "is_cut", "seconds")
WIDTH, HEIGHT, MARGIN = 860, 120, 62
# Points drawn of a curve: about one in two pixels. Behind it, the span between the least and the largest.
MOST_POINTS = 400


class Track:
    """Figures of every frame so far: six numbers each, so an hour's film takes 2 MB."""

    def __init__(self, tensor: Tensor | None = None) -> None:
        """tensor: [frames, 6], of a run before."""
        self._numbers = array("f", [] if tensor is None else tensor.flatten().tolist())

    def __len__(self) -> int:
        return len(self._numbers) // len(COLUMNS)

    def add(self, figures: FrameFigures, seconds: float) -> None:
        """One frame more, that took so many seconds."""
        warp_error = math.nan if figures.warp_error is None else figures.warp_error
        brightness = (figures.brightness, figures.source_brightness)
        self._numbers.extend((figures.strength, *brightness, warp_error, figures.is_cut, seconds))

    def tensor(self, frames: int) -> Tensor:
        """[frames, 6] of the first frames; may be called while others are added."""
        return torch.tensor(self._numbers[: frames * len(COLUMNS)]).view(-1, len(COLUMNS))

    @property
    def seconds(self) -> float:
        """What all frames took, those of runs before this one too."""
        return sum(self._numbers[len(COLUMNS) - 1 :: len(COLUMNS)])

    def columns(self) -> dict[str, list[float | None]]:
        """Name -> a number a frame, None where there is none."""
        return {
            name: [None if math.isnan(value) else value for value in self._numbers[at :: len(COLUMNS)]]
            for at, name in enumerate(COLUMNS)
        }


def check_side_file(path: Path, suffixes: Sequence[str], *, overwrite: bool) -> None:
    """See that `path` can be written beside a film, before the film is made. Raises TargetError."""
    if path.suffix.lower() not in suffixes:
        raise TargetError(f'"{path.name}" cannot be written; give it one of {", ".join(suffixes)}')
    if not path.parent.is_dir():
        raise TargetError(f'no folder "{path.parent}"; create it first, or write somewhere else')
    if path.exists() and not overwrite:
        raise TargetError(f'"{path}" is already there; write to another name', use={"overwrite": True})


def write_side_file(path: Path, text: str) -> None:
    """Put `text` at `path`, whole or not at all. Raises TargetError."""
    try:
        save_whole(path, text.encode("utf-8", "backslashreplace"))  # a name may be no text
    except OSError as error:
        raise disk_trouble(path, error) from None


def write_report(
    path: Path,
    track: Track,
    facts: Mapping[str, Any],
    rate: Fraction,
    *,
    heard: Mapping[str, Sequence[float]] | None = None,
    driven: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Write the report of a film: .json, or .html, one page that needs nothing else. Raises TargetError.

    facts: words and numbers for its head, by name.  heard, driven: curves of the sound, and of the fields of the look
    that have expressions, a number a frame.
    """
    heard, driven = heard or {}, driven or {}
    columns = track.columns()
    cuts = [number for number, is_cut in enumerate(columns.pop("is_cut")) if is_cut]
    if path.suffix.lower() == ".json":
        frames = {name: [None if each is None else float(f"{each:.6g}") for each in values]
                  for name, values in columns.items()}  # fmt: skip
        curves = {
            name: {each: [float(f"{value:.6g}") for value in values] for each, values in found.items()}
            for name, found in (("sound_at_each_frame", heard), ("look_at_each_frame", driven)) if found
        }  # fmt: skip
        text = json.dumps({**facts, "cuts": cuts, "frames_a_second": str(rate), "of_each_frame": frames, **curves})
    else:
        more = [_plot(f"sound: {name}", {"source": values}, cuts, rate) for name, values in heard.items()]
        more += [_plot(f"look: {name}", {"dream": values}, cuts, rate) for name, values in driven.items()]
        text = _page(columns, cuts, facts, rate, "".join(more))
    write_side_file(path, text)


def _page(
    columns: dict[str, list[float | None]],
    cuts: Sequence[int],
    facts: Mapping[str, Any],
    rate: Fraction,
    more: str = "",
) -> str:
    speed = [1 / value if value else None for value in columns["seconds"]]
    plots = [
        _plot("strength: how far the dream is from its frame", {"dream": columns["strength"]}, cuts, rate),
        _plot("brightness", {"dream": columns["brightness"], "source": columns["source_brightness"]}, cuts, rate),
        _plot("warp error: what flickers along the motion", {"dream": columns["warp_error"]}, cuts, rate),
        _plot("speed: frames a second", {"dream": speed}, cuts, rate),
    ]
    rows = "".join(f"<tr><th>{html.escape(str(name))}<td>{html.escape(str(value))}" for name, value in facts.items())
    times = ", ".join(f"{float(number / rate):.2f} s" for number in cuts) or "none"
    title = html.escape(str(facts.get("film", "film")))
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}: report</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: {WIDTH}px; margin: 2em auto; padding: 0 1em }}
h1 {{ font-size: 1.4em }} h2 {{ font-size: 1em; margin: 1.6em 0 .2em }}
th {{ text-align: left; font-weight: normal; opacity: .7; padding-right: 1.5em; vertical-align: top }}
td {{ overflow-wrap: anywhere }}
svg {{ width: 100%; height: auto }} text {{ font: 11px system-ui, sans-serif; fill: currentColor; opacity: .7 }}
.axis {{ stroke: currentColor; opacity: .25; fill: none }} .cut {{ stroke: #d97706; stroke-dasharray: 3 3 }}
.dream {{ stroke: #2563eb; fill: none; stroke-width: 1.5 }} .dream-span {{ fill: #2563eb; opacity: .18 }}
.source {{ stroke: #6b7280; fill: none; stroke-width: 1.5; stroke-dasharray: 6 4 }}
.source-span {{ fill: #6b7280; opacity: .18 }}
</style>
<h1>{title}</h1>
<table>{rows}<tr><th>cuts at<td>{times}</table>
{"".join(plots)}{more}
<p>Lines: the mean over some frames, or each frame where there are few; behind them, least to largest.
Upright: cuts. <span style="color:#2563eb">Blue</span>: the dream; grey and dashed: its source.</p>
</html>
"""


def _plot(title: str, curves: Mapping[str, Sequence[float | None]], cuts: Sequence[int], rate: Fraction) -> str:
    """One small SVG: frames along, from the first to the last; values up, from 0."""
    frames = max(len(values) for values in curves.values())
    top = max((value for values in curves.values() for value in values if value is not None), default=0.0) or 1.0
    right, floor = WIDTH - 8, HEIGHT - 20

    def x(number: float) -> str:
        return f"{MARGIN + (right - MARGIN) * number / max(frames - 1, 1):.1f}"

    def y(value: float) -> str:
        return f"{floor - (floor - 8) * value / top:.1f}"

    drawn = [f'<path class="axis" d="M{MARGIN} 8V{floor}H{right}"/>']
    drawn += [f'<path class="cut" d="M{x(number)} 8V{floor}"/>' for number in cuts[:MOST_POINTS]]
    for name, values in curves.items():
        points = _thinned(values)
        if points:
            upper = " ".join(f"{x(at)},{y(most)}" for at, _, _, most in points)
            lower = " ".join(f"{x(at)},{y(least)}" for at, least, _, _ in reversed(points))
            drawn.append(f'<polygon class="{name}-span" points="{upper} {lower}"/>')
            line = " ".join(f"{x(at)},{y(mean)}" for at, _, mean, _ in points)
            drawn.append(f'<polyline class="{name}" points="{line}"/>')
    drawn.append(f'<text x="{MARGIN - 4}" y="14" text-anchor="end">{top:.3g}</text>')
    drawn.append(f'<text x="{MARGIN - 4}" y="{floor}" text-anchor="end">0</text>')
    drawn.append(f'<text x="{MARGIN}" y="{HEIGHT - 5}">0 s</text>')
    drawn.append(f'<text x="{right}" y="{HEIGHT - 5}" text-anchor="end">{float(frames / rate):.4g} s</text>')
    return f'<h2>{html.escape(title)}</h2>\n<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(drawn)}</svg>\n'


def _thinned(values: Sequence[float | None]) -> list[tuple[float, float, float, float]]:
    """(frame number, least, mean, largest) of at most MOST_POINTS runs of frames."""
    step = max(1, math.ceil(len(values) / MOST_POINTS))
    points = []
    for begins in range(0, len(values), step):
        run = [value for value in values[begins : begins + step] if value is not None]
        if run:
            points.append((begins + (min(step, len(values) - begins) - 1) / 2, min(run), sum(run) / len(run), max(run)))
    return points
