"""Give vidream broken files, and see that each is answered by frames or by one line.

    python scripts/fuzz.py --cases 2000 --seed 1 [--keep FOLDER]

Every case is a small good file (video, animation, picture, preset, weights, graph, sidecar, state) with bytes flipped,
cut, doubled, moved or swapped. It is read in a process with little memory and little time. What is neither read
nor refused in one line (a traceback, a crash, a hang, too much memory) is a failure, and ends the run with 1.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import itertools
import json
import random
import resource
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_SECONDS = 20.0
LIMIT_BYTES = 6 * 2**30
LARGEST_RSS_BYTES = 1500 * 2**20
PICTURES = ("png", "jpg", "webp", "bmp", "tif")
ANIMATED = {"apng": "PNG", "anim.webp": "WEBP", "anim.avif": "AVIF"}
PHOTOS = ("avif", *(("heic",) if importlib.util.find_spec("pillow_heif") else ()))
# As cameras, broadcasters and old programs write them; the MOV has a timecode track, the second MKV is HDR.
CLIPS = ("mp4", "mkv", "webm", "mov", "ts", "avi", "flv", "mpg", "hdr.mkv")
KINDS = (
    *CLIPS,
    "gif",
    *ANIMATED,
    *PICTURES,
    "deep.tif",
    *PHOTOS,
    "toml",
    "safetensors",
    "pth",
    "pb",
    "json",
    "state",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--from-case", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return work(arguments)
    with tempfile.TemporaryDirectory() as name:
        make_seeds(Path(name))
        return run(arguments, Path(name))


def run(arguments: argparse.Namespace, folder: Path) -> int:
    """Feed workers until all cases are done; a worker that dies or hangs is replaced after its case."""
    outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    failures, number, slowest = [], 0, 0.0
    while number < arguments.cases:
        command = [sys.executable, __file__, "--worker", folder, "--from-case", number, "--cases", arguments.cases]
        command += ["--seed", arguments.seed, "--kinds", arguments.kinds]
        # Decoders' own warnings go nowhere: in a pipe that nobody reads they would stop the worker once it is full.
        with subprocess.Popen(
            [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as worker:
            assert worker.stdout is not None
            while number < arguments.cases:
                begun = time.monotonic()
                # The first answer waits for torch to load.
                ready, _, _ = select.select([worker.stdout], [], [], LIMIT_SECONDS * 3)
                line = worker.stdout.readline() if ready else ""
                said = json.loads(line) if line else {}
                kind = said.get("kind") or kind_of(arguments, number)
                outcome = said.get("outcome") or ("crash" if ready else "hang")
                outcomes[kind][outcome] += 1
                slowest = max(slowest, time.monotonic() - begun) if said else slowest
                if outcome not in ("read", "refused"):
                    failures.append((number, kind, outcome, said.get("words", "")))
                    if arguments.keep:
                        arguments.keep.mkdir(exist_ok=True)
                        shutil.copy(folder / f"case.{suffix_of(kind)}", arguments.keep / f"{number}.{suffix_of(kind)}")
                number += 1
                if number % 500 == 0:
                    print(f"{number} files, {len(failures)} failures", flush=True)
                if not line or outcome == "too much memory":
                    break
            worker.kill()
    for kind, counts in sorted(outcomes.items()):
        print(f"{kind:12}", ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    for failure in failures:
        print("FAILED", *failure)
    print(f"{number} files, {len(failures)} failures, slowest {slowest:.1f} s")
    return 1 if failures else 0


def kind_of(arguments: argparse.Namespace, number: int) -> str:
    kinds = arguments.kinds.split(",")
    return kinds[number % len(kinds)]


def suffix_of(kind: str) -> str:
    return "safetensors" if kind == "state" else kind


def work(arguments: argparse.Namespace) -> int:
    """In a process of its own: one line of JSON a case."""
    from signal import SIGALRM, alarm, signal

    from vidream.errors import VidreamError
    from vidream.networks.graphdef import GraphError

    class Hang(BaseException):
        pass

    def ring(*_: object) -> None:
        raise Hang

    signal(SIGALRM, ring)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    for number in range(arguments.from_case, arguments.cases):
        kind = kind_of(arguments, number)
        chance = random.Random(f"{arguments.seed} {number}")
        path = arguments.worker / f"case.{suffix_of(kind)}"
        data = (arguments.worker / f"seed.{kind}").read_bytes()
        is_good = number < len(arguments.kinds.split(","))  # the first of each kind must be read
        path.write_bytes(data if is_good else mutated(data, chance))
        outcome, words = "read", ""
        try:
            alarm(int(LIMIT_SECONDS))
            read(kind, path)
        except (VidreamError, GraphError) as error:
            outcome, words = "refused", str(error)
            if "\n" in words or not words or is_good:
                outcome = "a good file refused" if is_good else "more than a line"
        except Hang:
            outcome = "hang"
        except BaseException as error:  # whatever it is, it is what this looks for
            outcome, words = "traceback", f"{type(error).__name__}: {error}"[:300]
        finally:
            alarm(0)
        usage = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        if usage * 1024 > LARGEST_RSS_BYTES:
            outcome, words = "too much memory", f"{usage / 1024:.0f} MB"
        print(json.dumps({"kind": kind, "outcome": outcome, "words": words}), flush=True)
        if outcome == "too much memory":
            break  # the most ever used is remembered: a fresh process must judge the next
    return 0


def read(kind: str, path: Path) -> None:
    """Read a file as vidream does."""
    from vidream.looks.preset import Preset
    from vidream.media import FrameReader
    from vidream.networks.graphdef import read_graph
    from vidream.networks.weights import read_state
    from vidream.rendering.recipe import Recipe
    from vidream.rendering.work_folder import STATE, WorkFolder

    if kind == "toml":
        Preset.load(path).at(1.0)
    elif kind in ("safetensors", "pth"):
        read_state(path)
    elif kind == "pb":
        for node in read_graph(path).values():
            node.number("bias", 0.0)
            if node.op == "Const":
                node.tensor()
    elif kind == "json":
        Recipe.read(path)
    elif kind == "state":
        target = path.with_name("film.mp4")
        with WorkFolder(target, overwrite=True) as begun:
            begun.open({})
            shutil.copy(path, begun.folder / STATE)
        with WorkFolder(target, resume=True) as held:
            held.open({})
            if held.restore(Nothing()) is None:  # type: ignore[arg-type]
                raise AssertionError("the state was not read")
    else:
        with FrameReader(path, size=64) as reader:
            for _ in itertools.islice(reader, 5):
                pass
        if kind in ("mp4", "gif", "png", "jpg"):
            from vidream.media.metadata import read_comment

            read_comment(path)


class Nothing:
    """A writer for states that are only looked at."""

    def restore(self, position: dict) -> None:
        int(position["frames"])


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to eight wounds of different kinds; the first bytes, where headers are, are hit more often."""
    wounded = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        size = max(1, len(wounded))
        at = chance.randrange(min(size, chance.choice((64, 512, size))))
        length = chance.choice((1, 2, 4, 8, 64, 1024))
        kind = chance.randrange(7)
        if kind == 0:
            wounded[at : at + 1] = bytes([(wounded[at] if wounded else 0) ^ (1 << chance.randrange(8))])
        elif kind == 1:
            wounded[at : at + length] = chance.randbytes(length)
        elif kind == 2:
            wounded[at : at + 4] = struct.pack(
                chance.choice("<>") + "I", chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1))
            )
        elif kind == 3:
            del wounded[at : at + length]
        elif kind == 4:
            wounded[at:at] = wounded[at : at + length]
        elif kind == 5:
            del wounded[chance.randrange(size) :]
        else:
            other = chance.randrange(size)
            wounded[at : at + length] = wounded[other : other + length]
    return bytes(wounded)


def make_seeds(folder: Path) -> None:
    """A small good file of each kind."""
    import cv2
    import numpy as np
    import torch
    from frames_helpers import ffmpeg
    from PIL import Image
    from safetensors.torch import save_file

    from vidream.looks.preset import Preset
    from vidream.media import FrameReader, to_array, write_picture
    from vidream.rendering.recipe import Recipe
    from vidream.rendering.saved_state import save_state

    source = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1.2", "-f", "lavfi", "-i", "sine=d=1.2"]
    for kind in CLIPS[:-1]:
        rate = ["-r", "25"] if kind == "mpg" else []
        sound = ["-ar", "44100"] if kind == "flv" else []
        timecode = ["-timecode", "01:00:00:00"] if kind == "mov" else []
        options = ["-pix_fmt", "yuv420p", *rate, *sound, *timecode, "-shortest"]
        ffmpeg(*source, *options, folder / f"seed.{kind}")
    hdr = "format=yuv420p10le,setparams=color_trc=smpte2084:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
    ffmpeg(*source[:4], "-vf", hdr, "-c:v", "ffv1", folder / "seed.hdr.mkv")
    ffmpeg(*source[:4], folder / "seed.gif")
    with FrameReader(folder / "seed.mp4") as reader:
        picture = next(iter(reader))
    for kind in PICTURES:
        write_picture(folder / f"seed.{kind}", picture)
    deep = np.random.default_rng(1).integers(0, 2**16, (48, 64, 3), dtype=np.uint16)
    cv2.imwrite(str(folder / "seed.deep.tif"), deep)
    frames = [Image.fromarray(to_array(picture.roll(4 * number, 3))) for number in range(6)]
    for kind, name in ANIMATED.items():
        frames[0].save(folder / f"seed.{kind}", name, save_all=True, append_images=frames[1:], duration=[90, 0, 50] * 2)
    frames[0].save(folder / "seed.avif")
    if "heic" in PHOTOS:
        import pillow_heif

        pillow_heif.from_pillow(frames[0]).save(folder / "seed.heic")
    preset = Preset(layers={"s3b": 1.0}, step_size="0:0.1, 2s:0.2", guide=("a.png",))
    (folder / "seed.toml").write_text(preset.to_toml(), encoding="utf-8")
    (folder / "seed.json").write_text(Recipe(preset, seed=5, source="a.mp4").to_json(), encoding="utf-8")
    tensors = {"a.weight": torch.rand(4, 3, 3, 3), "a.bias": torch.rand(4), "n": torch.tensor(3)}
    save_file(tensors, folder / "seed.safetensors")
    torch.save(tensors, folder / "seed.pth")
    save_state(folder / "seed.state", (tensors, {"number": 3}), {"frames": 3, "starts": [0], "size": [48, 64]})
    (folder / "seed.pb").write_bytes(graph())


def graph() -> bytes:
    """A GraphDef of two nodes, one of them a constant of 24 numbers."""

    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data if len(data) < 128 else (
            bytes([number << 3 | 2, len(data) & 127 | 128, len(data) >> 7]) + data
        )  # fmt: skip

    shape = b"".join(field(2, bytes([8, side])) for side in (2, 3, 4))
    tensor = bytes([8, 1]) + field(2, shape) + field(4, struct.pack("<24f", *range(24)))
    entry = field(1, b"value") + field(2, field(8, tensor))
    nodes = [field(1, b"w") + field(2, b"Const") + field(5, entry), field(1, b"x") + field(2, b"Placeholder")]
    return b"".join(field(1, node) for node in nodes)


if __name__ == "__main__":
    ROOT = Path(__file__).parent.parent
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
    sys.exit(main())
