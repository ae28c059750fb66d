"""OpenMP's threads wait awake on a quiet machine and asleep on a busy one, and no dream depends on it."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import pytest
import torch
from conftest import textured

from vidream import Dreamer, Preset
from vidream.cli import main
from vidream.media import FrameWriter
from vidream.runtime.threads import is_gnu_openmp
from vidream.runtime.waits import AdaptiveWaits, _Sleep

# Seconds of a step, awake and asleep: as measured at 320x180 on two cores, alone and beside a busy program.
QUIET, BUSY = (0.0074, 0.0121), (0.0500, 0.0150)
needs_gnu_openmp = pytest.mark.skipif(not is_gnu_openmp(), reason="torch has another OpenMP than GNU's here")


class Machine:
    """A machine whose steps take as long as it is told, and the waits that it chooses."""

    def __init__(self):
        self.seconds = 0.0
        self.waits = AdaptiveWaits(lambda asleep: None, lambda: self.seconds)
        self.work(QUIET, steps=2)

    def work(self, step_seconds, *, steps):
        """Seconds that so many steps took, and the share of them that was made asleep."""
        begun, asleep = self.seconds, 0
        for number in range(steps):
            asleep += self.waits.is_asleep
            with self.waits.timed(number % 2):
                self.seconds += step_seconds[self.waits.is_asleep]
        return self.seconds - begun, asleep / steps


def test_on_a_quiet_machine_threads_wait_awake_and_trials_cost_next_to_nothing():
    taken, asleep = Machine().work(QUIET, steps=5000)
    assert asleep < 0.003 and taken < 1.003 * 5000 * QUIET[0]


def test_on_a_busy_machine_they_soon_sleep_and_looking_again_costs_little():
    machine = Machine()
    machine.work(QUIET, steps=500)
    until_asleep, _ = machine.work(BUSY, steps=25)
    assert machine.waits.is_asleep and until_asleep < 25 * BUSY[0]
    taken, asleep = machine.work(BUSY, steps=5000)
    assert asleep > 0.99 and taken < 1.03 * 5000 * BUSY[1]


def test_once_the_machine_is_quiet_again_they_wait_awake_within_seconds():
    machine = Machine()
    machine.work(BUSY, steps=3000)
    machine.work(QUIET, steps=1500)
    assert not machine.waits.is_asleep


def test_the_first_step_of_a_kind_which_compiles_its_code_is_not_counted():
    machine = Machine()
    with machine.waits.timed("new size"):
        machine.seconds += 3.0
    machine.work(QUIET, steps=10)
    assert not machine.waits.is_asleep


@needs_gnu_openmp
def test_threads_that_sleep_take_no_time_and_threads_that_wake_do():
    # Rounds enough for far longer than a second: without a program's own setting, a thread waits awake for 8 ms.
    child = """
import time, torch
from vidream.runtime.waits import _Sleep
torch.set_num_threads(torch.get_num_threads() if torch.get_num_threads() > 1 else 2)
sleep = _Sleep()
for asleep in (False, True, False):
    sleep(asleep)
    torch.zeros(2**18).add_(1)
    begun = time.process_time()
    time.sleep(0.3)
    print(time.process_time() - begun > 0.05, end=" ")
"""
    environment = {"GOMP_SPINCOUNT": "10000000000", "OMP_NUM_THREADS": "2", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", child], capture_output=True, text=True, timeout=60, env={**environment, **python_path()}
    )
    assert done.stdout.split() == ["True", "False", "True"], done.stderr


@needs_gnu_openmp
def test_a_dream_is_the_same_to_the_bit_however_threads_wait():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    sleep = _Sleep()
    try:
        dreamer, picture = Dreamer(Preset(net="dreamnet", octaves=2, first_steps=2)), textured(200, 260)
        awake = dreamer(picture)
        sleep(True)
        asleep = dreamer(picture)
    finally:
        sleep(False)
        torch.set_num_threads(before)
    assert torch.equal(awake, asleep)


def test_a_film_beside_a_busy_program_is_the_same_film_to_the_bit(tmp_path):
    clip = tmp_path / "clip.mp4"
    with FrameWriter(clip, rate=Fraction(8)) as writer:
        for shift in range(6):
            writer.write(textured(120, 160).roll(2 * shift, -1))
    films = []
    for name, looks in (("two", []), ("one", ["--net", "dreamnet"])):
        for count in (0, 2):
            loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
            try:
                target = tmp_path / f"{name}{count}.mp4"
                assert main(["dream", str(clip), str(target), "-q", "--set", "first_steps=2", *looks]) == 0
            finally:
                for each in loops:
                    each.kill()
                    each.wait()
            films.append(target.read_bytes())
    assert films[0] == films[1] != films[2] == films[3]


def python_path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(path for path in sys.path if path)}
