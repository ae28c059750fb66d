"""Only the thread that dreams has an OpenMP thread pool: all others are single-threaded."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from vidream.live.dream_worker import DreamWorker
from vidream.media import FrameWriter
from vidream.rendering import state_saver
from vidream.rendering import work_folder as works
from vidream.runtime.threads import default_threads, ends_thread_pools, use_threads
from vidream.temporal.prefetch import Ahead


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_new_thread(call):
    with ThreadPoolExecutor(1) as new:
        return new.submit(call).result()


def test_a_number_of_threads_holds_for_the_thread_that_sets_it_only():
    def sized(size):
        use_threads(size)
        return torch.get_num_threads()

    assert [in_new_thread(lambda size=size: sized(size)) for size in (1, 2)] == [1, 2]
    assert torch.get_num_threads() == default_threads() == in_new_thread(torch.get_num_threads) == 3


def test_many_threads_at_once_leave_the_default_number_as_it_was():
    start = threading.Barrier(8)

    def begin(size):
        start.wait(10)
        use_threads(size)
        return torch.get_num_threads()

    with ThreadPoolExecutor(8) as many:
        assert list(many.map(begin, [1, 2] * 4)) == [1, 2] * 4
    assert default_threads() == 3


@pytest.mark.skipif(sys.platform != "linux", reason="looks at a process's threads where Linux lists them")
def test_a_single_threaded_thread_ends_its_pool():
    # In a process of its own, where no other thread comes or goes; one that has ended may be listed a moment longer.
    child = """
import os, time, torch
from vidream.runtime.threads import run_single_threaded
def threads():
    torch.ones(2**20).add_(1)
    return len(os.listdir("/proc/self/task"))
torch.set_num_threads(3)
together, deadline = threads(), time.monotonic() + 5
run_single_threaded()
while together - threads() != 2 and time.monotonic() < deadline:
    time.sleep(0.01)
print(together - threads())
"""
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, timeout=60)
    # torch 2.6 brings an OpenMP that cannot.
    assert done.stdout.strip() == ("2" if ends_thread_pools() else "0"), done.stderr


def test_the_thread_that_saves_a_film_is_single_threaded(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(state_saver, "save_state", lambda *_: seen.append(torch.get_num_threads()))
    target = tmp_path / "film.mp4"
    with works.WorkFolder(target) as work, FrameWriter(target, rate=8, work=work) as writer:
        work.open({})
        writer.write(torch.rand(1, 3, 32, 32))
        work.keep(({}, {}), writer)
        work.save_now()
    assert seen == [1]


def test_prefetching_is_single_threaded_unless_a_gpu_dreams():
    for alone, size in ((True, 1), (False, 3)):
        with Ahead((torch.get_num_threads() for _ in range(2)), alone=alone) as ready:
            assert list(ready) == [size, size]


def test_a_live_dream_has_all_cores_but_one_and_its_pictures_that_one():
    seen = []
    worker = DreamWorker(lambda: seen.append(torch.get_num_threads()))
    seen.append(torch.get_num_threads())
    worker.join()
    assert sorted(seen) == [1, 2] and torch.get_num_threads() == default_threads() == 3
