"""One gradient step: jitter, tiles, normalisation.

`Score` is any function from a picture [B,3,H,W], and others tiled as it is, to a scalar; nothing here knows networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from vidream.runtime.constants import constant

__all__ = [
    "evened",
    "gaussian_blur",
    "gradient",
    "laplacian_merge",
    "laplacian_split",
    "naturalised",
    "normalise",
    "on_colour_axes",
    "random_roll",
]

Score = Callable[..., Tensor]

# Square root of the covariance of colours in natural pictures, scaled to a largest column of 1, and
# its square: the axes are brightness, blue-yellow, green-red, each as strong as in photographs
# (values as published with lucid, Olah et al. 2017).
_COLOUR_ROOT = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
_COLOUR_AXES = tuple((_COLOUR_ROOT @ _COLOUR_ROOT.T / _COLOUR_ROOT.norm(dim=0).max() ** 2).flatten().tolist())
# How far `evened` looks round, about the size of a motif, and the share of the mean energy that counts as nothing.
EVEN_PX, EVEN_FLOOR = 32, 0.02
# Rings of frequency, and how far the power in each is brought to that of photographs.
RINGS, SPECTRUM_SHARE = 30, 0.75
_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def gradient(
    score: Score, picture: Tensor, *aligned: Tensor, stride: int = 16, tile: int | None = None, margin: int = 32
) -> Tensor:
    """Gradient of `score` at a picture.

    The picture is taken as a torus: it continues at its other side wherever a network asks for more, since a caller
    that rolls it by a random jitter has already joined those sides.

    Args:
        score: what is differentiated.
        picture: [B,3,H,W].
        aligned: pictures of the same size that `score` takes after the first, tiled as that one is.
        stride: sides are filled up to multiples of it, px, or the last rows would get no gradient.
        tile: largest side worked on at once, px, which bounds memory whatever the picture's size.
        margin: px that a tile sees around itself; only its inside is kept.

    Returns:
        [B,3,H,W].
    """
    height, width = picture.shape[-2:]
    if tile is None or max(height, width) <= tile:
        fill = (0, _filled(width, stride) - width, 0, _filled(height, stride) - height)
        x = picture.detach().requires_grad_()
        pieces = [F.pad(each, fill, mode="circular") if any(fill) else each for each in (x, *aligned)]
        (found,) = torch.autograd.grad(score(*pieces), x)
        return found
    found = torch.empty_like(picture)
    row_spans, column_spans = list(_spans(height, tile, stride)), list(_spans(width, tile, stride))
    for top, bottom, rows in row_spans:
        row_index = torch.arange(top - margin, top + rows + margin, device=picture.device) % height
        for left, right, columns in column_spans:
            column_index = torch.arange(left - margin, left + columns + margin, device=picture.device) % width
            x, *others = (each[..., row_index, :][..., column_index] for each in (picture, *aligned))
            x = x.detach().requires_grad_()
            (piece,) = torch.autograd.grad(score(x, *others), x)
            inside = piece[..., margin : margin + bottom - top, margin : margin + right - left]
            found[..., top:bottom, left:right] = inside
    return found


def random_roll(height: int, width: int, jitter: int, generator: torch.Generator) -> tuple[int, int]:
    """A random (rows, columns) roll of at most `jitter` px either way (never above half a side)."""
    reach = (min(jitter, height // 2), min(jitter, width // 2))
    drawn = [int(torch.randint(-limit, limit + 1, (1,), generator=generator)) for limit in reach]
    return drawn[0], drawn[1]


def normalise(found: Tensor, how: str, *, levels: int = 4) -> Tensor:
    """Bring a gradient [B,3,H,W] to a mean absolute value of 1.

    The mean of each channel is taken out: a step must not brighten, darken or tint a picture as a whole, which under
    feedback would add up over the frames.

    Args:
        found: the gradient.
        how: "mean-abs" (google/deepdream); "std" (unit deviation, then as the others); "laplacian" (every band of a
            pyramid to unit RMS first, TensorFlow's DeepDream tutorial); "spectrum" (see `naturalised`).
        levels: bands of the pyramid.

    Raises:
        ValueError: `how` is none of these.
    """
    if how == "laplacian":
        bands = laplacian_split(found, levels)
        found = laplacian_merge([band / _rms(band).clamp(min=1e-10) for band in bands])
    elif how == "spectrum":
        found = naturalised(found)
    elif how == "std":
        found = found / _rms(found).clamp(min=1e-10)
    elif how != "mean-abs":
        raise ValueError(f"normalise cannot be {how!r}; allowed: mean-abs, std, laplacian, spectrum")
    found = found - found.mean(dim=(-2, -1), keepdim=True)
    return found.div_(found.abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-10))


def naturalised(found: Tensor) -> Tensor:
    """A gradient [B,3,H,W] whose power falls with frequency nearly as in photographs: 1/f^2 (Field 1987).

    A network that was not trained robustly asks for fine noise first, which hides whole figures. Its power in each ring
    of frequencies is brought most of the way to a photograph's; phases stay. After MACO (Fel et al. 2023,
    arXiv:2306.06805), which holds the magnitudes of the picture itself.
    """
    height, width = found.shape[-2:]
    rings, wanted = _rings(height, width, found.device)
    waves = torch.fft.rfft2(found)
    power = waves.abs().square().mean(1)
    mean = found.new_zeros(len(found), RINGS).index_add_(1, rings.flatten(), power.flatten(1))
    gain = (wanted / mean.clamp(min=1e-30)) ** (0.5 * SPECTRUM_SHARE)
    return torch.fft.irfft2(waves * gain[:, rings].unsqueeze(1), s=(height, width))


@lru_cache(maxsize=64)
def _rings(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The ring of every frequency of a real transform, and the power of 1/f^2 in every ring."""
    down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    radius = (down.square() + across.square()).sqrt().clamp(min=1 / max(height, width))
    rings = (radius * RINGS / 0.75).long().clamp(max=RINGS - 1)
    wanted = torch.zeros(RINGS).index_add_(0, rings.flatten(), radius.flatten() ** -2)
    return rings.to(device), wanted.to(device)


def evened(found: Tensor, share: float) -> Tensor:
    """Bring a gradient [B,3,H,W] nearer to one strength everywhere.

    A plain gradient is strongest where a motif already stands, and sky and walls stay empty. Divides by the RMS around
    each place (some EVEN_PX px wide), to the power of `share`; what is next to nothing stays small.

    Args:
        found: the gradient.
        share: 0 leaves it as it is, 1 evens it fully.
    """
    if share <= 0:
        return found
    energy = found.square().mean(1, keepdim=True)
    cell = max(1, min(EVEN_PX // 4, min(found.shape[-2:]) // 4))
    local = _blur(F.avg_pool2d(energy, cell, ceil_mode=True, count_include_pad=False), stride=1)
    local = F.interpolate(local, found.shape[-2:], mode="bilinear", align_corners=False)
    mean = energy.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-20)
    return found * ((local + EVEN_FLOOR * mean) / mean) ** (-0.5 * share)


def laplacian_split(image: Tensor, levels: int) -> list[Tensor]:
    """`levels` bands of a Laplacian pyramid, fine to coarse, and the low-pass rest.

    Burt and Adelson 1983. Stops early where a side falls under 8 px.
    """
    bands = []
    for _ in range(levels):
        if min(image.shape[-2:]) < 8:
            break
        low = _blur(image, stride=2)
        bands.append(image - _double(low, image))
        image = low
    return [*bands, image]


def laplacian_merge(bands: list[Tensor]) -> Tensor:
    """The image [B,C,H,W] whose `laplacian_split` gave `bands`."""
    image = bands[-1]
    for band in reversed(bands[:-1]):
        image = band + _double(image, band)
    return image


def gaussian_blur(image: Tensor, sigma_px: float) -> Tensor:
    """`image` [B,C,H,W] under a Gaussian of `sigma_px`; 0 changes nothing. Borders are reflected."""
    if sigma_px <= 0:
        return image
    radius = min(max(1, math.ceil(3 * sigma_px)), min(image.shape[-2:]) - 1)
    weights = [math.exp(-0.5 * (offset / sigma_px) ** 2) for offset in range(-radius, radius + 1)]
    weights = [weight / sum(weights) for weight in weights]
    if image.device.type != "cpu":
        return _separable(image, constant(tuple(weights), image.device, image.dtype), radius, 1)
    # Three channels are too few for a grouped convolution on the CPU: sums of shifted pictures take a fifth of it.
    image = F.pad(image, (radius,) * 4, mode="reflect")
    for dim in (-2, -1):
        length = image.shape[dim] - 2 * radius
        shifted = [image.narrow(dim, offset, length) for offset in range(2 * radius + 1)]
        image = shifted[radius] * weights[radius]
        for offset in range(radius):
            image.add_(shifted[offset] + shifted[2 * radius - offset], alpha=weights[offset])
    return image


def on_colour_axes(found: Tensor, share: float) -> Tensor:
    """Move `share` (0..1) of a gradient [B,3,H,W] onto the colour axes of natural pictures.

    Rainbow fringes fade, light and shade stay. Source: decorrelated colour, Olah et al. 2017.
    """
    if share <= 0:
        return found
    axes = constant(_COLOUR_AXES, found.device, found.dtype).view(3, 3)
    natural = (axes @ found.flatten(2)).view_as(found)
    own = found * ((1 - share) / _rms(found).clamp(min=1e-10))
    return own.addcmul_(natural, share / _rms(natural).clamp(min=1e-10))


def _rms(values: Tensor) -> Tensor:
    return values.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()


def _filled(side: int, stride: int) -> int:
    return -(-side // stride) * stride


def _spans(side: int, tile: int, stride: int) -> Iterator[tuple[int, int, int]]:
    """(start, end, read length) of tiles that share `side` evenly.

    All are read at one length: tiles of different sizes would weigh their gradients differently,
    and a seam would show between them.
    """
    count = -(-side // tile)
    length = _filled(-(-side // count), stride)
    for start in range(0, side, length):
        yield start, min(start + length, side), length


def _blur(image: Tensor, *, stride: int) -> Tensor:
    return _separable(image, constant(_BINOMIAL, image.device, image.dtype), 2, stride)


def _separable(image: Tensor, kernel: Tensor, radius: int, stride: int) -> Tensor:
    channels, taps = image.shape[1], kernel.numel()
    image = F.pad(image, (radius,) * 4, mode="reflect")
    image = F.conv2d(
        image, kernel.view(1, 1, 1, taps).expand(channels, 1, 1, taps), stride=(1, stride), groups=channels
    )
    return F.conv2d(image, kernel.view(1, 1, taps, 1).expand(channels, 1, taps, 1), stride=(stride, 1), groups=channels)


def _double(low: Tensor, like: Tensor) -> Tensor:
    # The transpose of the blur: both put samples on even pixels. Bilinear resizing would not, and
    # its half-pixel shift leaks between the bands.
    channels, (height, width) = low.shape[1], like.shape[-2:]
    taps = constant(_BINOMIAL, low.device, low.dtype)
    kernel = 4 * torch.outer(taps, taps).expand(channels, 1, 5, 5)
    spare = (height - 2 * low.shape[-2] + 1, width - 2 * low.shape[-1] + 1)
    low = F.pad(low, (1, 1, 1, 1), mode="replicate")
    return F.conv_transpose2d(low, kernel, stride=2, padding=4, output_padding=spare, groups=channels)
