"""Around the poles of a 360-degree panorama motifs are as round as at its equator, and a carried dream stays."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from conftest import make_tiny_net
from torch import Tensor

from vidream.engine import directions
from vidream.engine.dreamer import Dreamer
from vidream.engine.polar_caps import caps_of
from vidream.looks.preset import Preset
from vidream.temporal.stream import Stream

HEIGHT, WIDTH = 128, 256
LOOK = Preset(octaves=2, first_steps=6, steps=2, jitter=8, layers={"block3": 1.0}, smoothing=1.0)
CPU = torch.device("cpu")


def directions_of(height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """The unit vector (x, y up, z) of every pixel of an equirectangular picture, [H,W,3]."""
    latitude = (0.5 - (torch.arange(height) + 0.5) / height) * math.pi
    longitude = ((torch.arange(width) + 0.5) / width - 0.5) * 2 * math.pi
    up, round_ = torch.meshgrid(latitude, longitude, indexing="ij")
    return torch.stack([up.cos() * round_.sin(), up.sin(), up.cos() * round_.cos()], -1)


def sphere_texture(seed: int = 0) -> Tensor:
    """Soft noise that is alike everywhere on the sphere, [1,3,H,W]."""
    generator = torch.Generator().manual_seed(seed)
    places, found = directions_of()[None, None], torch.zeros(1, 3, HEIGHT, WIDTH)
    for cells in (4, 8, 16):
        volume = torch.rand(1, 3, cells, cells, cells, generator=generator) - 0.5
        found += torch.nn.functional.grid_sample(volume, places, align_corners=True)[:, :, 0] * (4 / cells) ** 0.5
    return (0.5 + 0.3 * found).clamp(0, 1)


def pinch(change: Tensor) -> float:
    """How much faster a change varies round the poles than towards them, within 25 degrees: 1 is round."""
    side, reach = 200, math.radians(25)
    across = ((torch.arange(side) + 0.5) / side * 2 - 1) * reach
    x, y = torch.meshgrid(across, across, indexing="xy")
    radius, turn = torch.hypot(x, y), torch.atan2(x, y)
    rows = radius / math.pi * HEIGHT - 0.5
    columns = (turn / (2 * math.pi) * WIDTH) % WIDTH
    round_, towards = 0.0, 0.0
    for half in (change, change.flip(-2)):
        plane = np.pad(half[0].mean(0).numpy(), 2, mode="wrap")
        seen = cv2.remap(plane, (columns + 2).float().numpy(), (rows + 2).float().numpy(), cv2.INTER_CUBIC)
        down, right = np.gradient(cv2.GaussianBlur(seen, (0, 0), 1.5))
        inside = ((radius < reach) & (radius > math.radians(4))).numpy()
        cosine, sine = (x / radius).numpy(), (y / radius).numpy()
        towards += float(((right * cosine + down * sine) ** 2)[inside].mean())
        round_ += float(((down * cosine - right * sine) ** 2)[inside].mean())
    return round_ / towards


def dreamer(seed: int = 0) -> Dreamer:
    return Dreamer(LOOK, net=make_tiny_net(), seed=seed).wrapped("horizontal")


def unroundness(seeds=range(4)) -> float:
    """How far from round the change at the poles is, either way, in powers of e."""
    found = []
    for seed in seeds:
        picture = sphere_texture(seed)
        found.append(abs(math.log(pinch(dreamer(seed)(picture) - picture))))
    return float(np.mean(found))


def test_motifs_are_not_pinched_at_the_poles(monkeypatch):
    with_caps = unroundness()
    monkeypatch.setattr(directions, "caps_of", lambda *_: None)
    without = unroundness()
    assert with_caps < 0.4
    assert without > 3 * with_caps


def test_a_dream_is_about_as_strong_at_every_latitude():
    strengths = torch.zeros(HEIGHT)
    for seed in range(3):
        picture = sphere_texture(seed)
        strengths += (dreamer(seed)(picture) - picture).abs().mean((0, 1, 3))
    bands = [float(band.mean()) for band in strengths.split(HEIGHT // 8)]
    assert max(bands) < 1.6 * min(bands)


def test_what_caps_take_from_a_picture_comes_back_where_it_was():
    picture = sphere_texture()
    caps = caps_of(HEIGHT, WIDTH, CPU)
    for turn in (0, 37):
        turned = picture.roll(turn, -1)
        patches = caps.patches(turned, turn)
        first, end = caps.plain
        back = caps.merge(turned[..., first:end, :] - 0.5, patches - 0.5, turn) + 0.5
        # Their strengths are brought together where they meet, which moves a cap by a percent or so.
        assert float((back - turned).abs().mean()) < 0.01
        assert torch.allclose(patches, caps.patches(picture, 0), atol=1e-4)


def test_a_cap_shows_the_pole_as_a_viewer_sees_it():
    # A disc of five degrees about each pole is a band of rows in the picture, and a round spot in the middle of a cap.
    picture = (directions_of()[..., 1].abs() > math.cos(math.radians(20))).float().expand(1, 3, -1, -1)
    patches = caps_of(HEIGHT, WIDTH, CPU).patches(picture, 0)
    side = patches.shape[-1]
    ys, xs = torch.meshgrid(*[torch.arange(side) - (side - 1) / 2] * 2, indexing="ij")
    wanted = torch.hypot(xs, ys) < 20 / 180 * HEIGHT
    assert float((patches[:, 0] - wanted.float()).abs().mean()) < 0.02


@pytest.mark.parametrize("height, width", [(20, 40), (128, 200)])
def test_small_frames_and_other_shapes_have_no_caps(height, width):
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    assert dreamer()(picture).shape == picture.shape


def test_a_carried_dream_of_a_sphere_that_turns_stays():
    picture, stream = sphere_texture(), Stream(dreamer())
    shown = [stream.next(picture.roll(4 * number, -1)) for number in range(6)]
    assert stream.figures.cuts == 0
    # Turned back, one frame's dream is much like the next one's, at the poles as elsewhere.
    for rows in (slice(0, 24), slice(52, 76), slice(104, 128)):
        change = (shown[-1].roll(-4, -1) - shown[-2])[..., rows, :].abs().mean()
        strength = (shown[-1] - picture.roll(20, -1))[..., rows, :].abs().mean()
        assert float(change) < 0.35 * float(strength)
