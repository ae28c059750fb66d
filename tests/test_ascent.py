from __future__ import annotations

import pytest
import torch
from conftest import textured

from vidream.engine.gradient import (
    gaussian_blur,
    gradient,
    laplacian_merge,
    laplacian_split,
    naturalised,
    normalise,
    on_colour_axes,
    random_roll,
)
from vidream.objectives import layer


def score_of(net, name="block2"):
    objective = layer(name)
    return lambda picture: objective(net.features(picture, objective.layers))


@pytest.mark.parametrize("size", [(64, 64), (61, 83), (17, 40)])
@pytest.mark.parametrize("levels", [1, 3, 5])
def test_laplacian_pyramid_rebuilds_what_it_split(size, levels):
    image = textured(*size)
    bands = laplacian_split(image, levels)
    assert torch.allclose(laplacian_merge(bands), image, atol=1e-6)


def test_laplacian_bands_hold_their_own_frequencies():
    xs = torch.arange(128.0)
    fine = torch.sin(xs * torch.pi * 0.9).view(1, 1, 1, 128).expand(1, 3, 128, 128)
    coarse = torch.sin(xs * torch.pi / 32).view(1, 1, 1, 128).expand(1, 3, 128, 128)
    for image, biggest in ((fine, 0), (coarse, 4)):
        energy = [float(band.square().mean()) for band in laplacian_split(image, 4)]
        assert max(range(5), key=energy.__getitem__) == biggest


def test_laplacian_normalisation_gives_every_band_the_same_weight():
    found = textured(128, 128) - 0.5
    bands = laplacian_split(normalise(found, "laplacian", levels=3), 3)
    energy = [float(band.square().mean().sqrt()) for band in bands]
    assert max(energy) < 2.5 * min(energy)


@pytest.mark.parametrize("how", ["mean-abs", "std", "laplacian", "spectrum"])
def test_a_normalised_gradient_has_unit_size_and_no_tint(how):
    found = normalise(torch.randn(2, 3, 40, 56) * 1e-4 + 3e-5, how)
    assert torch.allclose(found.abs().mean(dim=(1, 2, 3)), torch.ones(2), atol=1e-5)
    assert float(found.mean(dim=(-2, -1)).abs().max()) < 1e-5


def test_a_zero_gradient_stays_zero():
    for how in ("laplacian", "spectrum"):
        assert not normalise(torch.zeros(1, 3, 32, 32), how).isnan().any()


def test_normalise_refuses_an_unknown_way():
    with pytest.raises(ValueError, match="allowed: mean-abs"):
        normalise(torch.zeros(1, 3, 8, 8), "max")


def test_gradient_agrees_with_finite_differences(tiny_net):
    score, picture = score_of(tiny_net), textured(16, 16).to(tiny_net.device)
    found = gradient(score, picture, stride=4)
    direction = torch.randn(picture.shape, generator=torch.Generator().manual_seed(1)).to(picture)
    by_difference = (score(picture + 1e-2 * direction) - score(picture - 1e-2 * direction)) / 2e-2
    assert float((found * direction).sum()) == pytest.approx(float(by_difference), rel=2e-2)


@pytest.mark.parametrize("size", [(96, 128), (90, 121)])
def test_tiled_gradient_equals_the_whole_gradient(tiny_net, size):
    picture = textured(*size).to(tiny_net.device)
    score = score_of(tiny_net)
    whole = gradient(score, picture, stride=4)
    tiled = gradient(score, picture, stride=4, tile=48, margin=16)
    # The outer border differs: whole pictures end there, tiles look round it to the other side.
    inside = (..., slice(16, -16), slice(16, -16))
    whole, tiled = whole[inside], tiled[inside]
    # A mean over a tile's fewer positions weighs each one more; the seams must not show beyond that.
    tiled = tiled * float((whole * tiled).sum() / tiled.square().sum())
    assert torch.allclose(tiled, whole, atol=1e-3 * float(whole.abs().max()))


def test_gradient_reaches_the_last_row_and_column_of_odd_sizes(tiny_net):
    found = gradient(score_of(tiny_net), textured(33, 47).to(tiny_net.device), stride=4)
    assert float(found[..., -1, :].abs().mean()) > 0
    assert float(found[..., -1].abs().mean()) > 0


def test_rolls_are_seeded_and_stay_within_the_jitter():
    draws = [random_roll(100, 20, 32, torch.Generator().manual_seed(seed)) for seed in range(200)]
    assert draws[3] == random_roll(100, 20, 32, torch.Generator().manual_seed(3))
    assert {abs(rows) <= 32 and abs(columns) <= 10 for rows, columns in draws} == {True}
    assert len(set(draws)) > 150


def test_blur_keeps_the_mean_and_takes_away_the_grain():
    noise = torch.rand(1, 3, 60, 60, generator=torch.Generator().manual_seed(0))
    soft = gaussian_blur(noise, 2.0)
    assert float(soft.mean()) == pytest.approx(float(noise.mean()), abs=5e-3)
    assert float(soft.std()) < 0.25 * float(noise.std())
    assert gaussian_blur(noise, 0) is noise


def test_colour_axes_turn_rainbows_towards_light_and_shade():
    rainbow = torch.randn(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))

    def greyness(image):
        return float(image.mean(1).square().mean() / image.square().mean())

    assert greyness(on_colour_axes(rainbow, 1.0)) > 2 * greyness(rainbow)
    assert torch.equal(on_colour_axes(rainbow, 0.0), rainbow)


def test_a_naturalised_gradient_has_nearly_the_spectrum_of_a_photograph_and_its_own_phases():
    noise = torch.randn(2, 3, 96, 128, generator=torch.Generator().manual_seed(0))
    found = naturalised(noise)
    before, after = torch.fft.rfft2(noise), torch.fft.rfft2(found)
    turned = (after / before)[..., 1:, 1:-1]
    assert float(turned.imag.abs().max()) < 1e-2 * float(turned.real.abs().max()) and float(turned.real.min()) > 0
    # From an eighth to a half of a cycle a pixel 1/f^2 falls to a sixteenth; three quarters of the way, to an eighth.
    power = after.abs().square().mean((0, 1))[0]
    low, high = float(power[14:19].mean()), float(power[60:64].mean())
    assert 0.5 < (high / low) / 0.125 < 2
