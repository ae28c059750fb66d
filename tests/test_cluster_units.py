"""Units of a film: every frame is made once, in whatever order, and the film is that of one run."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import ffmpeg, make_clip
from hypothesis import example, given
from hypothesis import strategies as st

from vidream import FrameReader, Preset, dream
from vidream.cluster.cut_search import Look
from vidream.cluster.film import _LookJobs
from vidream.cluster.joint import lean
from vidream.cluster.store import UnitStore
from vidream.cluster.task import FileFact, FilmTask, UnitMaker
from vidream.cluster.units import LEAST_UNIT_SECONDS, LEAST_UNIT_SHARE, Unit, units_of
from vidream.cluster.worker import Worker
from vidream.errors import VidreamError
from vidream.media.delivery import Delivery
from vidream.media.frame import frame_mark
from vidream.rendering.film_job import FilmJob
from vidream.rendering.progress import Progress
from vidream.rendering.render_settings import file_print
from vidream.rendering.shots import Shot

LOOK = Preset.load("creatures").replace(net="dreamnet", layers={"s3b": 1.0}, octaves=2, first_steps=3, steps=1)
BIG = [(textured(200, 300, seed)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8) for seed in (0, 5, 9)]
CUTS = (9, 21)


def three_shots(index: int) -> np.ndarray:
    return BIG[sum(index >= cut for cut in CUTS)][40:104, index % 60 : index % 60 + 96]


def one_take(index: int) -> np.ndarray:
    return BIG[0][40:104, index : index + 96]


def hashes(path: Path) -> list[str]:
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


def task_of(clip: Path, **changes: object) -> FilmTask:
    values = {
        "source": clip, "target_name": "out.mp4", "preset": LOOK, "seed": 0, "weights": None, "mask": None,
        "size": None, "fps": None, "start_seconds": 0.0, "duration_seconds": None, "device": "cpu",
    }  # fmt: skip
    return FilmTask(**(values | changes))  # type: ignore[arg-type]


def looks_of(maker: UnitMaker, looks: list[Look]) -> _LookJobs:
    jobs = _LookJobs(looks)
    while found := jobs.take():
        for message in maker.look(found[0]):
            jobs.message(None, found[0], message)  # type: ignore[arg-type]
    return jobs


def make_in_any_order(
    clip: Path,
    target: Path,
    chunk_seconds: float,
    *,
    seed: int = 1,
    wrap: str = "none",
    keeps_count: bool = False,
    look: Preset = LOOK,
) -> UnitStore:
    """The film by way of units, in one process; joints wait for their dreams."""
    task = task_of(clip, target_name=target.name, preset=look, wrap=wrap)
    found = looks_of(UnitMaker(task, task.dreamer(), target.parent), [Look(0, None)])
    starts = sorted({0, *found.cuts})
    shots = [Shot(first, end - first) for first, end in pairwise([*starts, found.frames])]
    with FrameReader(clip, wrap=wrap) as reader:
        job = FilmJob(
            reader=reader, path=target, dreamer=task.dreamer, asked={"size": None, "rate": None}, span={}, audio="all",
            delivery=Delivery(), overwrite=False, mask=None, record_steps=None, report=None, sidecar=False, loop=None,
            max_bytes=None, progress=Progress(),
        )  # fmt: skip
        dreamer = job.load()
        settings = job.settings(dreamer)
        maker = UnitMaker(replace(task, comment=job.recipe(dreamer).to_json()), dreamer, target.parent)
        store = UnitStore(target, resume=False, overwrite=False)
        with store.work:
            store.open(settings)
            store.plan(units_of(shots, reader.rate, chunk_seconds, keeps_count=keeps_count), found.marks, {})
            waiting = store.left
            random.Random(seed).shuffle(waiting)
            while waiting:
                unit = waiting.pop(0)
                states = store.states_for(unit)
                if states is None:
                    waiting.append(unit)
                    continue
                for kind, name, data in maker.make(unit, store.marks, states):
                    if kind == "end":
                        store.finish(unit, data)
                    elif kind != "frames":
                        store.keep(kind, name, data)
            store.join(store.units, settings)
            job.make(resume=True)
    return store


@example([1, 3387, 3, 238, 240, 932], Fraction(60), 4)
@given(
    st.lists(st.integers(1, 4000), min_size=1, max_size=30),
    st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(60), Fraction(4)]),
    st.sampled_from([0, 4, 7.5, 20]),
)
def test_units_hold_every_frame_once_and_none_is_longer_than_asked(lengths, rate, chunk_seconds):
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    shots = [Shot(first, frames) for first, frames in zip(starts, lengths, strict=True)]
    units = units_of(shots, rate, chunk_seconds)
    assert units[0].first == 0 and units[-1].end == sum(lengths)
    assert all(before.end == after.first and before.frames > 0 for before, after in pairwise(units))
    cuts = {*starts, sum(lengths)}
    for before, unit, after in zip([None, *units], units, [*units[1:], None], strict=False):
        if unit.kind == "shots":
            assert unit.first in cuts
        if unit.kind == "joint":
            assert before.keeps_end and after.kind == "piece" and after.at == unit.first
        if unit.kind == "piece":
            assert before.kind == "joint" and unit.early < unit.at < unit.first
            assert not any(unit.early < cut < unit.end for cut in cuts)
    if chunk_seconds:
        longest = max(chunk_seconds * rate, max((each for each in lengths if each <= chunk_seconds * rate), default=0))
        # Short shots are put together up to the least of a unit; the last of them may be a long one.
        least = min(LEAST_UNIT_SECONDS * rate, sum(lengths) * LEAST_UNIT_SHARE)
        assert all(unit.frames <= longest + max(1, longest, least) for unit in units)
    assert units[-1].keeps_end


@pytest.mark.parametrize("seconds", [0.5, -1, float("nan"), float("inf")])
def test_chunks_that_are_too_short_are_said_in_one_line(seconds):
    with pytest.raises(VidreamError, match="give 4 seconds or more, or 0"):
        units_of([Shot(0, 100)], Fraction(25), seconds)


@given(st.integers(1, 100))
def test_a_joint_ends_with_the_second_dream_alone(frames):
    share = 0.0
    for number in range(frames):
        before, share = share, share + (1 - share) * lean(number, frames)
        assert share >= before
    assert share == pytest.approx(1)
    assert lean(frames - 1, frames) == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_units_in_any_order_are_the_film_of_one_run(tmp_path, seed):
    clip = make_clip(tmp_path / "walk.mp4", 30, draw=three_shots)
    dream(clip, tmp_path / "whole.mp4", preset=LOOK)
    store = make_in_any_order(clip, tmp_path / "out.mp4", 0, seed=seed)
    assert [unit.first for unit in store.units] == [0, *CUTS]
    assert hashes(tmp_path / "out.mp4") == hashes(tmp_path / "whole.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "walk.mp4", "whole.mp4"]


def test_units_of_a_panorama_are_the_film_of_one_run(tmp_path):
    clip = make_clip(tmp_path / "walk.mp4", 30, draw=three_shots)
    dream(clip, tmp_path / "flat.mp4", preset=LOOK)
    dream(clip, tmp_path / "whole.mp4", preset=LOOK, wrap="horizontal")
    make_in_any_order(clip, tmp_path / "out.mp4", 0, wrap="horizontal")
    assert hashes(tmp_path / "out.mp4") == hashes(tmp_path / "whole.mp4") != hashes(tmp_path / "flat.mp4")


def test_a_worker_that_stays_dreams_each_film_as_it_goes_round(tmp_path):
    clip = make_clip(tmp_path / "walk.mp4", 4, draw=one_take)
    worker = Worker("round", tmp_path)
    known = [FileFact(clip, clip, file_print(clip), clip.name)]
    segments = {}
    for wrap in ("none", "both", "none"):
        worker.prepare(task_of(clip, wrap=wrap), known)
        worker.begin(Unit(0, 4), {}, {})
        said = [("begun", 0, None)]
        while said[-1][0] != "end":
            said += worker.poll(0.1)
        segments.setdefault(wrap, []).append([data for kind, _, data in said if kind == "segment"])
        assert said[-1][0] == "end"
    assert segments["none"][0] == segments["none"][1] != segments["both"][0]


def test_units_of_a_film_that_flashes_are_tempered_as_in_one_run(tmp_path):
    def flashing(index: int) -> np.ndarray:
        """A calm shot, a strobe edit, and after a long shot one whose left half flashes."""
        if 30 <= index < 50:
            return BIG[index // 2 % 3][90:154, 80:176] // (1 + 3 * (index // 2 % 2))
        picture = BIG[0 if index < 30 else 1 if index < 80 else 2][40:104, index % 60 : index % 60 + 96].copy()
        if index >= 80:
            picture[:, :48] = 255 * (index % 2)
        return picture

    clip = make_clip(tmp_path / "walk.mkv", 110, "-c:v", "ffv1", "-pix_fmt", "bgr0", draw=flashing)
    made = dream(clip, tmp_path / "whole.mkv", preset=LOOK)
    store = make_in_any_order(clip, tmp_path / "out.mkv", 0, keeps_count=True)
    assert len(store.units) > 1
    assert "more than three times a second" in made.warning
    assert hashes(tmp_path / "out.mkv") == hashes(tmp_path / "whole.mkv")


def test_pieces_of_a_take_that_flashes_are_tempered(tmp_path):
    def flashing(index: int) -> np.ndarray:
        """Its left half flashes."""
        picture = one_take(index).copy()
        picture[:, :48] //= 1 + 4 * (index % 2)
        return picture

    clip = make_clip(tmp_path / "take.mkv", 96, "-c:v", "ffv1", "-pix_fmt", "bgr0", rate=12, draw=flashing)
    store = make_in_any_order(clip, tmp_path / "out.mkv", 4, keeps_count=True, look=LOOK.replace(reset_on_cut=False))
    assert {unit.kind for unit in store.units} == {"shots", "joint", "piece"}
    with FrameReader(tmp_path / "out.mkv") as reader:
        light = torch.stack([((picture[0, :, 8:56, 6:36].mean() + 0.055) / 1.055) ** 2.4 for picture in reader])
    changes = (light.diff().abs() >= 0.1).int()
    assert len(light) == 96 and int(changes.unfold(0, 12, 1).sum(1).max()) <= 7 < 12


def test_looks_side_by_side_find_the_cuts_of_one_look(tmp_path):
    clip = make_clip(tmp_path / "walk.mp4", 30, draw=three_shots)
    task = task_of(clip)
    maker = UnitMaker(task, task.dreamer(), tmp_path)
    parts = looks_of(maker, [Look(0, 9), Look(9, 15), Look(15, None)])  # the first cut is at a seam
    assert sorted({0, *parts.cuts}) == [0, *CUTS]
    assert parts.frames == 30 and parts.fits
    with FrameReader(clip) as reader:
        assert parts.marks == {number: frame_mark(picture) for number, picture in enumerate(reader)}


def test_a_jump_that_leads_elsewhere_is_seen(tmp_path):
    jobs = _LookJobs([Look(0, 2), Look(2, None)])
    for marks in ({0: "a", 1: "b"}, {1: "c", 2: "d"}):
        look = jobs.take()[0]
        jobs.message(None, look, ("marks", min(marks), list(marks.values())))
        jobs.message(None, look, ("end", 2, b""))
    assert jobs.is_finished and not jobs.fits


def test_a_long_take_in_pieces_has_all_frames_and_its_joints_keep_the_strength(tmp_path):
    clip = make_clip(tmp_path / "take.mp4", 60, draw=one_take, rate="6")
    store = make_in_any_order(clip, tmp_path / "out.mp4", 5)
    assert [(unit.kind, unit.first, unit.end) for unit in store.units] == [
        ("shots", 0, 30), ("joint", 30, 39), ("piece", 39, 60)
    ]  # fmt: skip
    made = dream(clip, tmp_path / "whole.mp4", preset=LOOK)
    with (
        FrameReader(clip) as one,
        FrameReader(tmp_path / "out.mp4") as two,
        FrameReader(tmp_path / "whole.mp4") as three,
    ):
        strengths = [
            [float((each - frame).abs().mean()) for each in pair] for frame, *pair in zip(one, two, three, strict=True)
        ]
    assert len(strengths) == 60
    pieces, whole = torch.tensor(strengths).unbind(1)
    # Before the joint it is the same film; in it and after it, one like it.
    assert torch.equal(pieces[:30], whole[:30])
    assert made.strength == pytest.approx(float(whole.mean()), rel=0.1)
    for part in (slice(30, 39), slice(39, 60)):
        assert float(pieces[part].mean()) == pytest.approx(float(whole[part].mean()), rel=0.15)


def test_a_piece_begins_with_the_dream_that_the_joint_ends_with(tmp_path):
    """The joint's last dream is the second one to the bit: nothing shows where the piece begins."""
    clip = make_clip(tmp_path / "take.mp4", 24, draw=one_take)
    task = task_of(clip)
    maker = UnitMaker(task, task.dreamer(), tmp_path)
    with FrameReader(clip) as reader:
        marks = {number: frame_mark(picture) for number, picture in enumerate(reader)}
    sent = {}
    for unit in (Unit(0, 10, keeps_end=True), Unit(14, 24, "piece", early=7, at=10, keeps_end=True)):
        for kind, _, data in maker.make(unit, marks, {}):
            sent[unit.first, kind] = data
    states = {"before": sent[0, "end"], "after": sent[14, "at"]}
    for kind, _, data in maker.make(Unit(10, 14, "joint", keeps_end=True), marks, states):
        if kind == "end":
            sent["joint"] = data
    lead = {}
    for kind, _, data in maker.make(Unit(13, 14, "piece", early=7, at=10, keeps_end=True), marks, {}):
        lead[kind] = data
    from vidream.rendering.saved_state import load_state

    dreams = []
    for name, data in (("joint", sent["joint"]), ("lead", lead["end"])):
        (tmp_path / name).write_bytes(data)
        dreams.append(load_state(tmp_path / name)[0]["dream"])
    assert torch.equal(*dreams)


def test_numbered_pictures_come_out_numbered_as_in_one_run(tmp_path):
    clip = make_clip(tmp_path / "walk.mp4", 30, draw=three_shots)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    dream(clip, tmp_path / "a" / "%03d.png", preset=LOOK)
    make_in_any_order(clip, tmp_path / "b" / "%03d.png", 0)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert len(one) == 30 and one == two
