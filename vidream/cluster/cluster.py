"""Cluster: the connection to Ray, and the workers that it starts on the machines there. Ray is loaded here only."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import secrets
import signal
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from vidream.cluster.worker import Worker
from vidream.errors import DeviceError, TargetError

__all__ = ["Cluster", "Hand", "Machine", "ray_module"]

DEFAULT_WORKER_CPUS = 2
KNOCK_SECONDS = 10
ADDRESSES = "local, auto or ray://HOST:PORT"


def ray_module() -> Any:
    """Ray. DeviceError where it is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise DeviceError("a cluster needs Ray; install it with: pip install 'vidream[cluster]'", argument="cluster")
    # Ray would send figures of its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    return ray


@dataclass(frozen=True)
class Machine:
    """A machine of the cluster: its identity there, its name, and how many workers it has room for."""

    identity: str
    host: str
    workers: int
    cpus: float
    uses_gpu: bool


@dataclass(eq=False)
class Hand:
    """One worker, as the driver knows it.

    Attributes:
        number: counted from 1.
        node: where it runs.
        actor: its handle.
        facts: versions, device and number format, once it has told them.
        calls: what it was asked and has not answered: reference -> what was asked.
        state: "starting", "fetching" (files), "preparing", "idle", "working".
        film: of which film it is ready to make units.
        job, frames_now: what it makes, and how many frames of it are there.
        frames, units, seconds: what it has made, and how long it worked.
        began: when it took up its unit.
    """

    number: int
    node: Machine
    actor: Any
    facts: dict[str, Any] = field(default_factory=dict)
    calls: dict[Any, str] = field(default_factory=dict)
    state: str = "starting"
    film: Any = None
    job: Any = None
    frames_now: int = 0
    frames: int = 0
    units: int = 0
    seconds: float = 0.0
    began: float = 0.0

    def ask(self, what: str, *arguments: Any) -> None:
        """Call a method of the worker; the answer comes by way of `calls`."""
        self.calls[getattr(self.actor, what).remote(*arguments)] = what

    @property
    def name(self) -> str:
        """In words."""
        device = self.facts.get("device", "")
        threads = f", {self.facts['threads']} threads" if device == "cpu" and self.facts.get("threads", 1) > 1 else ""
        return f"worker {self.number} ({', '.join(filter(None, (self.node.host, device)))}{threads})"


class Cluster:
    """Workers on many machines, or on this one.

        with Cluster("local") as cluster:
            vidream.dream("walk.mp4", cluster=cluster)

    Workers are started with the first film, load their networks once, and stay for the next one.

    Args:
        address: "local" starts Ray on this machine; "auto" finds the Ray that runs here; "ray://HOST:PORT" asks one
            elsewhere.
        worker_cpus: threads of each worker on machines without a GPU; by default 2, on machines of fewer than 4 CPUs 1.
        shared_dir: a folder that all machines see, for the source; without one it travels through Ray.
        device, precision, tile: of every worker, as in `Dreamer`.

    Raises:
        DeviceError: Ray is not installed, or does not answer.
        TargetError: the shared folder is not there.
    """

    def __init__(
        self,
        address: str = "local",
        *,
        worker_cpus: int | None = None,
        shared_dir: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        tile: int | None = None,
    ) -> None:
        if address not in ("local", "auto") and not address.startswith("ray://"):
            raise DeviceError(f'cannot be "{address}"; give {ADDRESSES}', argument="cluster")
        if worker_cpus is not None and worker_cpus < 1:
            raise DeviceError(f"cannot be {worker_cpus}; give 1 or more", argument="worker_cpus")
        self.shared_dir = Path(shared_dir).absolute() if shared_dir is not None else None
        if self.shared_dir is not None and not self.shared_dir.is_dir():
            raise TargetError(
                f'no folder "{self.shared_dir}"; create it where all machines see it', argument="shared_dir"
            )
        self.address, self.device, self.precision, self.tile = address, device, precision, tile
        self.job = secrets.token_hex(4)
        self.hands: list[Hand] = []
        # Machines whose workers are not to be used, and why.
        self.excluded: dict[str, str] = {}
        self._worker_cpus = worker_cpus
        self._count = 0
        self._ray = ray_module()
        self._is_open = self._owns_connection = False

    def open(self) -> None:
        """Connect, and have workers start. May be called again. DeviceError where the cluster does not answer."""
        if self._is_open:
            return
        # A program may have connected to Ray itself: that connection is used, and left open.
        self._owns_connection = not self._ray.is_initialized()
        if self._owns_connection:
            self._connect()
        self._is_open = True
        self.refill()

    def _connect(self) -> None:
        _quieten(self._ray)
        options: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}
        if self.address == "local":
            # Not RAY_ADDRESS: another Ray may run on this machine.
            options |= {"address": "local", "include_dashboard": False}
        else:
            options |= {"address": self.address}
        # Ray takes SIGTERM for itself; a command or a program that waits for it would no longer see it.
        before = signal.getsignal(signal.SIGTERM)
        try:
            self._knock()
            self._ray.init(**options)
        except Exception as error:  # Ray raises what its parts raise: ConnectionError, RuntimeError, of gRPC ...
            said = " ".join(str(error).split())[:200]
            raise DeviceError(
                f'the cluster "{self.address}" does not answer ({type(error).__name__}: {said}); '
                "start one with: ray start --head",
                argument="cluster",
            ) from None
        finally:
            # None: a handler that is not Python's. Only the main thread may set one, and Ray sets its own only there.
            if before is not None and threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)

    def _knock(self) -> None:
        """Raise OSError where nobody listens at the cluster's address: Ray itself would try for minutes."""
        address = self.address.removeprefix("ray://") if self.address.startswith("ray://") else ""
        if self.address == "auto":
            address = os.environ.get("RAY_ADDRESS", "").removeprefix("ray://")
        host, colon, port = address.rpartition(":")
        if colon and port.isdigit():
            socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()

    def nodes(self) -> list[Machine]:
        """The machines that are there now. Where one has a GPU, others have no room, unless the CPU is asked for."""
        alive = [(each, each["Resources"]) for each in self._ray.nodes() if each["Alive"]]
        wants_gpu = self.device == "auto" or self.device.startswith("cuda")
        has_gpu = wants_gpu and any(resources.get("GPU", 0) >= 1 for _, resources in alive)
        cpus = [int(resources.get("CPU", 0)) for _, resources in alive]
        each_cpus = self._worker_cpus or (DEFAULT_WORKER_CPUS if min(cpus, default=0) >= 4 else 1)
        found = []
        for each, resources in alive:
            gpus, own = int(resources.get("GPU", 0)), int(resources.get("CPU", 0))
            count = gpus if has_gpu else own // each_cpus
            needs = min(each_cpus, own / gpus) if has_gpu and gpus else each_cpus
            found.append(Machine(each["NodeID"], each["NodeManagerHostname"], count, needs, has_gpu))
        return found

    def refill(self) -> list[Machine]:
        """Start a worker wherever there is room for one more; returns the machines there are."""
        nodes = self.nodes()
        for node in nodes:
            if node.identity in self.excluded:
                continue
            there = sum(hand.node.identity == node.identity for hand in self.hands)
            for _ in range(node.workers - there):
                self._count += 1
                hand = Hand(self._count, node, self._start(node))
                hand.ask("facts")
                self.hands.append(hand)
        return nodes

    def _start(self, node: Machine) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        place = NodeAffinitySchedulingStrategy(node.identity, soft=False)
        # A worker that dies is started anew by `refill`: its units must be given out again anyway.
        kind = self._ray.remote(num_cpus=node.cpus, num_gpus=int(node.uses_gpu), max_restarts=0)(Worker)
        return kind.options(scheduling_strategy=place).remote(self.job)

    def drop(self, hand: Hand) -> None:
        """Have a worker go."""
        if hand in self.hands:
            self.hands.remove(hand)
        with contextlib.suppress(Exception):
            self._ray.kill(hand.actor)

    def close(self) -> None:
        """Have all workers go, with what they left on their disks. May be called twice."""
        if not self._is_open:
            return
        self._is_open = False
        with contextlib.suppress(Exception):
            waiting = [hand.actor.clear.remote() for hand in self.hands if hand.facts]
            self._ray.wait(waiting, num_returns=len(waiting), timeout=5)
        for hand in list(self.hands):
            self.drop(hand)
        if self._owns_connection:
            self._ray.shutdown()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _quieten(ray: Any) -> None:
    """Ray prints a paragraph on standard output for a worker that was lost; we say that in a line of our own."""
    module = getattr(getattr(ray, "_private", None), "worker", None)
    # A name that Ray does not promise: where it is another, the paragraph is printed.
    if module is not None and hasattr(module, "print_to_stdstream"):
        module.print_to_stdstream = lambda *_, **__: None
