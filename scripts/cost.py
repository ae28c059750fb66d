"""Measure how the cost of a film grows: over size, networks, length, clips at once, cores and kinds of files.

    python scripts/cost.py [--only size,networks,length,clips,cores,files] [--json FILE]

Prints Markdown tables. Seconds a frame are the difference between a long and a short film, over the frames between
them, so that start and first frame do not count. Memory is the most that vidream and its ffmpegs had together, looked
at twenty times a second (Linux). Let nothing else run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg

SIZES = {"180p": (320, 180), "360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
LENGTHS = (100, 1000, 5000, 20_000)
# A look as quick as there is one: long films are measured for what surrounds the dream.
QUICK = ["-p", "fast", "--set", "octaves=1", "--set", "steps=1", "--set", "first_steps=1"]
FILES = {
    "mp4": ("film.mp4", []),
    "gif": ("film.gif", []),
    "gif of at most 3 MB": ("film.gif", ["--max-size", "3MB"]),
    "apng": ("film.apng", []),
    "webp": ("film.webp", []),
    "crossfade": ("film.mp4", ["--loop", "crossfade"]),
    "boomerang": ("film.mp4", ["--loop", "boomerang"]),
    "numbered pictures": ("frames/%05d.png", []),
}
LONG_FILE, SHORT_FILE = 1600, 200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tables: dict[str, Callable[[Path], list[list[str]]]] = {
        "size": over_size, "networks": over_networks, "length": over_length, "clips": over_clips, "cores": over_cores,
        "files": over_files,
    }  # fmt: skip
    parser.add_argument("--only", default=",".join(tables), help="which tables, with commas between")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    arguments = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="vidream-cost-") as folder:
        for name in arguments.only.split(","):
            found[name] = tables[name](Path(folder))
            header, *rows = found[name]
            print(f"\n**{name}**\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
            for row in rows:
                print(f"| {' | '.join(row)} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))
    return 0


def over_size(folder: Path) -> list[list[str]]:
    rows = [["size", "seconds a frame", "over 180p's, a px", "memory, MiB"]]
    base = 0.0
    for name, (width, height) in SIZES.items():
        long = 40 if height < 1000 else 12
        seconds, memory = a_frame(folder, width, height, short=4, long=long)
        base = base or seconds / (width * height)
        rows.append([name, f"{seconds:.3f}", f"{seconds / (width * height) / base:.2f}", f"{memory:.0f}"])
    return rows


def over_networks(folder: Path) -> list[list[str]]:
    rows = [["networks, 360p", "seconds a frame", "over the first", "memory, MiB"]]
    base = 0.0
    for net in ("dreamnet", "efficientnet_lite0", "dreamnet:1,efficientnet_lite0:1"):
        seconds, memory = a_frame(folder, 640, 360, short=4, long=40, options=["--net", net])
        base = base or seconds
        rows.append([net, f"{seconds:.3f}", f"{seconds / base:.2f}", f"{memory:.0f}"])
    return rows


def over_length(folder: Path) -> list[list[str]]:
    rows = [["frames, 96x64, quick look", "seconds", "seconds a frame", "memory, MiB", "size, MB"]]
    for frames in LENGTHS:
        target = folder / "film.mp4"
        seconds, memory = run([dream(clip(folder, 96, 64, frames), target, QUICK)])
        size = target.stat().st_size / 1e6
        rows.append([str(frames), f"{seconds:.1f}", f"{seconds / frames:.4f}", f"{memory:.0f}", f"{size:.2f}"])
    return rows


def over_clips(folder: Path) -> list[list[str]]:
    rows = [["clips at once, 180p, 60 frames each", "seconds", "memory, MiB"]]
    source = clip(folder, 320, 180, 60)
    for count in (1, 2):
        seconds, memory = run([dream(source, folder / f"film{number}.mp4") for number in range(count)])
        rows.append([str(count), f"{seconds:.1f}", f"{memory:.0f}"])
    return rows


def over_cores(folder: Path) -> list[list[str]]:
    rows = [["cores", *(f"seconds a frame, {name}" for name in ("180p", "360p", "360p, dreamnet"))]]
    alone = ["--net", "dreamnet"]
    for count in range(1, (os.cpu_count() or 1) + 1):
        taken = [
            a_frame(folder, *size, short=4, long=40, options=options, cores=count)[0]
            for size, options in (((320, 180), []), ((640, 360), []), ((640, 360), alone))
        ]
        rows.append([str(count), *(f"{seconds:.3f}" for seconds in taken)])
    return rows


def over_files(folder: Path) -> list[list[str]]:
    rows = [
        [f"file, 160x90, {SHORT_FILE} and {LONG_FILE} frames", "seconds", "memory, MiB", "of the long one", "grows by"]
    ]
    for name, (target, options) in FILES.items():
        short, long = (
            run([dream(clip(folder, 160, 90, frames), folder / f"{frames}" / target, [*QUICK, *options])])
            for frames in (SHORT_FILE, LONG_FILE)
        )
        grown = long[1] - short[1]
        rows.append([name, f"{short[0]:.1f}, {long[0]:.1f}", f"{short[1]:.0f}", f"{long[1]:.0f}", f"{grown:+.0f} MiB"])
    return rows


def a_frame(
    folder: Path,
    width: int,
    height: int,
    *,
    short: int,
    long: int,
    options: Sequence[str] = (),
    cores: int | None = None,
) -> tuple[float, float]:
    """(seconds of a carried frame, most memory in MiB)."""
    films = [run([dream(clip(folder, width, height, n), folder / "film.mp4", options)], cores) for n in (short, long)]
    return (films[1][0] - films[0][0]) / (long - short), films[1][1]


def clip(folder: Path, width: int, height: int, frames: int) -> Path:
    """A made-up film without cuts, which moves."""
    path = folder / f"{width}x{height}-{frames}.mp4"
    if not path.exists():
        # A slow pan over a large still picture of soft noise.
        wide = f"gradients=s={2 * width}x{2 * height}:n=8:seed=3:speed=0.00001:d={frames / 25}:r=25"
        places = f"{width}/2*(1+sin(t/3)):{height}/2*(1+cos(t/4))"
        pan = f"noise=alls=60:allf=0:all_seed=5,gblur=2,crop={width}:{height}:{places}"
        words = ["-loglevel", "error", "-f", "lavfi", "-i", wide, "-vf", pan, "-frames:v", str(frames)]
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *words, "-pix_fmt", "yuv420p", "-y", str(path)], check=True)
    return path


def dream(source: Path, target: Path, options: Sequence[str] = ()) -> list[str]:
    target.parent.mkdir(parents=True, exist_ok=True)
    return ["dream", str(source), str(target), "--overwrite", "--quiet", *options]


def run(commands: Sequence[list[str]], cores: int | None = None) -> tuple[float, float]:
    """Seconds and most memory (MiB) of vidreams that run at once, their children included."""
    environment = {**os.environ} if cores is None else {**os.environ, "OMP_NUM_THREADS": str(cores)}
    allowed = None if cores is None else (lambda: os.sched_setaffinity(0, range(cores)))
    begun = time.monotonic()
    running = [
        subprocess.Popen([sys.executable, "-m", "vidream", *words], env=environment, preexec_fn=allowed)
        for words in commands
    ]
    most, ended = [0.0], threading.Event()
    watcher = threading.Thread(target=watch, args=([each.pid for each in running], most, ended))
    watcher.start()
    codes = [each.wait() for each in running]
    seconds = time.monotonic() - begun
    ended.set()
    watcher.join()
    if any(codes):
        raise SystemExit(f"vidream ended with {codes}: {commands}")
    return seconds, most[0]


def watch(roots: list[int], most: list[float], ended: threading.Event) -> None:
    """Keep the most memory of some processes and their descendants, MiB, in `most`.

    What two looks in a row have seen: in the moment in which a process is split in two, its memory counts twice.
    """
    before = 0.0
    while not ended.wait(0.05):
        parents, sizes = {}, {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            own = int(status.parent.name)
            parents[own], sizes[own] = int(fields[1]), int(fields[21]) * 4096 / 2**20
        now = sum(size for own, size in sizes.items() if descends(own, roots, parents))
        most[0], before = max(most[0], min(before, now)), now


def descends(own: int, roots: list[int], parents: dict[int, int]) -> bool:
    while own in parents and own not in roots:
        own = parents[own]
    return own in roots


if __name__ == "__main__":
    sys.exit(main())
