"""What flashes more than three times a second is tempered, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import ffmpeg, make_clip
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vidream import FrameReader, dream, find_shots
from vidream.cli import command_parser
from vidream.cluster.units import units_of
from vidream.engine.dreamer import Dreamer
from vidream.errors import TargetError
from vidream.looks.preset import Preset
from vidream.media.writers import segments
from vidream.rendering import state_saver
from vidream.rendering.progress import Progress
from vidream.rendering.shots import Shot, stretches
from vidream.temporal.flashes import FlashLimiter
from vidream.zoom.zoom_job import zoom_film

FAINT = Preset(
    octaves=1, first_steps=1, steps=1, jitter=2, layers={"block2": 1.0}, step_size=0.0005, first_step_size=0.0005
)
HEIGHT, WIDTH = 72, 128
Draw = Callable[[int], np.ndarray]


def most_flashes(film: Sequence[np.ndarray], rate: float, area: float = 0.25) -> int:
    """The most flashes within any second over more than `area` of any field, by WCAG's own numbers.

    Written apart from the limiter: over a whole film [H,W,3] uint8 at once, on blocks of 6 px, each block's curve cut
    at its turning points. Changes are counted where the second one of them is large enough; two are a flash.
    """
    pictures = np.stack(film).astype(np.float64) / 255
    linear = np.where(pictures <= 0.04045, pictures / 12.92, ((pictures + 0.055) / 1.055) ** 2.4)
    count, height, width, _ = linear.shape
    rows, columns = height // 6, width // 6
    blocks = linear[:, : rows * 6, : columns * 6].reshape(count, rows, 6, columns, 6, 3).mean((2, 4))
    luminance = blocks @ np.array([0.2126, 0.7152, 0.0722])
    redness = np.maximum(blocks[..., 0] - blocks[..., 1] - blocks[..., 2], 0)
    saturated = blocks[..., 0] >= 0.8 * np.maximum(blocks.sum(-1), 1e-9)
    marks = np.zeros((2, count, rows, columns), bool)
    for row in range(rows):
        for column in range(columns):
            at = (slice(None), row, column)
            marks[0][at] = changes(luminance[at], 0.1, lambda a, b, v=luminance[at]: min(v[a], v[b]) < 0.8)
            marks[1][at] = changes(redness[at], 20 / 320, lambda a, b, s=saturated[at]: s[a] or s[b])
    second = round(rate)
    field = (max(1, round(rows / 3)), max(1, round(columns / 3)))
    most = 0
    for kind in marks:
        for begin in range(max(1, count - second + 1)):
            flashes = kind[begin : begin + second].sum(0) // 2
            for number in np.unique(flashes):
                fields = np.lib.stride_tricks.sliding_window_view(flashes >= number, field).mean((2, 3))
                if fields.max() > area:
                    most = max(most, int(number))
    return most


def changes(values: np.ndarray, least: float, counts: Callable[[int, int], bool]) -> np.ndarray:
    """[frames] bool: where a change of `least` from the turning point before is reached."""
    found, anchor, way = np.zeros(len(values), bool), 0, 0
    for number in range(1, len(values)):
        step = values[number] - values[anchor]
        if step * way > 0:
            anchor = number
        elif abs(step) >= least and counts(anchor, number):
            found[number], way, anchor = True, (1 if step > 0 else -1), number
    return found


def read(path: Path) -> list[np.ndarray]:
    with FrameReader(path) as reader:
        return [(picture[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8) for picture in reader]


def hashes(path: Path) -> list[str]:
    return ffmpeg("-i", f"file:{path}", "-map", "0", "-f", "framemd5", "-").splitlines()


def tensors(draw: Draw, frames: int) -> list[Tensor]:
    return [torch.from_numpy(draw(number)).permute(2, 0, 1)[None].float() / 255 for number in range(frames)]


def arrays(pictures: Sequence[Tensor]) -> list[np.ndarray]:
    return [(picture[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8) for picture in pictures]


WALL = (textured(HEIGHT + 40, WIDTH + 120, 4)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)


def wall(number: int) -> np.ndarray:
    return WALL[20 : 20 + HEIGHT, number % 100 : number % 100 + WIDTH].copy()


def strobe(number: int) -> np.ndarray:
    """Black and white in turns: 12.5 Hz at 25 frames a second."""
    return np.full((HEIGHT, WIDTH, 3), 255 * (number % 2), np.uint8)


def red(number: int) -> np.ndarray:
    """A dark red that changes its luminance by less than a tenth, and black."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[..., 0] = 160 * (number % 2)
    return picture


def half(number: int) -> np.ndarray:
    picture = wall(number)
    picture[:, : WIDTH // 2] = 255 * (number % 2)
    return picture


def corner(number: int) -> np.ndarray:
    """A fiftieth of the frame flashes: less than a quarter of a ninth."""
    picture = wall(number)
    picture[:10, :18] = 255 * (number % 2)
    return picture


def strobe_edit(number: int) -> np.ndarray:
    """Another picture every three frames, dark and bright."""
    picture = np.roll(WALL[:HEIGHT, :WIDTH], 37 * (number // 3), (0, 1))
    return picture // 4 if number // 3 % 2 else 128 + picture // 2


def fade(number: int) -> np.ndarray:
    """Up within two seconds, and down again."""
    share = 1 - abs(number % 100 - 50) / 50
    return (wall(0) * share).astype(np.uint8)


def hard_cut(number: int) -> np.ndarray:
    return wall(number) // 5 if number < 30 else 255 - wall(number) // 3


def limited(draw: Draw, rate: float | Fraction = 25, frames: int = 75) -> tuple[list[Tensor], list[Tensor], int]:
    limiter, before = FlashLimiter(rate), tensors(draw, frames)
    after = [limiter.limit(picture) for picture in before]
    return before, after, limiter.tempered


@pytest.mark.parametrize("draw", [strobe, red, half, strobe_edit])
@pytest.mark.parametrize("rate", [12, 25, Fraction(30000, 1001), 60])
def test_at_most_three_flashes_a_second_are_left(draw, rate):
    if draw is strobe_edit and rate == 12:
        return  # two cuts a second
    before, after, tempered = limited(draw, rate, round(2.5 * rate))
    assert most_flashes(arrays(before), rate) > 3
    assert 1 <= most_flashes(arrays(after), rate) <= 3
    assert tempered == sum(one is not other for one, other in zip(before, after, strict=True)) > 0
    assert all(0 <= float(each.min()) <= float(each.max()) <= 1 for each in after)


@pytest.mark.parametrize("draw", [wall, corner, fade, hard_cut])
@pytest.mark.parametrize("rate", [12, 25, 60])
def test_what_is_calm_or_small_comes_back_itself(draw, rate):
    before, after, tempered = limited(draw, rate, 110)
    assert tempered == 0 and all(one is other for one, other in zip(before, after, strict=True))


def test_flashes_of_three_a_second_stay():
    def slow(number: int) -> np.ndarray:
        return np.full((HEIGHT, WIDTH, 3), 255 * (number // 5 % 2), np.uint8)

    assert most_flashes([slow(number) for number in range(100)], 30) == 3
    assert limited(slow, 30, 100)[2] == 0
    assert limited(slow, 60, 100)[2] > 0


def test_what_does_not_flash_is_left_beside_what_does():
    before, after, _ = limited(half)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one[..., WIDTH * 3 // 4 :], other[..., WIDTH * 3 // 4 :])


def test_a_bright_flicker_is_no_flash():
    def bright(number: int) -> np.ndarray:
        return np.full((HEIGHT, WIDTH, 3), 255 if number % 2 else 240, np.uint8)  # luminance 0.87 and 1

    assert limited(bright)[2] == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=20, max_size=60), st.sampled_from([12, 25, 30]))
def test_no_sequence_of_greys_passes(levels, rate):
    _, after, _ = limited(lambda number: np.full((24, 32, 3), levels[number], np.uint8), rate, len(levels))
    assert most_flashes(arrays(after), rate) <= 3


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (90, 2), (33, 47), (360, 203)])
def test_pictures_of_any_size_are_limited(size):
    limiter = FlashLimiter(25)
    for number in range(20):
        assert limiter.limit(torch.full((1, 3, *size), float(number % 2))).shape == (1, 3, *size)
    assert limiter.tempered


@pytest.mark.parametrize("draw", [strobe, half, strobe_edit])
def test_a_limiter_that_is_restored_goes_on_to_the_bit(draw):
    pictures = tensors(draw, 60)
    for at in (3, 20, 41):
        limiter, other = FlashLimiter(25), FlashLimiter(25)
        for picture in pictures[:at]:
            limiter.limit(picture)
        other.restore(*limiter.state())
        assert all(torch.equal(limiter.limit(each), other.limit(each)) for each in pictures[at:])
        assert limiter.tempered == other.tempered


def test_the_count_begins_afresh_at_a_cut_after_a_second():
    pictures = tensors(strobe, 60)
    whole, alone = FlashLimiter(25), FlashLimiter(25)
    # Three short shots go with the one before; the last shot comes after a second.
    cuts = {0, 5, 9, 13, 40}
    after = [whole.limit(each, begins_shot=number in cuts) for number, each in enumerate(pictures)]
    assert all(torch.equal(alone.limit(pictures[n], begins_shot=n == 40), after[n]) for n in range(40, 60))
    assert whole.tempered > alone.tempered > 0
    shots = [Shot(0, 5), Shot(5, 4), Shot(9, 4), Shot(13, 27), Shot(40, 20)]
    assert stretches(shots, 25) == [Shot(0, 40), Shot(40, 20)]


def test_units_of_a_cluster_begin_where_the_count_does():
    lengths = [30, 10, 300, 5, 5, 40, 30, 10, 12]
    shots = [Shot(sum(lengths[:number]), frames) for number, frames in enumerate(lengths)]
    starts = {each.first for each in stretches(shots, 25)}
    for chunk_seconds in (0, 4):
        units = units_of(shots, Fraction(25), chunk_seconds, keeps_count=True)
        assert units[0].first == 0 and units[-1].end == sum(lengths)
        assert all(before.end == after.first for before, after in pairwise(units))
        whole = [unit for before, unit in zip([None, *units], units, strict=False)
                 if unit.kind == "shots" and before is not None]  # fmt: skip
        assert whole and all(unit.first in starts for unit in whole)


@pytest.fixture
def make(tiny_net):
    return lambda preset: Dreamer(preset, net=tiny_net)


def film_of(tmp_path: Path, draw: Draw, frames: int = 50, rate: object = 25) -> Path:
    return make_clip(tmp_path / "in.mkv", frames, "-c:v", "ffv1", "-pix_fmt", "bgr0", rate=rate, draw=draw)


@pytest.mark.parametrize("draw", [strobe, red, half, strobe_edit])
def test_a_written_film_flashes_at_most_three_times_a_second(tmp_path, make, draw):
    clip = film_of(tmp_path, draw)
    left = dream(clip, tmp_path / "left.mp4", preset=FAINT, make_dreamer=make, flash_limit=False)
    made = dream(clip, tmp_path / "out.mp4", preset=FAINT, make_dreamer=make)
    assert most_flashes(read(left.path), 25) > 3 and not left.warnings
    assert most_flashes(read(made.path), 25) <= 3
    assert "flashed more than three times a second" in made.warning and "flash_limit=False" in made.warning


@pytest.mark.parametrize("draw", [wall, corner, fade, hard_cut])
def test_a_calm_film_is_the_same_to_the_bit(tmp_path, make, draw):
    clip = film_of(tmp_path, draw)
    dream(clip, tmp_path / "left.mp4", preset=FAINT, make_dreamer=make, flash_limit=False)
    made = dream(clip, tmp_path / "out.mp4", preset=FAINT, make_dreamer=make)
    assert hashes(made.path) == hashes(tmp_path / "left.mp4") and not made.warnings


class StopsAt(Progress):
    def __init__(self, frames: int) -> None:
        self.frames = frames

    def frame(self, picture: Tensor, frames: int) -> None:
        if frames == self.frames:
            raise KeyboardInterrupt


@pytest.mark.parametrize("loop", [None, "boomerang"])
@pytest.mark.parametrize("stop", [2, 17, 31])
def test_a_film_that_is_resumed_is_tempered_as_in_one_run(tmp_path, make, monkeypatch, stop, loop):
    monkeypatch.setattr(state_saver, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(segments, "_SEGMENT_SECONDS", 3 / 25)
    clip = film_of(tmp_path, half, 40)
    given = {"preset": FAINT, "make_dreamer": make, "loop": loop}
    whole = dream(clip, tmp_path / "whole.mkv", **given)
    begun = dream(clip, tmp_path / "out.mkv", progress=StopsAt(stop), **given)
    assert not begun.finished
    with pytest.raises(TargetError, match="flash limit was true"):
        dream(clip, tmp_path / "out.mkv", resume=True, flash_limit=False, **given)
    made = dream(clip, tmp_path / "out.mkv", resume=True, **given)
    assert hashes(made.path) == hashes(whole.path)
    assert made.warnings == whole.warnings and made.warnings


def test_shares_of_shots_are_tempered_as_in_one_run(tmp_path, make):
    def shots(number: int) -> np.ndarray:
        """A calm shot, a strobe edit, and after a long shot one in which half flashes."""
        if number < 30:
            return wall(number)
        if number < 60:
            return strobe_edit(number)
        if number < 90:
            return 255 - wall(number)
        return np.roll(half(number), 40, 0)[:, ::-1].copy()

    clip = film_of(tmp_path, shots, 120)
    with FrameReader(clip) as reader:
        assert len(stretches(find_shots(reader, FAINT), 25)) > 1
    whole = dream(clip, tmp_path / "whole.mkv", preset=FAINT, make_dreamer=make)
    for number in (2, 1, 3):
        made = dream(clip, tmp_path / "out.mkv", preset=FAINT, make_dreamer=make, shots=(number, 3))
    assert hashes(made.path) == hashes(whole.path)
    assert made.warnings == whole.warnings and made.warnings


def test_a_zoom_that_flashes_is_tempered(tmp_path, make, monkeypatch):
    from vidream.zoom.endless import Zoom

    def blink(zoom: Zoom) -> Iterator[Tensor]:
        return torch.full((1, 3, 36, 64), float(zoom.number % 2))

    monkeypatch.setattr(Zoom, "picture", property(blink))
    given = {"preset": FAINT, "make_dreamer": make, "seconds": 1.6, "size": (64, 36)}
    made = zoom_film(None, tmp_path / "zoom.mkv", **given)
    assert made.warnings and most_flashes(read(made.path), 25) <= 3
    left = zoom_film(None, tmp_path / "left.mkv", flash_limit=False, **given)
    assert not left.warnings and most_flashes(read(left.path), 25) > 3


@pytest.mark.parametrize("words", ["dream a.mp4", "zoom z.mp4", "watch in --out-dir out"])
def test_flashes_are_left_where_that_is_asked_for(words):
    assert not command_parser().parse_args(words.split()).allow_flashes
    assert command_parser().parse_args([*words.split(), "--allow-flashes"]).allow_flashes
