"""Crew: gives jobs to the workers of a cluster and takes what they send, whatever happens to them meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from vidream.cluster.cluster import Cluster, Hand, ray_module
from vidream.cluster.cut_search import Look, Message
from vidream.cluster.task import FilmTask
from vidream.cluster.transport import FileSending
from vidream.cluster.units import Unit
from vidream.errors import DeviceError, VidreamError

__all__ = ["Crew", "Jobs"]

Job = Unit | Look
# A poll is this long; with many workers longer, so that the driver keeps up with all of them.
POLL_SECONDS, WORKERS_A_SECOND = 0.5, 300
REFILL_SECONDS, WAIT_SECONDS = 2.0, 0.2
MOST_LOSSES, MOST_FAILED_STARTS, MOST_ERRORS = 10, 3, 3
# A machine that is lost, or other people's work, may leave none for a while.
SAY_WAITING_SECONDS, LONGEST_WAIT_SECONDS = 15.0, 120.0
SAME = ("vidream", "torch", "OpenCV", "device", "precision", "threads")


class Jobs(Protocol):
    """What is to be done, and what becomes of the answers."""

    def take(self) -> tuple[Job, Mapping[int, str], Mapping[str, bytes]] | None:
        """The next job, the marks and the states that it needs; None where there is none just now."""

    def put_back(self, job: Job) -> None:
        """The worker was lost: somebody else must do it."""

    def message(self, hand: Hand | None, job: Job, message: Message) -> None:
        """A worker sent something that belongs to `job`; "end" comes last."""

    @property
    def is_finished(self) -> bool:
        """True where all jobs are done."""


class Crew:
    """The workers of a cluster at one film.

    Args:
        cluster: gives the workers.
        task: the film.
        say: is given a line for the user, once each.
        accepted: is given what the first worker computes with, which all others must have as well.
    """

    def __init__(
        self,
        cluster: Cluster,
        task: FilmTask,
        say: Callable[[str], None],
        accepted: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._cluster, self._task, self._say, self._accepted = cluster, task, say, accepted
        self._ray = ray_module()
        self._sending = FileSending(self._ray, task, cluster.shared_dir)
        self.reference: dict[str, Any] = {}
        self._errors: dict[Job, list[VidreamError]] = {}
        self._losses = 0
        self._failed_starts: Counter[str] = Counter()
        self._refill_at = 0.0
        self._idle_since: float | None = None
        self._has_said_waiting = False
        self._made: dict[int, str] = {}

    @property
    def hands(self) -> list[Hand]:
        """The workers that may be given jobs of this film."""
        return [hand for hand in self._cluster.hands if hand.film is self._task]

    @property
    def frames_under_way(self) -> int:
        return sum(hand.frames_now for hand in self._cluster.hands if isinstance(hand.job, Unit))

    @property
    def transport(self) -> str:
        """How the workers came by the source, in words."""
        return self._sending.words

    def report(self) -> tuple[str, ...]:
        """A line for each worker that made something."""
        return tuple(self._made[number] for number in sorted(self._made))

    def run(self, jobs: Jobs, watch: Callable[[], None]) -> None:
        """Have all jobs done. watch: called now and then.

        Raises:
            VidreamError: no worker can do one of them.
        """
        for hand in self._cluster.hands:
            if hand.state == "working":  # at a film that failed
                hand.ask("stop")
                hand.job, hand.frames_now, hand.film, hand.state = None, 0, None, "idle"
        while not jobs.is_finished:
            self._refill()
            for hand in self.hands:
                if hand.state == "idle":
                    self._give(hand, jobs)
            calls = {ref: hand for hand in self._cluster.hands for ref in hand.calls}
            if calls:
                ready, _ = self._ray.wait(list(calls), num_returns=1, timeout=WAIT_SECONDS)
                if ready:  # and all others that are there by now
                    ready, _ = self._ray.wait(list(calls), num_returns=len(calls), timeout=0)
                for ref in ready:
                    self._answer(calls[ref], ref, jobs)
            else:
                time.sleep(0.2)
            self._check_idle()
            watch()

    def _refill(self) -> None:
        now = time.monotonic()
        if now >= self._refill_at:
            self._cluster.refill()
            self._refill_at = now + REFILL_SECONDS
        for hand in self._cluster.hands:
            stayed = hand.film is not self._task and hand.state == "idle"  # from the film before
            waits = hand.state == "fetching" and not hand.calls  # for a fellow, which may be lost
            if stayed or waits:
                self._fetch(hand)

    def _check_idle(self) -> None:
        """Say where nobody works, and end where that stays so."""
        if self.hands:
            self._idle_since = None
            return
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        if not self._cluster.hands and self._cluster.excluded:
            raise DeviceError(f"no worker can be used: {'; '.join(dict.fromkeys(self._cluster.excluded.values()))}")
        waited = now - self._idle_since
        if waited > SAY_WAITING_SECONDS and not self._has_said_waiting:
            self._has_said_waiting = True
            self._say("waiting for a worker: the cluster has no free room")
        if waited > LONGEST_WAIT_SECONDS and not self._cluster.nodes():
            raise DeviceError("no machine of the cluster is left; start one and continue", use={"resume": True})

    def _give(self, hand: Hand, jobs: Jobs) -> None:
        found = jobs.take()
        if found is None:
            return
        hand.job, hand.frames_now, hand.state = found[0], 0, "working"
        hand.began = time.monotonic()
        hand.ask("begin", *found)
        # Two, so that the worker has the next one while the driver takes the answer of the first.
        for _ in range(2):
            self._poll(hand)

    def _poll(self, hand: Hand) -> None:
        hand.ask("poll", max(POLL_SECONDS, len(self._cluster.hands) / WORKERS_A_SECOND))

    def _answer(self, hand: Hand, ref: Any, jobs: Jobs) -> None:
        what = hand.calls.pop(ref, None)
        if what is None or hand not in self._cluster.hands:
            return
        try:
            value = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            self._failed(hand, error, jobs)
        except self._ray.exceptions.RayError as error:
            self._lost(hand, error, jobs)
        else:
            self._next(hand, what, value, jobs)

    def _next(self, hand: Hand, what: str, value: Any, jobs: Jobs) -> None:
        if what == "facts":
            hand.facts = value
            self._failed_starts[hand.node.identity] = 0
            self._fetch(hand)
        elif what == "missing":
            if self._sending.wanted(hand, value):
                self._sending.next_block(hand)
            else:
                self._prepare(hand)
        elif what == "receive":
            if not self._sending.next_block(hand):
                for each in self._cluster.hands:
                    if each.node.identity == hand.node.identity and each.state == "fetching":
                        self._fetch(each)
        elif what == "prepare":
            hand.facts |= value
            self._accept(hand, jobs)
        elif what == "poll":
            self._take(hand, value, jobs)

    def _fetch(self, hand: Hand) -> None:
        """See which files of the film a worker lacks."""
        hand.state = "fetching"
        if not self._sending.is_under_way(hand) and "missing" not in hand.calls.values():
            hand.ask("missing", self._sending.files)

    def _prepare(self, hand: Hand) -> None:
        hand.state = "preparing"
        hand.ask("prepare", self._task, self._sending.files)

    def _accept(self, hand: Hand, jobs: Jobs) -> None:
        """Take a worker that makes the same pixels as the others; others are left out, in words."""
        same = {name: hand.facts[name] for name in SAME}
        if not self.reference:
            self.reference = same
            self._accepted(same)
        other = [
            f"{name} {same[name]}, others {self.reference[name]}" for name in SAME if same[name] != self.reference[name]
        ]
        if other:
            self._exclude(hand, f"{hand.node.host} would make other pixels: it has {'; '.join(other)}", jobs)
            return
        hand.film, hand.state = self._task, "idle"
        hand.frames, hand.units, hand.seconds = 0, 0, 0.0

    def _take(self, hand: Hand, messages: list[Message], jobs: Jobs) -> None:
        job = hand.job
        for message in messages:
            if job is None:
                continue
            if message[0] == "frames":
                hand.frames_now += message[1]
            jobs.message(hand, job, message)
            if message[0] == "end":
                self._ended(hand, job)
                job = None
        if hand.job is not None:
            self._poll(hand)

    def _ended(self, hand: Hand, job: Job) -> None:
        self._losses = 0
        hand.seconds += time.monotonic() - hand.began
        if isinstance(job, Unit):
            hand.frames += job.frames
            hand.units += 1
            speed = f"{hand.frames / hand.seconds:.1f} frames/s" if hand.seconds else ""
            self._made[hand.number] = f"{hand.name}: {hand.frames} frames in {hand.units} parts, {speed}"
        hand.job, hand.frames_now, hand.state = None, 0, "idle"

    def _failed(self, hand: Hand, error: Any, jobs: Jobs) -> None:
        """A worker raised an error: it is not asked again, and another does its job."""
        cause = getattr(error, "cause", None)
        if not isinstance(cause, VidreamError):
            first = (str(cause or error).strip().splitlines() or [""])[-1]
            cause = DeviceError(f"{hand.node.host}: unexpected {type(cause or error).__name__}: {first}")
        job = hand.job
        self._exclude(hand, f"{hand.node.host}: {cause}", jobs)
        if job is not None:
            self._errors.setdefault(job, []).append(cause)
            if len(self._errors[job]) >= MOST_ERRORS:
                raise cause
        if not self._cluster.hands:
            raise cause

    def _exclude(self, hand: Hand, why: str, jobs: Jobs) -> None:
        self._say(f"{hand.name} is not used: {why}")
        if self._sending.is_under_way(hand):
            self._sending.forget(hand)
        self._cluster.excluded[hand.node.identity] = why
        for each in [each for each in self._cluster.hands if each.node.identity == hand.node.identity]:
            self._release(each, jobs)

    def _release(self, hand: Hand, jobs: Jobs) -> None:
        if hand.job is not None:
            jobs.put_back(hand.job)
            hand.job = None
        self._cluster.drop(hand)

    def _lost(self, hand: Hand, error: Any, jobs: Jobs) -> None:
        """The worker's process or machine is gone: another does its job."""
        self._sending.forget(hand)
        if not hand.facts:
            # Nothing was made, so nothing is lost: but a machine with a full disk would go on like this for ever.
            self._failed_starts[hand.node.identity] += 1
            if self._failed_starts[hand.node.identity] >= MOST_FAILED_STARTS:
                self._exclude(hand, f"{MOST_FAILED_STARTS} workers could not start there; its disk may be full", jobs)
            else:
                self._release(hand, jobs)
            return
        self._losses += 1
        doing = f"; {hand.frames_now} frames are made again" if hand.job is not None else ""
        self._say(f"{hand.name} was lost{doing}")
        self._release(hand, jobs)
        self._refill_at = 0.0
        if self._losses >= MOST_LOSSES:
            said = " ".join(str(error).split())[:300]
            raise DeviceError(f"{MOST_LOSSES} workers were lost, one after the other, with nothing made ({said})")
