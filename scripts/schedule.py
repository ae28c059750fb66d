"""Find the schedule that dreams most with the fewest operations: a search over a preset's settings on a real clip.

Run from the repository: python scripts/schedule.py CLIP [PRESET]   (some minutes; --sheet OUT.png to look at the best)

For each candidate: operations a frame (counted), strength and warp error (of carried frames), and the objective, as
the full-size score of the dreams over that of the frames. A candidate is worth showing if no other reaches its
objective with fewer operations.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vidream import Dreamer, FrameReader, Net, Preset, Stream, load_net
from vidream.engine.dreamer import FULL_EFFORT_SIDE_PX
from vidream.engine.octaves import octave_sizes
from vidream.looks.mixture import with_networks
from vidream.media import contact_sheet, write_picture

SIZE_PX, SECONDS, WARM_UP_FRAMES = 320, 1.2, 8
GRID = {
    "octaves": (2, 3, 4, 8),
    "octave_scale": (1.4, 1.7),
    "finest": (0.7, 1.0),
    "step_size": (0.003, 0.004, 0.005),
}


@dataclass(frozen=True)
class Row:
    preset: Preset
    operations: float
    seconds: float
    strength: float
    warp_error: float
    objective: float
    last: Tensor

    def __str__(self) -> str:
        look = self.preset
        sizes = f"{look.octaves} octaves by {look.octave_scale:g}, finest {look.finest:g}"
        words = f"{sizes}, {look.steps} x {look.step_size:g}"
        return (
            f"{words:<48} {self.operations / 1e9:6.2f} G  {1000 * self.seconds:6.1f} ms  strength {self.strength:.3f}  "
            f"warp error {self.warp_error:.5f}  objective {self.objective:.3f}"
        )


def operations_of(preset: Preset, net: Net, names: list[str], size: tuple[int, int]) -> float:
    """Multiplications and additions of one carried frame, forward and back."""
    per_px = 2 * net.operations(names, 224, 224) / 224**2
    total = 0.0
    for height, width in octave_sizes(*size, preset.octaves, preset.octave_scale, preset.finest):
        effort = preset.steps * min(1.0, FULL_EFFORT_SIDE_PX / min(height, width)) ** preset.falloff
        total += per_px * height * width * min(preset.steps, max(1, round(effort)))
    return total


def tried(preset: Preset, net: Net, frames: list[Tensor]) -> Row:
    """Dream `frames` with `preset`; figures are of the frames after the first WARM_UP_FRAMES."""
    dreamer = Dreamer(preset, net=net)
    stream = Stream(dreamer)
    taken, strengths, errors, gains = [], [], [], []
    for frame in frames:
        begun = time.process_time()
        shown = stream.next(frame)
        taken.append(time.process_time() - begun)
        assert stream.latest is not None
        strengths.append(stream.latest.strength)
        errors.append(stream.latest.warp_error or 0.0)
        with torch.no_grad():
            gains.append(float(dreamer.score(shown)) - float(dreamer.score(frame)))
    names = [name for name in dreamer.objective.layers if name != "picture"]
    found = [statistics.fmean(each[WARM_UP_FRAMES:]) for each in (strengths, errors, gains)]
    size = (frames[0].shape[-2], frames[0].shape[-1])
    cost = operations_of(preset, net, names, size)
    return Row(preset, cost, statistics.median(taken[1:]), *found, shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("preset", nargs="?", default="creatures")
    parser.add_argument("--sheet", type=Path, help="the last frame of each worth showing, beside each other")
    arguments = parser.parse_args()
    preset = Preset.load(arguments.preset)
    preset = with_networks(preset, next(iter(preset.networks)))
    net = load_net(str(preset.net), dtype=torch.bfloat16)
    with FrameReader(arguments.clip, size=SIZE_PX, duration_seconds=SECONDS) as reader:
        frames = list(reader)
    print(f"as it is: {tried(preset, net, frames)}\n")
    choices = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    rows = [tried(preset.replace(**choice), net, frames) for choice in choices]
    rows.sort(key=lambda row: row.operations)
    best: list[Row] = []
    for row in rows:
        if not best or row.objective > max(each.objective for each in best):
            best.append(row)
        print(f"{'*' if row in best[-1:] else ' '} {row}")
    if arguments.sheet:
        labels = [f"{row.operations / 1e9:.1f} G, {row.objective:.2f}, {row.strength:.3f}" for row in best]
        write_picture(arguments.sheet, contact_sheet([row.last for row in best], 3, labels=labels))


if __name__ == "__main__":
    main()
