"""Give vidream random command lines, and see that each ends with a right exit code and one line at most.

    python scripts/fuzz_cli.py --cases 2000 --seed 1

Commands and options come from the argument parser, values from a grammar and from nonsense. Most command lines run in
one process, with tiny inputs and a network that is loaded once; some run as processes of their own, with other
encodings and with full, closed or missing streams. A failure is: a traceback, an unexpected error, a crash, an exit
code other than 0, 1 and 2, more than one line for an error, a file or thread left behind. Failures end the run with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

HERE = Path(__file__).parent.parent
sys.path.insert(0, str(HERE))

LIMIT_SECONDS = 4.0
HANG_SECONDS = 90.0
# One command line in so many is a process of its own.
PROCESS_EVERY = 40
NONSENSE = [
    "", " ", "-", "--", "-1", "0", "nan", "inf", "1e999", "1_000", "９", "0x10", "99999999999999999999", "1/0", ":",
    ",", "x", "1:2:3:4", "a:b", "%s", "%(default)s", "{0}", "{use}", "\x1b[31m", "[/red]", "a\nb", "日本", "🦉",
    "\udce9", "../..", "~", "~nobody/x", "/dev/null", "/nowhere/x", "-p", "--help", "@a.mp4", "'", '"', "a" * 300,
    "9" * 5000,
]  # fmt: skip
NAMES = ["a.mp4", "a.png", "a.gif", "text.mp4", "empty.mp4", "folder", "mine.toml", "with,comma.png", "-dash.png",
         "%d.png", "100%.png", "日本.png", "line\nend.png", "[red].png", " space .png", "absent.png",
         "s/%02d.png"]  # fmt: skip
TARGETS = ["o.mp4", "o.png", "o.gif", "o.webp", "o.xyz", "o", "o,1.mp4", "-o.png", "日本o.png", "o\n.png", "%o.png",
           "o%03d.png", "no/o.mp4", "a.png", "a.mp4", "[b]o.png", "o" * 251 + ".png", "caf\udce9.png"]  # fmt: skip
VALUES: dict[str, list[str]] = {
    "size": ["64", "48", "64x48", "16"], "start": ["0", "0:0.04", "9"], "duration": ["0.1", "0.04", "0"],
    "seconds": ["0.1", "0.3"], "fps": ["10", "24000/1001", "50"], "seed": ["0", "7", "-3"], "noise": ["64x48", "8x8"],
    "net": ["dreamnet", "nosuch", "dreamnet:1,efficientnet_lite0:0.5", "dreamnet:x", ":", ","],
    "device": ["cpu", "auto", "gpu"], "precision": ["fp32", "bf16", "fp16", "int8"],
    "tile": ["64", "512", "3"], "max_size": ["8MB", "1kB"], "shots": ["1/2", "2/2", "3/2"], "sizes": ["64x64", "320"],
    "preset": ["fast", "creatures", "mine.toml", "0:fast, 1s:sea", "fats"], "layer": ["s3b", "s9"], "cell": ["32"],
    "set": ["octaves=1", "keep=0", "keep=0:0, 1s:1", "layers=s2", "subject=eyes", "guide=a.png", "guide=with,comma.png",
            "step_size=0.002+0.01*beat", "keep=0.9 if t > 1 else 0.8", "octaves=1+3*loud", "blend=0:0, 1s:onset",
            "subject.eyes=bass", "tv=9**9**9", "blend=(", "keep=bas", "layers=s2:0.5+0.5*smooth(mid, 0.3)",
            "blend=__import__('os')",
            "first_steps=0", "nothing=1", "octaves", "class_id=3", "colour=2", "flow=none", "=", "layers.s2=0.5"],
    "channels": ["0-3", "5-3", "1,2"], "columns": ["2", "0"], "camera": ["a.mp4", "list", "9"], "max_latency": ["90ms"],
    "listen": ["a.wav", "a.wav", "a.mp4", "text.mp4", "absent.wav", "folder"], "bars": ["1", "0.1", "8", "-1", "1e9"],
    "scale": ["1.2", "0:1, 1s:2", "1.1+0.4*bass", "1.2+0.1*sin(t)", "1/0", "9**9**9", "0:1, 1s:1+beat", "bass+", "0-1"],
    "rotate": ["10", "20*beat", "0:0, 1s:30"], "drift": ["0.1", "0.1*loud"],
    "pan": ["0.1,0.2", "1"], "centre": ["0.5,0.5", "0:0.5/0.5, 1s:0.2/0.2"],
    "ease": ["0.1,0.1"], "output": ["preview=o.png", "preview", "file=o.mp4", "list", "nosuch", "=", "window"],
    "loop": ["boomerang", "crossfade"], "target_fps": ["25"], "port": ["0", "99999"], "host": ["127.0.0.1"],
    "folder": ["s", "folder", "absent", "a.mp4"], "out_dir": ["out", "out/in", "s", "a.mp4", "日本"], "settle": ["0"],
    "more": ["a.png", "s/*.png", "absent.mp4", "s/%02d.png"],
    "token": ["short", "long-enough"], "against": ["plain"], "name": ["eyes", "eyse", "mine.toml"],
}  # fmt: skip
PATHS = {"source", "mask", "like", "weights", "on", "clip", "certificate", "key"}
OUTPUTS = {"target", "record_steps", "report", "record", "json", "profile"}
TERMINALS: list[dict[str, str]] = [
    {}, {"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "utf-16"}, {"TERM": "dumb"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"COLUMNS": "3"}, {"PYTHONUNBUFFERED": "1"},
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="run this case alone")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--from-case", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        options.from_case, options.cases = options.only, options.only + 1
    return work(options) if options.worker else supervise(options)


def supervise(options: argparse.Namespace) -> int:
    """Have a worker run the cases; one that crashes or hangs is replaced after its case."""
    number, codes, failures, begun, slowest = options.from_case, Counter[str](), [], time.monotonic(), 0.0
    while number < options.cases:
        command = [sys.executable, __file__, "--worker", "--seed", options.seed]
        command += ["--from-case", number, "--cases", options.cases]
        worker = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True, errors="replace")
        assert worker.stdout is not None
        while number < options.cases:
            watch = threading.Timer(HANG_SECONDS, worker.kill)
            watch.start()
            line = worker.stdout.readline()
            watch.cancel()
            said = json.loads(line) if line else {"words": words_of(options.seed, number), "wrong": "crashed or hung"}
            codes[str(said.get("code"))] += 1
            slowest = max(slowest, said.get("seconds", 0.0))
            if said.get("wrong"):
                failures.append(number)
                print(f"case {number}: {said['wrong']}\n    {said['words']}", flush=True)
            number += 1
            if not line:
                break
        worker.kill()
        worker.wait()
    print(
        f"{number - options.from_case} command lines, exit codes {dict(codes)}, slowest {slowest:.1f} s, "
        f"{len(failures)} failures, {time.monotonic() - begun:.0f} s"
    )
    return 1 if failures else 0


def work(options: argparse.Namespace) -> int:
    """Run cases and print one line of JSON for each."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what libraries print goes elsewhere
    stub_heavy_work()
    for number in range(options.from_case, options.cases):
        words, begun = words_of(options.seed, number), time.monotonic()
        with tempfile.TemporaryDirectory(prefix="vidream-fuzz-") as name:
            folder = Path(name, "in", "here")
            folder.mkdir(parents=True)
            make_inputs(folder)
            own = number % PROCESS_EVERY == PROCESS_EVERY - 1
            code, wrong = run_process(words, folder, number) if own else run_here(words, folder)
        answer = {"words": words, "code": code, "wrong": wrong, "seconds": time.monotonic() - begun}
        print(json.dumps(answer), file=answers, flush=True)
    return 0


def words_of(seed: int, number: int) -> list[str]:
    """The random command line of a case."""
    from vidream.cli import command_parser

    random_ = random.Random(f"{seed}/{number}")
    subparsers = next(a for a in command_parser()._actions if isinstance(a, argparse._SubParsersAction))
    name = random_.choices(["dream", "zoom", "", *subparsers.choices], [8, 4, 0.3, *[1] * len(subparsers.choices)])[0]
    if name not in subparsers.choices:
        return random_.choices(NONSENSE, k=random_.randrange(4))
    parser = subparsers.choices[name]
    actions = [a for a in parser._actions if a.option_strings and a.dest not in ("help", "debug")]
    pieces = [option_of(random_, action) for action in random_.sample(actions, min(len(actions), random_.randrange(6)))]
    if name == "watch":
        pieces += [["--out-dir", value_of(random_, "out_dir")]] * (random_.random() < 0.9)
        pieces = [each for each in pieces if not each[0].startswith("--settle")] + [["--once"], ["--settle", "0"]]
    # What takes long is left out more often than not.
    if "set" in {action.dest for action in actions} and random_.random() < 0.9:
        pieces += [["--set", "octaves=1"], ["--set", "first_steps=1"], ["--set", f"steps={random_.randrange(2)}"]]
    if name == "live" and random_.random() < 0.95:
        pieces += [["--headless"], ["--camera", "a.mp4"], ["--seconds", "0.2"]]
    for action in parser._actions:
        if not action.option_strings and random_.random() < (0.95 if action.nargs is None else 0.8):
            pieces.append([value_of(random_, action.dest)])
    if random_.random() < 0.1:
        pieces.append([random_.choice(NONSENSE)])
    # Positional arguments keep their order; options stand anywhere.
    if random_.random() < 0.7:
        random_.shuffle(pieces)
    return [name, *(word for piece in pieces for word in piece)]


def option_of(random_: random.Random, action: argparse.Action) -> list[str]:
    option = random_.choice(action.option_strings)
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return [option]
    value = value_of(random_, action.dest)
    return [f"{option}={value}"] if option.startswith("--") and random_.random() < 0.3 else [option, value]


def value_of(random_: random.Random, name: str) -> str:
    if random_.random() < 0.12:
        return random_.choice(NONSENSE)
    if name in PATHS:
        return random_.choice(NAMES)
    if name in OUTPUTS:
        return random_.choice([*TARGETS, "o.html", "o.json"])
    return random_.choice(VALUES.get(name, NONSENSE))


def make_inputs(folder: Path) -> None:
    """Tiny files of all kinds."""
    for name, data in inputs().items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # a name that this system does not take
            path.write_bytes(data)
    (folder / "folder").mkdir()


@lru_cache(maxsize=1)
def inputs() -> dict[str, bytes]:
    import cv2
    import imageio_ffmpeg
    import numpy as np

    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "a.mp4")
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.12"]
        subprocess.run([*command, "-pix_fmt", "yuv420p", str(path)], check=True)
        film = path.read_bytes()
        subprocess.run([*command, str(path.with_suffix(".gif"))], check=True)
        gif = path.with_suffix(".gif").read_bytes()
        clicks = ["-f", "lavfi", "-i", "aevalsrc='lt(mod(t,0.5),0.02)*sin(2000*t)':d=6:s=8000"]
        subprocess.run([command[0], "-v", "error", *clicks, str(path.with_suffix(".wav"))], check=True)
        sound = path.with_suffix(".wav").read_bytes()
    picture = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))[1].tobytes()
    stills = [name for name in NAMES if name.endswith(".png") and name not in ("absent.png", "s/%02d.png")]
    return {
        "a.mp4": film, "a.gif": gif, "a.wav": sound, "text.mp4": b"no film\n", "empty.mp4": b"",
        "mine.toml": b"\xef\xbb\xbfkeep = 0.5\n",
        **dict.fromkeys(["s/00.png", "s/01.png", *stills], picture),
    }  # fmt: skip


def stub_heavy_work() -> None:
    """Load networks once and never from the net; measure no machine, serve no page."""
    import vidream.bench.tables
    import vidream.networks
    import vidream.networks.pool
    import vidream.web.server
    from vidream.errors import NetError

    real = vidream.networks.load_net

    def load(name: str, *, weights: Path | None = None, **options: Any) -> Any:
        if name not in ("dreamnet", "efficientnet_lite0") and weights is None and name in vidream.networks.net_names():
            raise NetError(f"{name} is not loaded in this test")
        return real(name, weights=weights, **options) if weights else once(name, **options)

    once = lru_cache(real)
    vidream.networks.load_net = vidream.networks.pool.load_net = load
    vidream.bench.tables.BenchScreen.run = lambda *_, **__: None
    vidream.web.server.make_server = lambda *_, **__: SimpleNamespace(run=lambda sockets: [s.close() for s in sockets])


def run_here(words: list[str], folder: Path) -> tuple[object, str]:
    """(exit code, what is wrong or "") of a command line in this process; it is interrupted when it takes long."""
    from vidream.cli import main as vidream_main

    before, said, place = listing(folder), io.StringIO(), Path.cwd()
    shown = io.TextIOWrapper(io.BytesIO(), encoding=random.Random(str(words)).choice(["utf-8", "ascii", "cp1252"]))
    os.environ["XDG_STATE_HOME"] = str(folder.parent / "state")
    os.chdir(folder)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS)
    code: object = None
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(said):
            code = vidream_main(words)
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        return "traceback", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.chdir(place)
    wrong = faults(code, said.getvalue(), folder, before, many=takes_many(words))
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(("vidream", "ffmpeg"))]
    return code, wrong or (f"threads left: {left}" if left else "")


def run_process(words: list[str], folder: Path, number: int) -> tuple[object, str]:
    """The same in a process of its own, with a terminal and streams of some kind."""
    random_ = random.Random(number)
    if words[:1] in (["web"], ["bench"], ["live"]) or any("\0" in word for word in words):
        words = ["presets"]
    before = listing(folder)
    environment = {**os.environ, "PYTHONPATH": str(HERE), "XDG_STATE_HOME": str(folder.parent / "state")}
    environment |= random_.choice(TERMINALS)
    reading, writing = os.pipe()
    os.close(reading)
    with Path("/dev/full").open("wb") as full:
        out, err = (
            random_.choice([subprocess.PIPE, full, writing]),
            random_.choice([subprocess.PIPE] * 3 + [full, writing]),
        )
        command = [sys.executable, "-m", "vidream", *words]
        shell = ["sh", "-c", f'exec "$0" "$@" {random_.choice(["", "", "<&-", ">&-"])}']
        child = subprocess.Popen(
            [*shell, *map(os.fsencode, command)], stdout=out, stderr=err, cwd=folder, env=environment
        )
    os.close(writing)
    watch = threading.Timer(HANG_SECONDS / 6, child.send_signal, [signal.SIGINT])
    watch.start()
    try:
        said = child.communicate(timeout=HANG_SECONDS / 2)[1] or b""
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return "hang", "hangs"
    finally:
        watch.cancel()
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    words_said = said.decode(encoding, "replace")
    return child.returncode, faults(
        child.returncode, words_said, folder, before, whole=err == subprocess.PIPE, many=takes_many(words)
    )


def takes_many(words: list[str]) -> bool:
    return any(word.startswith("--out-dir") for word in words)


def faults(code: object, said: str, folder: Path, before: set[str], *, whole: bool = True, many: bool = False) -> str:
    """What is wrong with how a command ended, or ""; many: it goes on after a failure, and keeps a journal."""
    lines = said.splitlines()
    errors = [line for line in lines if line.startswith("vidream")]
    if "Traceback" in said or "Exception ignored" in said or "unexpected " in said:
        logs = [log.read_text(encoding="utf-8") for log in (folder.parent / "state").rglob("*.log")]
        return "\n".join([said[-500:], *logs])
    if code not in (0, 1, 2):
        return f"exit code {code!r}; {said[-500:]}"
    if code == 2 and whole and len(lines) != 1:
        return f"a usage error of {len(lines)} lines; {said[-500:]}"
    if not many and (len(errors) > 1 or (code == 1 and errors and lines[-1] != errors[0])):
        return f"an error of several lines; {said[-500:]}"
    new = {name for name in listing(folder) - before if not many or ".vidream-clips." not in name}
    is_kept = any(words in said for words in ("stopped", "kept", "made so far", "shares still")) or not whole
    hidden = {name for name in new if Path(name).name.startswith(".vidream") or name.endswith(".part")}
    is_kept = is_kept or (many and "failed: " in said)
    if hidden or (new and (code == 2 or (code == 1 and not is_kept and errors and "standard output" not in said))):
        return f"left behind: {sorted(new)[:5]}; {said[-300:]}"
    return ""


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


if __name__ == "__main__":
    sys.exit(main())
