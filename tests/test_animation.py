from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import textured
from PIL import Image, ImageSequence
from torch import Tensor

from vidream.errors import TargetError
from vidream.media import FrameWriter


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
    paths = [written(tmp_path / f"{quality}.gif", film, quality=quality).path for quality in (40, 85, 100)]
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
