"""Measure a film and a live dream on a quiet machine and beside other programs, in turns.

    python scripts/busy.py [--clip FILE] [--size 320] [--seconds 3] [--rounds 5] [--loops 0,1,4]
                           [--against CHECKOUT] [--live] [-- further options of `vidream dream`]

Another program is an endless Python loop. The table has medians of whole commands, their start included, each over the
quiet one of this checkout; with --against, another checkout of vidream is measured in the same turns. All films of a
checkout must be the same to the bit: the last line says so, and the exit code is 1 where they are not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
LIVE_SECONDS = 10
LIVE_FIGURES = ("picture_fps", "dream_fps", "latency_p50_ms", "latency_p95_ms", "dropped_frames", "dreamed_width")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, default=HERE / "samples" / "valley.mp4")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loops", default="0,1,4", help="how many endless loops run beside it")
    parser.add_argument("--against", type=Path, help="another checkout of vidream")
    parser.add_argument("--live", action="store_true", help="measure live dreams in place of films")
    parser.add_argument("options", nargs="*", default=[])
    arguments = parser.parse_args()
    checkouts = {"here": HERE} | ({"against": arguments.against.resolve()} if arguments.against else {})
    loops = [int(each) for each in arguments.loops.split(",")]
    measure = live if arguments.live else film
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    films: dict[str, set[str]] = {name: set() for name in checkouts}
    for number in range(arguments.rounds):
        for count in loops:
            for name, checkout in checkouts.items():
                with endless_loops(count):
                    figures, digest = measure(checkout, arguments)
                found.setdefault((name, count), []).append(figures)
                films[name].add(digest)
                said = ", ".join(f"{key} {value:.3g}" for key, value in figures.items())
                print(f"{number + 1}/{arguments.rounds} {name}, {count} loops: {said}", flush=True)
    print_medians(found)
    same = all(len(each) == 1 for each in films.values())
    print("every film is the same to the bit" if same else f"FILMS DIFFER: {films}")
    return 0 if same else 1


def print_medians(found: dict[tuple[str, int], list[dict[str, float]]]) -> None:
    """One row for each checkout and number of loops, each figure over that of the first row."""
    medians = {
        key: {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        for key, rounds in found.items()
    }
    first = next(iter(medians.values()))
    print("\n| vidream | loops | " + " | ".join(first) + " |\n|" + "---|" * (len(first) + 2))
    for (name, count), figures in medians.items():
        cells = [f"{value:.3g} ({value / max(first[key], 1e-9):.2f})" for key, value in figures.items()]
        print(f"| {name} | {count} | " + " | ".join(cells) + " |")


@contextmanager
def endless_loops(count: int) -> Iterator[None]:
    """So many programs that never rest, while the block runs."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in programs:
            each.kill()
            each.wait()


def film(checkout: Path, arguments: argparse.Namespace) -> tuple[dict[str, float], str]:
    """Seconds of one film, start to end, and its hash."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "film.mp4")
        options = ["--size", str(arguments.size), "--duration", str(arguments.seconds), *arguments.options]
        begun = time.monotonic()
        run(checkout, ["dream", str(arguments.clip), str(target), "--quiet", *options])
        return {"seconds": time.monotonic() - begun}, hashlib.sha256(target.read_bytes()).hexdigest()


def live(checkout: Path, arguments: argparse.Namespace) -> tuple[dict[str, float], str]:
    """The figures of one live dream of the clip as a camera; it has no film."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "figures.json")
        options = ["--size", str(arguments.size), "--seconds", str(LIVE_SECONDS), *arguments.options]
        command = ["live", "--camera", str(arguments.clip), "--headless", "--json", str(figures), "--quiet", *options]
        run(checkout, command)
        found = json.loads(figures.read_text())
        return {key: value for key, value in found.items() if key in LIVE_FIGURES}, ""


def run(checkout: Path, words: list[str]) -> None:
    """A command of one checkout's vidream, with this Python and its packages."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    subprocess.run([sys.executable, "-m", "vidream", *words], cwd=checkout, env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
