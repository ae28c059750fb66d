"""Films made by workers of a Ray cluster on this machine: the same film, whatever happens to the workers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import textured
from frames_helpers import ffmpeg, make_clip
from music import make_music, write_wav

from vidream import Cluster, Dreamer, FrameReader, Preset, Progress, dream
from vidream.cli import main
from vidream.cluster import crew
from vidream.cluster.worker import FOLDER_PREFIX, Worker
from vidream.errors import VidreamError

pytest.importorskip("ray")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Ray on Windows is untried")

LOOK = Preset.load("creatures").replace(net="dreamnet", layers={"s3b": 1.0}, octaves=2, first_steps=3, steps=1)
BIG = [(textured(200, 400, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8) for seed in range(6)]
SHOT = 40


def six_shots(index: int) -> np.ndarray:
    return BIG[index // SHOT % 6][40:104, index % SHOT * 2 : index % SHOT * 2 + 96]


def hashes(path: Path) -> list[str]:
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Heard(Progress):
    """Notes what is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.frames: list[int] = []
        self.on_frames = lambda frames: None

    def said(self, words: str) -> None:
        self.lines.append(words)

    def frames_of_workers(self, frames, total, workers, picture) -> None:
        self.frames.append(frames)
        self.on_frames(frames)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip") / "walk.mp4", 6 * SHOT, draw=six_shots)


@pytest.fixture(scope="module")
def whole(clip):
    dream(clip, clip.with_name("whole.mp4"), preset=LOOK)
    return hashes(clip.with_name("whole.mp4"))


@pytest.fixture(scope="module")
def cluster():
    with Cluster("local", worker_cpus=1) as found:
        yield found


def pids(cluster: Cluster) -> list[int]:
    return [hand.facts["process"] for hand in cluster.hands if hand.facts]


def test_a_film_of_several_workers_is_that_of_one_machine(clip, whole, cluster, tmp_path):
    heard = Heard()
    made = dream(clip, tmp_path / "out.mp4", preset=LOOK, cluster=cluster, progress=heard, sidecar=True)
    assert hashes(tmp_path / "out.mp4") == whole
    assert made.finished and made.frames == 240 and made.cuts == 5
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL  # Ray would keep it
    assert heard.frames[-1] == 240 and heard.frames == sorted(heard.frames)
    assert sum(int(line.split(": ")[1].split()[0]) for line in made.workers[:-1]) == 240
    assert "workers" in (tmp_path / "out.mp4.json").read_text()
    assert left_in(tmp_path) == ["out.mp4", "out.mp4.json"]


def test_workers_hear_what_one_machine_hears(clip, whole, cluster, tmp_path):
    music = make_music(120, "house", seconds=10, lead_in_seconds=0.0)
    track = write_wav(tmp_path / "track.wav", music.samples)
    look = LOOK.replace(step_size="0.002+0.01*max(beat, bass)", blend="0.2*smooth(loud, 0.3)")
    dream(clip, tmp_path / "one.mp4", preset=look, listen=track)
    dream(clip, tmp_path / "many.mp4", preset=look, listen=track, cluster=cluster)
    assert hashes(tmp_path / "many.mp4") == hashes(tmp_path / "one.mp4")
    # The pictures differ from those of a look that hears nothing.
    assert hashes(tmp_path / "one.mp4") != whole


def test_workers_stay_for_the_next_film_with_their_networks(clip, whole, cluster, tmp_path):
    dream(clip, tmp_path / "one.mp4", preset=LOOK, cluster=cluster, duration_seconds=1)
    before = pids(cluster)
    dream(clip, tmp_path / "two.mp4", preset=LOOK, cluster=cluster)
    assert pids(cluster) == before
    assert hashes(tmp_path / "two.mp4") == whole


def test_killed_workers_cost_their_unit_alone(clip, whole, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "POLL_SECONDS", 0.02)
    heard, draw, killed = Heard(), random.Random(4), []

    def kill(frames: int) -> None:
        working = [hand.facts["process"] for hand in cluster.hands if hand.job is not None]
        if working and frames >= 30 * (len(killed) + 1) and len(killed) < 3:
            killed.append(draw.choice(working))
            os.kill(killed[-1], signal.SIGKILL)

    heard.on_frames = kill
    made = dream(clip, tmp_path / "out.mp4", preset=LOOK, cluster=cluster, progress=heard)
    assert len(killed) == 3
    assert hashes(tmp_path / "out.mp4") == whole
    assert sum("was lost" in line for line in heard.lines) == 3
    # Every unit that was finished counts once.
    assert sum(int(line.split(": ")[1].split()[0]) for line in made.workers[:-1]) == 240


def test_a_source_that_workers_do_not_see_is_sent_to_them(clip, whole, cluster, tmp_path, monkeypatch):
    """They look at a path where it is not."""
    from vidream.cluster import transport

    facts = transport.FileFact
    monkeypatch.setattr(transport, "FileFact", lambda path, place, known, name: facts(path, Hidden(place), known, name))
    monkeypatch.setattr(transport, "BLOCK_BYTES", 5000)
    made = dream(clip, tmp_path / "out.mp4", preset=LOOK, cluster=cluster)
    assert hashes(tmp_path / "out.mp4") == whole
    size = clip.stat().st_size
    assert made.workers[-1] == f"sources go to the workers through Ray ({size / 1e6:.1f} MB)"


class Hidden(type(Path())):  # type: ignore[misc]
    """A path that only this process can open: for others it lies elsewhere."""

    def __reduce__(self):
        return Path, ("/nowhere", self.name)


def test_a_shared_folder_takes_the_source(clip, whole, cluster, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr(cluster, "shared_dir", shared)
    made = dream(clip, tmp_path / "out.mp4", preset=LOOK, cluster=cluster)
    assert hashes(tmp_path / "out.mp4") == whole
    assert made.workers[-1] == f'workers read the source in "{shared}"'
    assert [path.name for path in shared.rglob("*.mp4")] == ["walk.mp4"]


def test_other_versions_are_refused_in_a_line(clip, cluster, tmp_path, monkeypatch):
    from vidream.cluster.crew import Crew

    accept, seen = Crew._accept, []

    def other(self, hand, jobs):
        seen.append(hand)
        if len(seen) == 2:
            hand.facts["torch"] = "1.0"
        accept(self, hand, jobs)

    monkeypatch.setattr(Crew, "_accept", other)
    monkeypatch.setattr(cluster, "refill", lambda: cluster.nodes())
    heard = Heard()
    try:
        dream(clip, tmp_path / "out.mp4", preset=LOOK, cluster=cluster, progress=heard)
    except VidreamError as error:
        # Both workers are on one machine here, so none is left.
        assert "would make other pixels: it has torch 1.0, others" in str(error)
    assert any("is not used" in line and "torch 1.0" in line for line in heard.lines)
    cluster.excluded.clear()


def test_a_source_that_breaks_ends_the_film_in_one_line(clip, cluster, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes())
    heard = Heard()
    heard.on_frames = lambda frames: broken.write_bytes(b"no film" * 99)
    with pytest.raises(VidreamError) as caught:
        dream(broken, tmp_path / "out.mp4", preset=LOOK, cluster=cluster, progress=heard)
    cluster.excluded.clear()
    assert "broken.mp4" in str(caught.value)
    assert not (tmp_path / "out.mp4").exists()
    # The next film has workers again.
    dream(clip, tmp_path / "next.mp4", preset=LOOK, cluster=cluster, duration_seconds=0.5)


def command(*words: object) -> subprocess.Popen:
    names = {name: getattr(LOOK, name) for name in ("octaves", "first_steps", "steps")}
    settings = [part for name, value in names.items() for part in ("--set", f"{name}={value}")]
    line = [
        sys.executable,
        "-m",
        "vidream",
        "dream",
        *map(str, words),
        "--net",
        "dreamnet",
        "--set",
        "layers=s3b",
        *settings,
    ]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_units(folder: Path, count: int, process: subprocess.Popen) -> None:
    until = time.monotonic() + 120
    while len(list(folder.glob("*.done"))) < count:
        assert time.monotonic() < until and process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_driver_that_is_stopped_goes_on_with_the_units_that_are_there(clip, tmp_path, kill):
    target = tmp_path / "out.mp4"
    words = (clip, target, "--cluster", "local", "--worker-cpus", 1)
    first = command(*words)
    wait_for_units(tmp_path / "out.mp4.cluster.vidream", 2, first)
    first.send_signal(kill)
    _, said = first.communicate(timeout=120)
    done = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out.mp4.cluster.vidream").glob("*.done")}
    assert first.returncode != 0 and len(done) >= 2
    if kill != signal.SIGKILL:
        assert "--resume goes on" in said or "continue with --resume" in said
    again = command(*words)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 1 and "holds an unfinished film" in said and "--resume" in said
    alone = command(clip, target, "--resume")
    _, said = alone.communicate(timeout=120)
    assert alone.returncode == 1 and "a cluster has begun; continue with one" in said
    last = command(*words, "--resume")
    _, said = last.communicate(timeout=180)
    assert last.returncode == 0 and "going on: " in said, said
    reference = command(clip, tmp_path / "whole.mp4")
    reference.communicate(timeout=120)
    assert hashes(target) == hashes(tmp_path / "whole.mp4")
    assert left_in(tmp_path) == ["out.mp4", "whole.mp4"]


def test_nothing_of_ray_is_loaded_without_a_cluster(clip, tmp_path):
    code = (
        "import sys; from vidream.cli import main; "
        f"code = main(['dream', {str(clip)!r}, {str(tmp_path / 'out.mp4')!r}, '-p', 'fast', '--duration', '0.2']); "
        "sys.exit(code or int('ray' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cluster", "moon"], '--cluster: cannot be "moon"; give local, auto or ray://HOST:PORT'),
        (["--cluster", "local", "--worker-cpus", "0"], "--worker-cpus: cannot be 0; give 1 or more"),
        (["--cluster", "local", "--shared-dir", "/no/such"], '--shared-dir: no folder "/no/such"'),
        (["--cluster", "local", "--chunk-seconds", "1"], "--chunk-seconds: cannot be 1; give 4 seconds or more, or 0"),
        (["--cluster", "local", "--record-steps", "s.gif"], "--record-steps: workers of a cluster do not record steps"),
        (["--cluster", "local", "--loop", "boomerang"], "--loop: a film made in parts cannot be a loop"),
    ],
)
def test_wrong_words_are_one_line(words, said, clip, tmp_path, capsys):
    assert main(["dream", str(clip), str(tmp_path / "out.mp4"), *words]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error
    assert left_in(tmp_path) == []


def test_a_cluster_that_does_not_answer_is_one_line(clip, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "vidream", "dream", str(clip), str(tmp_path / "out.mp4"), "--cluster", "auto"],
        env={**os.environ, "RAY_ADDRESS": "127.0.0.1:1"}, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith('vidream: --cluster: the cluster "auto" does not answer') and "ray start --head" in last


def test_a_picture_is_made_here_and_objects_of_this_process_are_refused(clip, tmp_path, cluster, tiny_net):
    from vidream.media import write_picture

    with FrameReader(clip) as reader:
        write_picture(tmp_path / "one.png", next(iter(reader)))
    assert dream(tmp_path / "one.png", preset=LOOK, cluster=cluster).frames == 1
    with pytest.raises(VidreamError, match="no network or objective of this process"):
        dream(
            clip, tmp_path / "out.mp4", cluster=cluster, dreamer=Dreamer(Preset(layers={"block2": 1.0}), net=tiny_net)
        )


def test_folders_of_dead_workers_are_cleared_and_others_stay(tmp_path):
    dead = tmp_path / f"{FOLDER_PREFIX}dead"
    (dead / "files-0").mkdir(parents=True)
    (dead / "files-0" / "walk.mp4").touch()
    (dead / "1.lock").touch()
    alive = Worker("alive", tmp_path)
    assert not dead.exists()
    other = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from vidream.cluster.worker import Worker; Worker('next', __import__('pathlib').Path({str(tmp_path)!r}))",
        ],
        timeout=60,
    )
    assert other.returncode == 0
    assert (tmp_path / f"{FOLDER_PREFIX}alive").exists()
    alive.clear()
    assert not (tmp_path / f"{FOLDER_PREFIX}alive").exists()


def test_two_films_at_once_wait_for_each_other(clip, whole, tmp_path):
    """Two drivers, one cluster of one CPU: the second one waits for its worker."""
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    port = 26000 + os.getpid() % 2000
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    started = [
        *ray,
        "start",
        "--head",
        f"--port={port}",
        "--num-cpus=1",
        "--include-dashboard=false",
    ]
    subprocess.run(started, env=environment, check=True, capture_output=True, timeout=120)
    try:
        code = "import sys; from test_cluster import *; dream(sys.argv[1], sys.argv[2], preset=LOOK, cluster='auto')"
        films = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
        environment |= {"RAY_ADDRESS": f"127.0.0.1:{port}", "PYTHONPATH": os.pathsep.join(["tests", *sys.path])}
        runs = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(clip), str(film)], env=environment, stderr=subprocess.PIPE, text=True
            )
            for film in films
        ]
        for run in runs:
            _, said = run.communicate(timeout=240)
            assert run.returncode == 0, said
        assert [hashes(film) == whole for film in films] == [True, True]
    finally:
        subprocess.run([*ray, "stop", "--force"], env=environment, capture_output=True, timeout=120)
