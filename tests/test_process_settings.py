"""What is set for the whole process is set by the command line alone: a library user's process stays as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import textured
from frames_helpers import make_clip

import vidream
from vidream.cli import main
from vidream.cli.process import ENVIRONMENT
from vidream.media import write_picture

ROOT = str(Path(vidream.__file__).parent.parent)
# Everything that a program beside vidream could notice.
OBSERVED = """
import concurrent.futures, ctypes, importlib, json, os, pkgutil, random, signal, sys, threading, warnings
# Of others: rich draws random numbers when it is imported, and sympy, which torch loads, filters warnings.
import cv2, numpy, rich.progress, rich.table, sympy, torch, torchvision

settings, executors = [], []
class Pool(concurrent.futures.ThreadPoolExecutor):
    def __init__(self, *arguments, **options):
        executors.append(sys._getframe(1).f_globals["__name__"])
        super().__init__(*arguments, **options)
concurrent.futures.ThreadPoolExecutor = Pool
class Spy(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "mallopt":
            settings.append(name)
        return super().__getattr__(name)
ctypes.CDLL = Spy

def observe():
    return {
        "environment": dict(os.environ),
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "torch threads": [torch.get_num_threads(), torch.get_num_interop_threads()],
        "opencv threads": cv2.getNumThreads(),
        "allocator": list(settings),
        "gradients": [torch.is_grad_enabled(), str(torch.get_default_dtype()), torch.is_inference_mode_enabled()],
        "backends": [torch.backends.mkldnn.enabled, torch.get_float32_matmul_precision()],
        "random": [hash(torch.get_rng_state().numpy().tobytes()), hash(str(numpy.random.get_state())),
                   hash(random.getstate())],
        "streams": [id(sys.stdout), id(sys.stderr)],
        "hooks": [id(sys.excepthook), id(threading.excepthook)],
        "warnings": len(warnings.filters),
        "recursion": sys.getrecursionlimit(),
        "folder": os.getcwd(),
        "python threads": sorted(thread.name for thread in threading.enumerate()),
    }

before = observe()
import vidream
for module in pkgutil.walk_packages(vidream.__path__, "vidream."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
imported = observe()
made_at_import = [name for name in executors if name.startswith("vidream")]
look = vidream.Preset(octaves=1, first_steps=1, steps=1)
vidream.dream("a.mp4", "b.mp4", preset=look)
vidream.dream("a.png", "b.png", preset=look)
vidream.zoom_film("a.png", "z.mp4", preset=look, seconds=0.12, size=64)
after = observe()
print(json.dumps({"before": before, "imported": imported, "after": after, "executors": made_at_import}))
"""


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    make_clip(folder / "a.mp4", 3)
    write_picture(folder / "a.png", textured(64, 64))
    place = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "-c", OBSERVED],
        env={**place, "PYTHONPATH": ROOT},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def changed(observed, name):
    before, after = observed["before"], observed[name]
    return {key: (value, after[key]) for key, value in before.items() if value != after[key]}


def test_importing_every_module_changes_nothing_and_starts_no_thread(observed):
    assert changed(observed, "imported") == {}
    assert observed["executors"] == []


def test_films_made_by_the_library_leave_the_process_as_it_was(observed):
    assert changed(observed, "after") == {}


def test_a_command_sets_what_is_not_set_and_leaves_what_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    first, *others = ENVIRONMENT
    for name in others:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(first, "7")
    seen = {}
    monkeypatch.setattr("vidream.cli.cmd_lists.preset_names", lambda: seen.update(os.environ) or [])
    assert main(["presets"]) == 0
    assert {name: seen[name] for name in ENVIRONMENT} == {**ENVIRONMENT, first: "7"}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_signals_are_those_of_the_command_only_while_it_runs(monkeypatch):
    seen, numbers = [], (signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        monkeypatch.setattr(
            "vidream.cli.cmd_lists.preset_names", lambda: seen.extend(map(signal.getsignal, numbers)) or []
        )
        assert main(["presets"]) == 0
        assert seen == [signal.default_int_handler, signal.SIG_IGN]
        assert signal.getsignal(signal.SIGTERM) == before[0] and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before[1])


def test_a_command_may_run_in_any_thread():
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main(["presets", "eyes"])))
    thread.start()
    thread.join()
    assert codes == [0]


def test_a_dream_of_the_command_line_keeps_freed_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "a.png", textured(64, 64))
    asked = []
    monkeypatch.setattr("vidream.runtime.memory.keep_memory", lambda: asked.append(True))
    assert main(["dream", "a.png", "-q", "-p", "fast", "--set", "octaves=1", "--set", "first_steps=0"]) == 0
    assert asked == [True]
