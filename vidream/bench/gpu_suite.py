"""`vidream bench --suite gpu`: everything that only a GPU can show, in under eight minutes.

Each part stands alone: one that fails leaves its error in the figures, and the next one begins.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream import __version__
from vidream.bench.machine import matrix_peak, memory_mib, seconds_in_turns, seconds_of
from vidream.bench.measure import moving_frames, size_figures
from vidream.bench.plain_loop import against_plain_step
from vidream.engine.cuda_graphs import StepGraphs
from vidream.engine.dreamer import Dreamer
from vidream.live import LiveDream
from vidream.looks.mixture import with_networks
from vidream.looks.preset import Preset
from vidream.motion.estimators import DisFlow
from vidream.motion.luma_pyramid import LumaPyramid
from vidream.networks import Net, NetworkPool
from vidream.networks.registry import has_weights, load_net, make_net, network_entry
from vidream.runtime.device import PRECISIONS, wait_for
from vidream.temporal.stream import Stream

__all__ = ["SUITE_SECONDS", "run_gpu_suite"]

# The whole suite; what would begin later is left out. The project's own tests come last, in what time is kept for them.
SUITE_SECONDS, TEST_SECONDS = 470.0, 120.0
LOOKS: Mapping[str, str | Mapping[str, float]] = {
    "dreamnet": "dreamnet",
    "efficientnet_lite0": "efficientnet_lite0",
    "both": {"dreamnet": 1.0, "efficientnet_lite0": 1.0},
    "googlenet": "googlenet",
}
LIVE_FPS = 60
COMPARED_STEPS = 4


def run_gpu_suite(
    device: torch.device,
    sizes: Sequence[tuple[int, int]],
    *,
    seconds: float,
    told: Callable[[str], None] = lambda words: None,
) -> dict[str, Any]:
    """Measure all parts on a device; a CPU goes through the same, for trying the suite.

    Args:
        device: a GPU, or the CPU.
        sizes: (width, height) px each.
        seconds: for each measured size of a network.
        told: called with what is measured next.

    Returns:
        Part -> its figures, or {"error": ...} or {"left out": ...}; ready to be written as JSON.
    """
    return _Suite(device, sizes, seconds, told).run()


class _Suite:
    """The parts, and what they share: networks by number format, each loaded once."""

    def __init__(
        self,
        device: torch.device,
        sizes: Sequence[tuple[int, int]],
        seconds: float,
        told: Callable[[str], None],
    ) -> None:
        self._device, self._sizes, self._seconds, self._told = device, sizes, seconds, told
        self._deadline = time.monotonic() + SUITE_SECONDS - TEST_SECONDS
        self._pools: dict[tuple[str, str], NetworkPool] = {}
        # fp16 is for GPUs.
        self._precisions = [name for name in PRECISIONS if name != "fp16" or device.type != "cpu"]
        self._small = min(sizes, key=lambda size: size[0] * size[1])

    def run(self) -> dict[str, Any]:
        parts: dict[str, Callable[[], Any]] = {
            "machine": self._machine,
            "steps": self._steps,
            "recorded steps": self._recorded,
            "frames": self._frames,
            "host waits": self._host_waits,
            "live": self._live,
            "flow": self._flow,
            "cpu and gpu": self._cpu_and_gpu,
            "plain": self._plain,
            "tests": self._tests,
        }
        found: dict[str, Any] = {}
        for name, part in parts.items():
            begun = time.monotonic()
            self._told(name)
            if name == "tests":
                self._deadline += TEST_SECONDS
            found[name] = self._guarded(part)
            found[name]["seconds"] = round(time.monotonic() - begun, 1)
        return found

    def _guarded(self, part: Callable[[], Any]) -> dict[str, Any]:
        """What a part found; its error, where it failed in whatever way, so that the others are measured."""
        if time.monotonic() > self._deadline:
            return {"left out": "no time was left"}
        try:
            return {"figures": part()}
        except Exception as error:
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            words = (str(error).strip().splitlines() or [""])[0]
            return {"error": f"{type(error).__name__}: {words}"[:300]}

    def _dreamer(self, look: str, precision: str = "auto", **options: Any) -> Dreamer:
        networks = LOOKS[look]
        names = [networks] if isinstance(networks, str) else list(networks)
        key = look, precision
        if key not in self._pools:
            pool = NetworkPool.on(str(self._device), precision)
            nets = [_net(name, device=pool.device, dtype=pool.dtype) for name in names]
            self._pools[key] = NetworkPool(nets)
        preset = with_networks(Preset.load("creatures"), networks)
        return Dreamer(preset.replace(layers={}, **options), networks=self._pools[key])

    def _machine(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "vidream": __version__, "torch": torch.__version__, "python": platform.python_version(),
            "system": f"{platform.machine()} {platform.system()}", "device": str(self._device),
            "matrix peak, operations a second": {
                name: matrix_peak(self._device, PRECISIONS[name]) for name in self._precisions
            },
        }  # fmt: skip
        if self._device.type == "cuda":
            properties = torch.cuda.get_device_properties(self._device)
            facts |= {
                "gpu": properties.name, "memory, MiB": properties.total_memory / 2**20, "cuda": torch.version.cuda
            }  # fmt: skip
        return facts

    def _steps(self) -> dict[str, Any]:
        """Seconds of a step, and its share of the peak, by look, size and number format."""
        found: dict[str, Any] = {}
        for precision in self._precisions:
            peak = matrix_peak(self._device, PRECISIONS[precision])
            for look in LOOKS:
                dreamer = self._dreamer(look, precision, octaves=1, finest=1.0, falloff=0.0)
                for width, height in self._sizes:
                    measure = partial(_step_figures, dreamer, width, height, peak, self._seconds / 4)
                    found[f"{look} {width}x{height} {precision}"] = self._guarded(measure)
        return found

    def _recorded(self) -> dict[str, Any]:
        """Recorded steps against unrecorded ones: the largest difference, and the time of each."""
        if not StepGraphs.on(self._device).can_record:
            return {"left out": f"{self._device} records no steps"}
        found = {}
        for look in LOOKS:
            dreamer = self._dreamer(look, octaves=1, finest=1.0, falloff=0.0)
            picture = moving_frames(*self._small, 1)[0].to(self._device)
            calls = [partial(each, picture, steps=8) for each in (dreamer, dreamer.unrecorded())]
            with_graphs, without = seconds_in_turns(calls, self._device, budget_seconds=self._seconds)
            found[look] = {
                "recorded, s": with_graphs / 8, "unrecorded, s": without / 8,
                "largest difference": float((calls[0]() - calls[1]()).abs().max()),
            }  # fmt: skip
        return found

    def _frames(self) -> dict[str, Any]:
        """Seconds of a carried frame, its parts and the most memory, by look and size."""
        found = {}
        for look in LOOKS:
            dreamer = self._dreamer(look)
            for width, height in self._sizes:
                if self._device.type == "cuda":
                    torch.cuda.reset_peak_memory_stats(self._device)
                measure = partial(_frame_figures, dreamer, width, height, self._seconds)
                found[f"{look} {width}x{height}"] = self._guarded(measure)
        return found

    def _host_waits(self) -> dict[str, Any]:
        """How often a carried frame makes the host wait for the GPU. One is needed, for the frame's figures."""
        if self._device.type != "cuda":
            return {"left out": f"{self._device} does not tell"}
        stream = Stream(self._dreamer("both"))
        frames = [frame.to(self._device) for frame in moving_frames(*self._small, 8)]
        followed = list(stream.followed(frames))
        for frame, motion in followed[:-1]:
            stream.next(frame, motion=motion)
        with warnings.catch_warnings(record=True) as caught, _told_of_waits():
            warnings.simplefilter("always")
            stream.next(followed[-1][0], motion=followed[-1][1])
        places = sorted({f"{Path(each.filename).name}:{each.lineno}" for each in caught})
        return {"waits": len(caught), "places": places}

    def _live(self) -> dict[str, Any]:
        """A made-up camera: pictures and dreams a second, and the time from capture to picture."""
        width, height = sorted(self._sizes)[min(1, len(self._sizes) - 1)]
        frames = moving_frames(width, height, 60)
        latencies = []
        with LiveDream(self._dreamer("both"), size=max(width, height), target_fps=LIVE_FPS) as live:
            begun = time.monotonic()
            for number in range(max(2, round(LIVE_FPS * min(20.0, 10 * self._seconds)))):
                due = begun + number / LIVE_FPS
                time.sleep(max(0.0, due - time.monotonic()))
                there_and_back = number % 118
                live.show(frames[min(there_and_back, 118 - there_and_back)], due)
                wait_for(self._device)
                latencies.append(1000 * (time.monotonic() - due))
            figures = live.figures
        ordered = sorted(latencies[len(latencies) // 4 :])
        percentiles = {f"p{share}, ms": ordered[int(share / 100 * (len(ordered) - 1))] for share in (50, 95, 99)}
        return {
            "width": width, "height": height, "dreams a second": figures.dream_fps,
            "pictures a second": figures.picture_fps, "dreamed width": figures.dreamed_width, **percentiles,
        }  # fmt: skip

    def _flow(self) -> dict[str, Any]:
        """Optical flow between two frames: DIS on the processor, RAFT on the device."""
        pair = [LumaPyramid(frame) for frame in moving_frames(*self._sizes[-1], 2)]
        dis = DisFlow()
        found = {"dis, s": seconds_of(lambda: dis.between(*pair), torch.device("cpu"), budget_seconds=self._seconds)}
        from torchvision.models.optical_flow import raft_small

        # Its weights change no time.
        raft = raft_small(weights=None).eval().to(self._device)
        small = [F.interpolate(each.small, (184, 320)).to(self._device) * 2 - 1 for each in pair]

        @torch.no_grad()
        def found_on_device() -> Tensor:
            flow: Tensor = raft(*small)[-1]
            return flow

        found["raft, s"] = seconds_of(found_on_device, self._device, budget_seconds=self._seconds)
        return found

    def _cpu_and_gpu(self) -> dict[str, Any]:
        """One frame's dream made on the processor and on the device, in fp32: how far they lie apart."""
        picture = moving_frames(*self._small, 1)[0]
        here = self._dreamer("both", "fp32")(picture, steps=COMPARED_STEPS).cpu() - picture
        nets = [_net(name, device=torch.device("cpu"), dtype=torch.float32) for name in LOOKS["both"]]
        there = Dreamer(self._dreamer("both").preset, networks=nets)(picture, steps=COMPARED_STEPS) - picture
        return {
            "cosine": float(F.cosine_similarity(here.flatten(), there.flatten(), dim=0)),
            "mean difference": float((here - there).abs().mean()),
            "strength": float(there.abs().mean()),
        }

    def _plain(self) -> dict[str, Any]:
        """A bare step of each network beside plain torch's."""
        picture = moving_frames(*self._small, 1)[0]
        found = {}
        for look in ("dreamnet", "efficientnet_lite0"):
            step = against_plain_step(self._dreamer(look), picture, budget_seconds=4 * self._seconds)
            found[look] = {"plain over ours": step.ratio, "frozen over ours": step.frozen_ratio, **vars(step)}
        return found

    def _tests(self) -> dict[str, Any]:
        """The project's own tests on the device, where its folder is there."""
        folder = Path(__file__).parents[2] / "tests"
        names = ["test_graphs.py", "test_dreamer.py", "test_stream.py", "test_networks_together.py", "test_ascent.py"]
        if not (folder / names[0]).is_file():
            return {"left out": "this vidream has no folder of tests beside it; run it in a clone of the repository"}
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--device", str(self._device)]
        # Fewer where the device is tried with small pictures: they were made for it.
        chosen = [str(folder / name) for name in (names if self._device.type != "cpu" else names[-1:])]
        marks = "not slow" if self._device.type == "cuda" else "not slow and not gpu"
        done = subprocess.run(
            [*words, "-m", marks, *chosen], capture_output=True, text=True, check=False,
            timeout=max(1.0, self._deadline - time.monotonic()),
            cwd=folder.parent,
        )  # fmt: skip
        said = done.stdout.strip().splitlines() or [done.stderr.strip()]
        return {"exit code": done.returncode, "said": said[-1], "failed": [each for each in said if "FAILED" in each]}


def _net(name: str, *, device: torch.device, dtype: torch.dtype) -> Net:
    """A network with its weights, or untrained where they are not here: times are the same."""
    if has_weights(name):
        return load_net(name, device=device, dtype=dtype)
    torch.manual_seed(0)
    entry = network_entry(name)
    return make_net(entry, entry.untrained(), device=device, dtype=dtype)


def _step_figures(dreamer: Dreamer, width: int, height: int, peak: float, seconds: float) -> dict[str, float]:
    picture = moving_frames(width, height, 1)[0].to(dreamer.device)
    step = seconds_of(lambda: dreamer(picture, steps=1), dreamer.device, budget_seconds=seconds)
    operations = 2 * sum(each.net.operations(each.needs(""), height, width) for each in dreamer.ascents)
    return {"step, s": step, "operations": operations, "share of the peak": operations / step / peak}


def _frame_figures(dreamer: Dreamer, width: int, height: int, seconds: float) -> dict[str, Any]:
    figures = size_figures(dreamer, width, height, peak=float("inf"), seconds=seconds)
    return {
        "frame, s": figures.frame_seconds,
        "frames a second": figures.fps,
        "first frame, s": figures.first_frame_seconds,
        "parts, s": figures.parts,
        "memory, MiB": memory_mib(dreamer.device),
    }


@contextmanager
def _told_of_waits() -> Iterator[None]:
    """Inside, torch warns each time that the host waits for the GPU."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)
