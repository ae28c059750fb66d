from __future__ import annotations

import struct
import tracemalloc
import weakref
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import textured
from frames_helpers import index_of, numbered_frame
from PIL import Image, ImageSequence
from torch import Tensor

from vidream.errors import SourceError, TargetError
from vidream.media import Delivery, FrameReader, FrameWriter, from_array


def film_of(count: int, *, height: int = 90, width: int = 120) -> Tensor:
    """A texture that moves by 2 px a frame: [N,3,H,W] 0..1."""
    large = textured(height, width + 2 * count)
    return torch.cat([large[..., 2 * k : 2 * k + width] for k in range(count)])


def written(path: Path, film: Tensor, **settings: object) -> FrameWriter:
    with FrameWriter(path, rate=settings.pop("rate", 20), total_frames=len(film), **settings) as out:  # type: ignore[arg-type]
        for picture in film:
            out.write(picture[None])
    return out


def read(path: Path) -> Tensor:
    with Image.open(path) as image:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


def decibels(made: Tensor, wanted: Tensor) -> float:
    return float(-10 * torch.log10((made - wanted).square().mean()))


@pytest.mark.parametrize(("suffix", "least_decibels"), [(".gif", 28), (".webp", 26), (".apng", 46)])
def test_an_animation_holds_the_film_and_goes_on_for_ever(tmp_path, suffix, least_decibels):
    film = film_of(8)
    path = written(tmp_path / f"film{suffix}", film).path
    made = read(path)
    assert made.shape == film.shape
    assert decibels(made, film) > least_decibels
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        assert image.n_frames == 8
        image.seek(2)
        image.load()
        assert image.info["duration"] == pytest.approx(50)


def test_a_single_picture_into_webp_is_a_still(tmp_path):
    written(tmp_path / "one.webp", film_of(1))
    with Image.open(tmp_path / "one.webp") as image:
        assert getattr(image, "n_frames", 1) == 1


def test_what_does_not_change_takes_no_room_in_a_gif(tmp_path):
    moving, still = film_of(10), film_of(1).expand(10, -1, -1, -1)
    # A little noise, below what is seen, must not count as change.
    still = still + torch.randn(still.shape, generator=torch.Generator().manual_seed(0)) * 0.004
    sizes = [
        written(tmp_path / f"{name}.gif", film.clamp(0, 1)).path.stat().st_size
        for name, film in (("moving", moving), ("still", still))
    ]
    assert sizes[1] < 0.3 * sizes[0]


def test_every_scene_has_colours_of_its_own(tmp_path):
    reds = film_of(6) * torch.tensor([1.0, 0.15, 0.1]).view(1, 3, 1, 1)
    blues = film_of(6) * torch.tensor([0.1, 0.3, 1.0]).view(1, 3, 1, 1)
    apart = [decibels(read(written(tmp_path / f"{k}.gif", part).path), part) for k, part in enumerate((reds, blues))]
    both = torch.cat([reds, blues])
    made = read(written(tmp_path / "both.gif", both).path)
    assert decibels(made[:6], reds) > apart[0] - 0.3
    assert decibels(made[6:], blues) > apart[1] - 0.3


def test_more_quality_is_truer_and_larger(tmp_path):
    film = film_of(6)
    paths = [
        written(tmp_path / f"{quality}.gif", film, delivery=Delivery(quality=quality)).path for quality in (40, 85, 100)
    ]
    sizes = [path.stat().st_size for path in paths]
    truth = [decibels(read(path), film) for path in paths]
    assert sizes == sorted(sizes)
    assert truth == sorted(truth)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
@pytest.mark.parametrize("share", [0.9, 0.35, 0.06])
def test_a_size_limit_is_kept_and_what_was_chosen_is_said(tmp_path, suffix, share):
    film = film_of(10)
    free = written(tmp_path / f"free{suffix}", film).path.stat().st_size
    limit = int(free * share)
    out = written(tmp_path / f"film{suffix}", film, max_bytes=limit)
    size = out.path.stat().st_size
    assert 0.25 * limit < size <= limit
    assert f": {size / 1e3:.3g} kB: " in out.note
    assert "fps" in out.note
    assert len(read(out.path)) >= 2


def test_what_cannot_be_made_small_enough_is_one_line_and_leaves_nothing(tmp_path):
    with pytest.raises(TargetError, match=r'"a.gif" .* into 0.3 kB: at its smallest it has \d\.\d+ kB; allow more'):
        written(tmp_path / "a.gif", film_of(4), max_bytes=300)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TargetError, match=r'"a.mp4" has no size limit; only films into .gif'):
        written(tmp_path / "a.mp4", film_of(4), max_bytes=300)


KINDS = {".gif": "GIF", ".apng": "PNG", ".webp": "WEBP", ".avif": "AVIF"}


def save_animation(path: Path, delays_ms: list[float], *, kind: str | None = None) -> Path:
    """Frames that spell their number, each with its own delay, written by Pillow."""
    frames = [Image.fromarray(numbered_frame(number)) for number in range(len(delays_ms))]
    kind = kind or KINDS[path.suffix]
    options = {"lossless": True} if kind == "WEBP" else {"disposal": 1} if kind == "GIF" else {}
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=delays_ms, loop=0, **options)
    return path


def numbers(path: Path, **options: object) -> list[int]:
    with FrameReader(path, **options) as reader:
        return [index_of(picture) for picture in reader]


@pytest.mark.parametrize("suffix", KINDS)
def test_an_animated_picture_gives_all_its_frames_with_their_times(tmp_path, suffix):
    path = save_animation(tmp_path / f"a{suffix}", [40] * 12)
    with FrameReader(path) as reader:
        assert (reader.kind, reader.rate, reader.frame_count) == ("gif", 25, 12)
        assert (reader.has_alpha, reader.warning, reader.duration_seconds) == (False, None, 0.48)
        frames = list(reader.frames())
        assert [index_of(frame.picture) for frame in frames] == list(range(12))
        assert [frame.time_seconds for frame in frames] == [Fraction(number, 25) for number in range(12)]
        assert [index_of(frame.picture) for frame in reader.frames(7)] == [7, 8, 9, 10, 11]
    assert numbers(path, start_seconds=0.16, duration_seconds=0.12) == [4, 5, 6]
    assert numbers(path, fps=50) == [number // 2 for number in range(24)]
    assert numbers(path, fps=Fraction(25, 2)) == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("suffix", KINDS)
def test_the_last_frame_is_shown_for_its_own_delay(tmp_path, suffix):
    path = save_animation(tmp_path / f"hold{suffix}", [100] * 5 + [3000])
    with FrameReader(path) as reader:
        assert (reader.rate, reader.frame_count, reader.duration_seconds) == (10, 35, 3.5)
    assert numbers(path) == [0, 1, 2, 3, 4] + [5] * 30


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".webp"])
@pytest.mark.parametrize("delay_ms", [0, 10])
def test_a_delay_too_short_for_browsers_is_a_tenth_of_a_second(tmp_path, suffix, delay_ms):
    path = save_animation(tmp_path / f"fast{suffix}", [delay_ms] * 10)
    with FrameReader(path) as reader:
        assert (reader.rate, reader.frame_count) == (10, 10)
    assert numbers(path) == list(range(10))
    with FrameReader(save_animation(tmp_path / f"just{suffix}", [20] * 10)) as reader:
        assert (reader.rate, reader.frame_count) == (50, 10)


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize(
    "delays_ms",
    [[70, 30, 120, 200, 30, 500], [2000, 40, 40, 40, 40, 40], [40, 80, 40, 120, 40, 40], [30, 30, 40, 30, 30, 40]],
    ids=str,
)
def test_frames_of_different_delays_come_by_time_and_the_length_is_right(tmp_path, suffix, delays_ms):
    path = save_animation(tmp_path / f"a{suffix}", delays_ms)
    starts = np.cumsum([0, *delays_ms]) / 1000
    with FrameReader(path) as reader:
        assert abs(reader.duration_seconds - starts[-1]) <= 1 / reader.rate
        frames = list(reader.frames())
        assert len(frames) == reader.frame_count
        shown = [index_of(frame.picture) for frame in frames]
    assert set(shown) == set(range(len(delays_ms)))
    for frame, number in zip(frames, shown, strict=True):
        # On show then, or within an output frame of it.
        assert starts[number] - 1 / reader.rate <= frame.time_seconds <= starts[number + 1] + 0.001


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
@pytest.mark.parametrize("rate", [24, Fraction(30000, 1001), 50])
def test_an_animation_that_was_written_here_comes_back_with_its_frames(tmp_path, suffix, rate):
    film = torch.cat([from_array(numbered_frame(number)) for number in range(8)])
    path = written(tmp_path / f"film{suffix}", film, rate=Fraction(rate)).path
    assert numbers(path) == list(range(8))
    with FrameReader(path) as reader:
        # A GIF's delays are hundredths of a second.
        assert reader.duration_seconds == pytest.approx(8 / float(rate), abs=0.011 if suffix == ".gif" else 0.002)


@pytest.mark.parametrize(
    ("rate", "comes_out"), [(60, 60), (90, 90), (100, 50), (Fraction(120000, 1001), Fraction(60000, 1001)), (240, 80)]
)
@pytest.mark.parametrize("suffix", [".webp", ".apng", ".gif"])
def test_no_frame_is_too_short_for_browsers(tmp_path, suffix, rate, comes_out):
    film = torch.cat([from_array(numbered_frame(number)) for number in range(24)])
    path = written(tmp_path / f"film{suffix}", film, rate=Fraction(rate)).path
    with Image.open(path) as image:
        delays = []
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            delays.append(image.info["duration"])
    assert min(delays) > 10
    assert sum(delays) / 1000 == pytest.approx(24 / rate, abs=0.02)
    if suffix != ".gif":
        assert len(delays) == round(24 / rate * comes_out)
        step, shown = rate // comes_out, numbers(path)
        assert shown[0] < step and set(np.diff(shown)) == {step}


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_transparent_animation_keeps_its_alpha_or_says_what_stands_behind_it(tmp_path, kind):
    frames = []
    # Frames that are opaque wherever they are drawn make Pillow's WebP one without alpha.
    alpha = 200 if kind == "WEBP" else 255
    for left in (0, 16, 32):
        frame = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
        frame.paste((255, 0, 0, alpha), (left, 0, left + 16, 48))
        frames.append(frame)
    options = {"disposal": 1} if kind == "PNG" else {"disposal": 2} if kind == "GIF" else {"lossless": True}
    if kind == "PNG":
        options["blend"] = 0
    frames[0].save(tmp_path / "a", kind, save_all=True, append_images=frames[1:], duration=100, loop=0, **options)
    with FrameReader(tmp_path / "a") as reader:
        assert (reader.kind, reader.has_alpha, reader.frame_count) == ("gif", True, 3)
        for left, frame in zip((0, 16, 32), reader.frames(), strict=True):
            wanted = torch.zeros(48, 64)
            wanted[:, left : left + 16] = alpha / 255
            assert torch.allclose(frame.alpha[0, 0], wanted, atol=1e-6)
            assert torch.allclose(frame.picture[0, 0], wanted, atol=1e-6) and frame.picture[0, 1:].max() == 0
        assert reader.warning is None
        for name, keeps in (
            ("a.mp4", False), ("a.gif", False), ("a.webp", True), ("a.apng", True), ("%02d.jpg", False),
            ("%02d.png", True), ("%02d.webp", True), ("%02d.tif", True),
        ):  # fmt: skip
            with FrameWriter(tmp_path / name, like=reader) as out:
                for frame in reader.frames():
                    out.write(frame)
            said = [warning for warning in out.warnings if "what is transparent stands over black" in warning]
            assert len(said) == (0 if keeps else 1), name


def test_the_picture_before_an_apng_that_is_no_part_of_it_is_left_out(tmp_path):
    frames = [Image.fromarray(numbered_frame(number)) for number in (99, 0, 1, 2)]
    frames[0].save(
        tmp_path / "a.png", save_all=True, append_images=frames[1:], default_image=True, duration=[40, 40, 40]
    )
    assert numbers(tmp_path / "a.png") == [0, 1, 2]


def test_a_gif_of_one_frame_is_one_frame_and_a_webp_of_one_a_picture(tmp_path):
    image = Image.fromarray(numbered_frame(7))
    image.save(tmp_path / "a.gif")
    image.save(tmp_path / "a.webp")
    for name, kind in (("a.gif", "gif"), ("a.webp", "picture")):
        with FrameReader(tmp_path / name) as reader:
            assert (reader.kind, reader.frame_count) == (kind, 1)
            assert [index_of(picture) for picture in reader] == [7]


@pytest.mark.parametrize("suffix", KINDS)
def test_an_animation_that_is_cut_off_gives_what_it_has_or_one_line(tmp_path, suffix):
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)) for _ in range(10)]
    path = tmp_path / f"a{suffix}"
    frames[0].save(path, KINDS[suffix], save_all=True, append_images=frames[1:], duration=100)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    try:
        with FrameReader(path) as reader:
            count = len(list(reader))
            warning = reader.warning
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert 2 <= count <= 10 and "damaged" in warning and "\n" not in warning


def test_a_frame_that_is_held_for_hours_needs_no_object_for_each_frame_that_comes_out(tmp_path):
    path = save_animation(tmp_path / "a.webp", [20] * 5 + [16_000_000])
    tracemalloc.start()
    try:
        with FrameReader(path) as reader:
            assert (reader.rate, reader.frame_count) == (50, 800_005)
            assert index_of(next(reader.frames(800_000)).picture) == 5
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A few arrays of eight bytes a frame; exact fractions would take ten times as much.
    assert peak_bytes < 80e6


@pytest.mark.parametrize("suffix", [".webp", ".apng"])
def test_a_turned_animation_stands_upright(tmp_path, suffix):
    corner = np.zeros((32, 48, 3), np.uint8)
    corner[:16, :24], corner[16:, :24] = (255, 0, 0), (0, 255, 0)
    frames = [Image.fromarray(corner), Image.fromarray(255 - corner)]
    exif = frames[0].getexif()
    exif[274] = 6
    path = tmp_path / f"a{suffix}"
    frames[0].save(
        path, KINDS[suffix], save_all=True, append_images=frames[1:], duration=100, exif=exif,
        **({"lossless": True} if suffix == ".webp" else {}),
    )  # fmt: skip
    with FrameReader(path) as reader:
        assert (reader.width, reader.height) == (32, 48)
        upright = np.ascontiguousarray(np.rot90(corner, -1))
        for picture, wanted in zip(reader, (upright, 255 - upright), strict=True):
            assert torch.equal(picture, from_array(wanted))


def test_an_apng_of_16_gray_bits_keeps_its_shades(tmp_path):
    shades = (10_000, 30_000, 50_000)
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))  # noqa: E731
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 48, 16, 0, 0, 0, 0))
    data += chunk(b"acTL", struct.pack(">II", len(shades), 0))
    for number, shade in enumerate(shades):
        pixels = zlib.compress((b"\0" + struct.pack(">H", shade) * 64) * 48)
        order = max(0, 2 * number - 1)
        data += chunk(b"fcTL", struct.pack(">IIIIIHHBB", order, 64, 48, 0, 0, 1, 10, 0, 0))
        data += chunk(b"fdAT", struct.pack(">I", order + 1) + pixels) if number else chunk(b"IDAT", pixels)
    (tmp_path / "a.png").write_bytes(data + chunk(b"IEND", b""))
    with FrameReader(tmp_path / "a.png") as reader:
        seen = [float(picture.mean()) * 65535 for picture in reader]
    assert seen == pytest.approx(shades, abs=256)


def test_many_frames_take_no_more_memory_than_few(tmp_path):
    image = [Image.fromarray(np.full((240, 320, 3), level, np.uint8)) for level in range(0, 240, 3)]
    image[0].save(tmp_path / "a.webp", save_all=True, append_images=image[1:], duration=100, lossless=True)
    with FrameReader(tmp_path / "a.webp") as reader:
        alive = 0
        frames = reader.frames()
        pictures = [weakref.ref(next(frames).picture) for _ in range(40)]
        alive = sum(reference() is not None for reference in pictures)
    assert alive <= 2
