"""Kill a render at random moments (SIGKILL), resume it each time, and compare with an unbroken one.

    python scripts/kills.py --kills 30 --seed 1 [--source FILE] [-- further options of `vidream dream`]

Says each kill's moment and what was kept; ends with 0 where every frame, time and sound packet is the same.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg
from safetensors import SafetensorError, safe_open

# Segments of half a second in place of two, and states within them: thirty kills must fit into minutes.
# It says when it begins to work, so that no kill is spent on loading.
CHILD = """import sys
from vidream.media.writers import segments
from vidream.rendering import state_saver, work_folder as work
state_saver.SAVE_SECONDS, state_saver.LONGEST_UNSAVED_SECONDS, segments._SEGMENT_SECONDS = 0.0, 0.2, 0.5
restore = work.WorkFolder.restore
def begin(*arguments):
    print("begun", flush=True)
    return restore(*arguments)
work.WorkFolder.restore = begin
from vidream.cli import main
sys.exit(main())"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", type=Path, default=Path(__file__).parent.parent / "samples" / "valley.mp4")
    parser.add_argument("--suffix", default=".mp4")
    parser.add_argument("options", nargs="*", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        whole, broken = (Path(name, stem + arguments.suffix) for stem in ("whole", "broken"))
        child = start(command(arguments, whole))
        begun = time.monotonic()
        child.communicate()
        whole_seconds = time.monotonic() - begun
        print(f"unbroken: {whole_seconds:.1f} s, {len(facts(whole))} frames and packets")
        wanted = facts(whole)
        done, same = kill_and_resume(arguments, broken, whole_seconds, wanted)
        left = sorted(path.name for path in Path(name).iterdir())
        print(f"{done} kills; the film is {'the same' if same else 'NOT THE SAME'}; left: {', '.join(left)}")
        return 0 if same and left == sorted([whole.name, broken.name]) else 1


def kill_and_resume(
    arguments: argparse.Namespace, target: Path, whole_seconds: float, wanted: list[str]
) -> tuple[int, bool]:
    """Kill and resume until the film is done; kills are shared out over the whole of it, its ending too."""
    chance, killed, same = random.Random(arguments.seed), 0, True
    while True:
        child = start([*command(arguments, target), "--resume"])
        wait_seconds = chance.uniform(0.0, whole_seconds / 5) if killed < arguments.kills else None
        try:
            _, said = child.communicate(timeout=wait_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            killed += 1
            print(f"kill {killed} after {wait_seconds:.2f} s: {kept(target)} frames kept", flush=True)
            if not target.exists() or target.with_name(f"{target.name}.vidream").exists():
                continue
            # Killed on its way out: the film was done, and there is nothing left to resume.
        assert child.returncode == 0 or target.exists(), said
        same = same and facts(target) == wanted
        if killed >= arguments.kills:
            return killed, same
        # Done before all kills were spent: another render, with the rest of them.
        target.unlink()


def start(words: list[str]) -> subprocess.Popen[str]:
    """Start a render; returns when it has begun to work."""
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    return child


def command(arguments: argparse.Namespace, target: Path) -> list[str]:
    return [sys.executable, "-c", CHILD, "dream", str(arguments.source), str(target), "-q", *arguments.options]


def kept(target: Path) -> str:
    try:
        with safe_open(target.with_name(f"{target.name}.vidream") / "state.safetensors", framework="pt") as file:
            return file.metadata()["position"].split(",")[0].split(":")[1].strip()
    except (OSError, SafetensorError):
        return "0"


def facts(path: Path) -> list[str]:
    """A hash of every frame as decoded, with its time, and of every packet of sound."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", f"file:{path}"]
    streams = (["-map", "0:v", "-f", "framemd5", "-"], ["-map", "0:a?", "-c", "copy", "-f", "framemd5", "-"])
    return [
        line
        for stream in streams
        for line in subprocess.run([*ffmpeg, *stream], capture_output=True, text=True).stdout.splitlines()
    ]


if __name__ == "__main__":
    sys.exit(main())
