"""ClusterFilm: a film made by the workers of a cluster: find its cuts, have its units made, and join them."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Mapping
from typing import Any

from vidream.cluster.cluster import Cluster, Hand
from vidream.cluster.crew import Crew, Job
from vidream.cluster.cut_search import Look, Message, look_for_cuts
from vidream.cluster.store import UnitStore
from vidream.cluster.task import FilmTask
from vidream.cluster.units import Unit, units_of
from vidream.errors import SourceError, VidreamError
from vidream.media import FrameReader
from vidream.rendering.progress import Progress
from vidream.rendering.render_settings import differences
from vidream.rendering.shots import Shot
from vidream.runtime.threads import run_single_threaded

__all__ = ["ClusterFilm"]

# Cuts are looked for in stretches of this many frames at least: a jump into a clip costs some.
LEAST_LOOK_FRAMES = 400
LOOKS_EACH = 2


class ClusterFilm:
    """One film on a cluster.

    Args:
        cluster: its workers.
        task: the film.
        store: keeps what they make.
        progress: is told of what happens.
        chunk_seconds: a longer shot is shared in pieces; 0 shares none.

    Attributes:
        is_finished: False after Ctrl-C.
    """

    def __init__(
        self, cluster: Cluster, task: FilmTask, store: UnitStore, progress: Progress, *, chunk_seconds: float
    ) -> None:
        self.is_finished = True
        self._cluster, self._task, self._store, self._progress = cluster, task, store, progress
        self._chunk_seconds = chunk_seconds
        self._crew = Crew(cluster, task, progress.said, self._check_machine)
        self._picture: Any = None
        self._frames_told = 0

    def _check_machine(self, facts: Mapping[str, Any]) -> None:
        """Say so where the film was begun on another kind of machine: the frames may differ by rounding."""
        changed = differences(self._store.machine, facts) if self._store.machine else ""
        if changed:
            self._progress.said(f"the film was started on other machines: {changed}")

    @property
    def report(self) -> tuple[str, ...]:
        """Lines on what each worker made, and how the source came to them."""
        return (*self._crew.report(), self._crew.transport) if self._crew.report() else ()

    def run(self, reader: FrameReader) -> None:
        """Make what is still to be made. After Ctrl-C, `is_finished` is False. Raises VidreamError."""
        try:
            if not self._store.units:
                self._plan(reader)
            done = self._store.frames_done
            if done:
                self._progress.said(f"going on: {done} frames of {self._total} are there")
            jobs = _UnitJobs(self._store, self)
            self._crew.run(jobs, self._tell)
        except KeyboardInterrupt:
            self.is_finished = False
            for hand in list(self._cluster.hands):
                if hand.job is not None:
                    self._cluster.drop(hand)
        finally:
            self._tell()

    @property
    def _total(self) -> int:
        return self._store.units[-1].end

    def _plan(self, reader: FrameReader) -> None:
        """Look for cuts, and make the list of units."""
        count = reader.frame_count or 0
        # The driver takes part, and has begun before the workers have loaded their networks.
        length = max(LEAST_LOOK_FRAMES, -(-count // (LOOKS_EACH * (1 + len(self._cluster.hands)))))
        starts = list(range(0, max(1, count - length // 2), length))
        found = self._look([Look(first, end) for first, end in itertools.zip_longest(starts, starts[1:])])
        if not found.fits:
            # The file's index is wrong: jumps lead elsewhere.
            found = self._look([Look(0, None, seeks=False)])
        if not found.frames:
            raise SourceError(f"{self._task.source.name} gave no frame; check the file")
        cuts = sorted({0, *found.cuts})
        shots = [Shot(first, end - first) for first, end in zip(cuts, [*cuts[1:], found.frames], strict=True)]
        units = units_of(shots, reader.rate, self._chunk_seconds, keeps_count=self._task.flash_limit)
        self._store.plan(units, found.marks, self._crew.reference)

    def _look(self, looks: list[Look]) -> _LookJobs:
        """Have all `looks` done, by the workers and by a thread here."""
        jobs = _LookJobs(looks)
        ends = threading.Event()

        def look_here() -> None:
            run_single_threaded()
            with self._task.reader() as reader:
                while not ends.is_set() and (job := jobs.take()) is not None:
                    look = job[0]
                    assert isinstance(look, Look)
                    try:
                        for message in look_for_cuts(reader, self._task.preset, look):
                            if ends.is_set():
                                return
                            jobs.message(None, look, message)
                    except VidreamError:  # a worker finds the same, and says so
                        jobs.put_back(look)
                        return

        thread = threading.Thread(target=look_here, name="vidream-look", daemon=True)
        thread.start()
        try:
            self._crew.run(jobs, lambda: None)
        finally:
            ends.set()
            thread.join()
        return jobs

    def show(self, picture: Any) -> None:
        """Note the newest small picture of a worker."""
        self._picture = picture

    def _tell(self) -> None:
        if not self._store.units:
            return
        frames = self._store.frames_done + self._crew.frames_under_way
        picture, self._picture = self._picture, None
        if frames != self._frames_told or picture is not None:
            self._frames_told = frames
            working = sum(hand.job is not None for hand in self._crew.hands)
            self._progress.frames_of_workers(frames, self._total, working, picture)


class _LookJobs:
    """Looks for cuts, and what they found."""

    def __init__(self, looks: list[Look]) -> None:
        self._looks = looks
        self._waiting = list(reversed(looks))
        self._found: dict[Look, tuple[list[int], dict[int, str]]] = {}
        self._done: set[Look] = set()
        self.frames = 0

    def take(self) -> tuple[Job, Mapping[int, str], Mapping[str, bytes]] | None:
        if not self._waiting:
            return None
        look = self._waiting.pop()
        self._found[look] = ([], {})
        return look, {}, {}

    def put_back(self, job: Job) -> None:
        assert isinstance(job, Look)
        self._waiting.append(job)

    def message(self, hand: Hand | None, job: Job, message: Message) -> None:
        assert isinstance(job, Look)
        cuts, marks = self._found[job]
        if message[0] == "cut":
            cuts.append(message[1])
        elif message[0] == "marks":
            marks.update(enumerate(message[2], message[1]))
        elif message[0] == "end":
            self._done.add(job)
            self.frames = max(self.frames, job.first + message[1])

    @property
    def is_finished(self) -> bool:
        return len(self._done) == len(self._looks)

    @property
    def fits(self) -> bool:
        """True where every jump led to the frame before the next look's first, as read from the one before."""
        return all(
            self._found[before][1].get(after.first - 1, "") == self._found[after][1].get(after.first - 1)
            for before, after in itertools.pairwise(self._looks)
        )

    @property
    def cuts(self) -> list[int]:
        return [cut for cuts, _ in self._found.values() for cut in cuts]

    @property
    def marks(self) -> dict[int, str]:
        return {number: mark for _, marks in self._found.values() for number, mark in marks.items()}


class _UnitJobs:
    """The units that are left: the longest first, joints as soon as both dreams are there."""

    def __init__(self, store: UnitStore, film: ClusterFilm) -> None:
        self._store, self._film = store, film
        self._waiting = [(-unit.work, unit.first, unit) for unit in store.left]
        heapq.heapify(self._waiting)
        self._left = len(self._waiting)

    def take(self) -> tuple[Job, Mapping[int, str], Mapping[str, bytes]] | None:
        not_ready, found = [], None
        while self._waiting:
            entry = heapq.heappop(self._waiting)
            states = self._store.states_for(entry[2])
            if states is not None:
                found = entry[2], self._store.marks, states
                break
            not_ready.append(entry)
        for entry in not_ready:
            heapq.heappush(self._waiting, entry)
        if found is None:
            return None
        unit = found[0]
        marks = {number: mark for number, mark in self._store.marks.items() if number in (unit.first, unit.early)}
        return unit, marks, found[2]

    def put_back(self, job: Job) -> None:
        assert isinstance(job, Unit)
        heapq.heappush(self._waiting, (-job.work, job.first, job))

    def message(self, hand: Hand | None, job: Job, message: Message) -> None:
        assert isinstance(job, Unit)
        kind, name, data = message
        if kind == "frames":
            if data is not None:
                self._film.show(data)
        elif kind == "end":
            self._store.finish(job, data)
            self._left -= 1
        else:
            self._store.keep(kind, name, data)

    @property
    def is_finished(self) -> bool:
        return self._left == 0
