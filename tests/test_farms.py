"""The templates for farm managers in docs/farms make the film that one run makes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import make_clip

from vidream.media import FrameReader
from vidream.rendering.work_folder import STATE

HERE = Path(__file__).parent.parent
TEMPLATE, SBATCH = (HERE / "docs" / "farms" / name for name in ("vidream.openjd.yaml", "vidream.sbatch"))
BASH = shutil.which("bash")
CUTS = (7, 12, 19)
BIG = [(textured(80, 120, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8) for seed in (0, 5, 9, 14)]
LOOK = ["--set", "octaves=2", "--set", "first_steps=2", "--device", "cpu", "--precision", "fp32"]
SIZE, PRESET = 64, "classic"

pytestmark = pytest.mark.skipif(BASH is None or os.name == "nt", reason="there is no bash here")
needs_openjd = pytest.mark.skipif(
    importlib.util.find_spec("openjd") is None,
    reason="openjd is missing: pip install openjd-cli",
)

# Saves a state after each segment of a few frames. STOP_AT names a file: the run writes it once a state is saved, and
# waits to be killed.
PROGRAM = """#!{python}
import os, sys, time
from pathlib import Path
from vidream.media.writers import segments
from vidream.rendering import state_saver, work_folder
from vidream.temporal import flashes
state_saver.SAVE_SECONDS, segments._SEGMENT_SECONDS, flashes.STEADY_SECONDS = 0.0, 0.1, 0.1
keep = work_folder.WorkFolder.keep
def keep_and_wait(work, *arguments):
    keep(work, *arguments)
    if "STOP_AT" in os.environ and (work.folder / work_folder.STATE).exists():
        Path(os.environ["STOP_AT"]).write_text(str(os.getpid()))
        time.sleep(600)
work_folder.WorkFolder.keep = keep_and_wait
from vidream.cli import main
sys.exit(main())
"""


def four_shots(index: int) -> np.ndarray:
    return BIG[sum(index >= cut for cut in CUTS)][10:58, index : index + 64]


@pytest.fixture(scope="module")
def farm(tmp_path_factory):
    """A folder with a clip of four shots, whose name asks for quotes, the program, and the film of one run."""
    folder = tmp_path_factory.mktemp("all machines' folder")
    program = folder / "vidream"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    clip = make_clip(folder / 'an owl\'s "walk" $HOME.mp4', 24, draw=four_shots)
    whole = folder / "whole.mp4"
    done = run(program, "dream", clip, whole, "--size", SIZE, "--preset", PRESET, *LOOK)
    assert done.returncode == 0 and "3 cuts" in done.stderr, done.stderr
    return folder, program, clip, pictures(whole)


@pytest.fixture
def film(farm):
    """A film's path in the farm's folder; when the test is over, it alone may be there beside what was."""
    folder = farm[0]
    before = {path.name for path in folder.iterdir()}
    path = folder / 'an owl\'s "dream" of $HOME.mp4'
    yield path
    after = {path.name for path in folder.iterdir()}
    for name in after - before:
        (shutil.rmtree if (folder / name).is_dir() else os.unlink)(folder / name)
    assert after - before <= {path.name}


def environment(**more: object) -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    found["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**found, **{name: str(value) for name, value in more.items()}}


def run(*words: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, env=environment(**more), timeout=300)


def pictures(path: Path) -> list[torch.Tensor]:
    with FrameReader(path) as reader:
        return list(reader)


def is_film_of_one_run(path: Path, farm) -> bool:
    made, wanted = pictures(path), farm[3]
    return len(made) == len(wanted) == 24 and all(map(torch.equal, made, wanted))


def openjd_run(farm, film: Path, shares: int = 3) -> subprocess.CompletedProcess[str]:
    _, program, clip, _ = farm
    values = {
        "Source": clip, "Film": film, "Shares": shares, "Size": SIZE, "Preset": PRESET,
        "Options": " ".join(LOOK), "Vidream": program,
    }  # fmt: skip
    given = [word for name, value in values.items() for word in ("--job-param", f"{name}={value}")]
    return run(sys.executable, "-m", "openjd", "run", TEMPLATE, *given)


class Slurm:
    """Runs the array script as SLURM runs it: bash, and variables."""

    def __init__(self, farm, film: Path, shares: int = 3) -> None:
        self._farm, self._film, self._shares = farm, film, shares

    def start(self, share: int, **more: object) -> subprocess.Popen[str]:
        _, program, clip, _ = self._farm
        variables = {
            "SLURM_ARRAY_TASK_ID": share, "SLURM_ARRAY_TASK_COUNT": self._shares, "SLURM_ARRAY_TASK_MIN": 1,
            "SLURM_ARRAY_TASK_MAX": self._shares, "SLURM_CPUS_PER_TASK": 1, "VIDREAM": program,
        }  # fmt: skip
        words = [BASH, SBATCH, clip, self._film, "--size", SIZE, "--preset", PRESET, *LOOK]
        return subprocess.Popen(
            [*map(str, words)],
            env=environment(**{**variables, **more}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, task: subprocess.Popen[str]) -> str:
        said, trouble = task.communicate(timeout=300)
        assert task.returncode == 0, trouble
        return said + trouble


@needs_openjd
def test_the_template_is_accepted():
    done = run(sys.executable, "-m", "openjd", "check", TEMPLATE)
    assert done.returncode == 0 and "passes validation" in done.stdout


@needs_openjd
def test_the_template_makes_the_film_of_one_run_and_leaves_it_when_it_runs_again(farm, film):
    done = openjd_run(farm, film)
    assert done.returncode == 0, done.stdout + done.stderr
    assert is_film_of_one_run(film, farm)
    before = film.stat()
    again = openjd_run(farm, film)
    lines = [line for line in again.stdout.splitlines() if "already there" in line]
    assert again.returncode != 0 and len(lines) == 1 and "Traceback" not in again.stdout
    assert (film.stat().st_mtime_ns, film.stat().st_size) == (before.st_mtime_ns, before.st_size)


def test_tasks_of_an_array_one_after_the_other_make_the_film_of_one_run(farm, film):
    slurm = Slurm(farm, film)
    said = [slurm.end(slurm.start(share)) for share in (2, 3, 1)]
    assert "joined: 1, 3" in said[0] and "joined: 1" in said[1] and str(film) in said[2]
    assert is_film_of_one_run(film, farm)


def test_tasks_that_begin_and_end_together_make_the_film_of_one_run(farm, film):
    slurm = Slurm(farm, film, shares=2)
    said = [slurm.end(task) for task in [slurm.start(1), slurm.start(2)]]
    assert any(str(film) in words for words in said)
    assert is_film_of_one_run(film, farm)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 1)])
def test_a_task_that_was_stopped_goes_on_while_others_run(farm, film, sent, code):
    slurm, has_saved = Slurm(farm, film), farm[0] / "saved"
    stopped, other = slurm.start(2, STOP_AT=has_saved), slurm.start(1)
    try:
        assert "joined: 2, 3" in slurm.end(other)
        while not has_saved.exists():
            assert stopped.poll() is None, stopped.communicate()[1]
            time.sleep(0.05)
        stopped.send_signal(sent)
        stopped.communicate()
    finally:
        stopped.kill()
    assert stopped.returncode == code
    has_saved.unlink()
    assert (film.with_name(f"{film.name}.2-of-3.vidream") / STATE).exists()
    said = [slurm.end(task) for task in [slurm.start(2), slurm.start(3)]]
    assert "resuming after frame" in said[0]
    assert is_film_of_one_run(film, farm)


@pytest.mark.parametrize(
    ("variables", "words", "said"),
    [
        ({}, ["a.mp4", "b.mp4"], "SLURM_ARRAY_TASK_ID"),
        ({"SLURM_ARRAY_TASK_ID": 1}, ["a.mp4", "b.mp4"], "SLURM_ARRAY_TASK_COUNT"),
        ({"SLURM_ARRAY_TASK_ID": 0, "SLURM_ARRAY_TASK_COUNT": 8, "SLURM_ARRAY_TASK_MIN": 0, "SLURM_ARRAY_TASK_MAX": 7},
         ["a.mp4", "b.mp4"], "count from 1"),
        ({"SLURM_ARRAY_TASK_ID": 1, "SLURM_ARRAY_TASK_COUNT": 4, "SLURM_ARRAY_TASK_MIN": 1, "SLURM_ARRAY_TASK_MAX": 7},
         ["a.mp4", "b.mp4"], "without gaps"),
        ({"SLURM_ARRAY_TASK_ID": 1, "SLURM_ARRAY_TASK_COUNT": 8}, ["a.mp4"], "OUT is missing"),
    ],
)  # fmt: skip
def test_what_the_array_script_lacks_is_said_in_one_line(variables, words, said):
    done = run(BASH, SBATCH, *words, **variables, VIDREAM="false")
    assert done.returncode == 1 and not done.stdout
    assert said in done.stderr and "sbatch --array=1-8" in done.stderr and done.stderr.count("\n") == 1


def test_the_array_script_hands_on_words_threads_and_the_exit_code(tmp_path):
    program = tmp_path / "the program"
    program.write_text('#!/usr/bin/env bash\nprintf "[%s]" "$OMP_NUM_THREADS" "$@"\nexit 2\n')
    program.chmod(0o755)
    array = {"SLURM_ARRAY_TASK_ID": 2, "SLURM_ARRAY_TASK_COUNT": 8, "SLURM_CPUS_PER_TASK": 6}
    done = run(BASH, SBATCH, "a b.mp4", "*.mp4", "--set", "subject=owl", **array, VIDREAM=program)
    assert done.returncode == 2
    assert done.stdout == "[6][dream][a b.mp4][*.mp4][--set][subject=owl][--shots][2/8][--resume]"
