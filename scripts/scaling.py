"""A small model of a film on a cluster: how long it takes with 1 to 1,000 workers, and what holds it up.

    python scripts/scaling.py [--minutes 90] [--frame-seconds 0.7] [--shot-seconds 4] [--machine-workers 8] ...

It knows five parts: the start of the workers, the source's way to the machines, the look for cuts, the units (the
longest first, each with a cost of its own), and the joining. The driver serves one message at a time. What it
leaves out: workers that are lost, machines of unequal speed, networks that others use.
"""

from __future__ import annotations

import argparse
import heapq
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Seconds, unless named otherwise. The defaults were measured on two CPU cores (docs/LOG.md).

    Attributes:
        frame: a worker's time for a frame.
        look: the time to look at a frame for a cut.
        start: until the workers are ready.
        unit: what each unit costs besides its frames: opening the clip, jumping, the first frame's dream.
        message: the driver's time for a poll's answer.
        segment: the driver's time to have a segment on its disk.
        join: the driver's time for a frame when the film is joined.
        source_bytes, bytes_a_second: of the source, and what the driver sends in all.
    """

    frame: float = 0.07
    look: float = 0.0054
    start: float = 8.0
    unit: float = 0.26
    message: float = 0.0015
    segment: float = 0.015
    join: float = 0.0006
    source_bytes: float = 5e9
    bytes_a_second: float = 1e9


@dataclass(frozen=True)
class Film:
    """Attributes: frames; units, each as its number of frames; rate: frames a second."""

    frames: int
    units: tuple[int, ...]
    rate: float = 25.0


def film_of(minutes: float, shot_seconds: float, *, chunk_seconds: float = 20, rate: float = 25, seed: int = 0) -> Film:
    """A film whose shots have exponential lengths; units as `vidream.cluster.units` makes them, roughly."""
    draw = random.Random(seed)
    total, units, left = round(minutes * 60 * rate), [], round(minutes * 60 * rate)
    least = min(8 * rate, total / 16)
    growing = 0
    while left > 0:
        shot = min(left, max(1, round(draw.expovariate(1 / shot_seconds) * rate)))
        left -= shot
        if shot > chunk_seconds * rate:
            pieces = -(-shot // round(chunk_seconds * rate))
            units += [shot // pieces + 50] * pieces  # joint and lead
            continue
        growing += shot
        if growing >= least:
            units.append(growing)
            growing = 0
    return Film(total, tuple(units + [growing] * (growing > 0)), rate)


def seconds_of(film: Film, costs: Costs, workers: int, machine_workers: int) -> dict[str, float]:
    """How long each part takes, and the whole."""
    machines = -(-workers // machine_workers)
    source = costs.source_bytes * machines / costs.bytes_a_second
    look = film.frames * costs.look / (workers + 1)
    free = [0.0] * workers
    for unit in sorted(film.units, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + costs.unit + unit * costs.frame)
    units = max(free)
    poll = max(0.5, workers / 300)
    busy = sum(film.units) * costs.frame / poll * costs.message + film.frames / (2 * film.rate) * costs.segment
    parts = {"start": costs.start, "source": source, "look": look, "units": max(units, busy),
             "join": film.frames * costs.join}  # fmt: skip
    return {**parts, "all": sum(parts.values()), "driver": busy / max(units, busy)}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--shot-seconds", type=float, default=4, help="mean length of a shot")
    parser.add_argument("--machine-workers", type=int, default=8, help="workers on each machine")
    parser.add_argument("--workers", default="1,2,8,16,32,64,128,256,512,1000")
    for name, default in vars(Costs()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=default)
    found = parser.parse_args()
    costs = Costs(**{name: getattr(found, name) for name in vars(Costs())})
    film = film_of(found.minutes, found.shot_seconds)
    print(f"{film.frames} frames, {len(film.units)} units, the longest {max(film.units)} frames")
    print("| workers | start | source | look | units | join | all, s | faster | of ideal | driver busy |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    alone = seconds_of(film, costs, 1, found.machine_workers)["all"]
    for count in map(int, found.workers.split(",")):
        part = seconds_of(film, costs, count, found.machine_workers)
        faster = alone / part["all"]
        cells = [f"{part[name]:.0f}" for name in ("start", "source", "look", "units", "join", "all")]
        print(f"| {count} | {' | '.join(cells)} | {faster:.1f} | {faster / count:.2f} | {part['driver']:.2f} |")


if __name__ == "__main__":
    main()
