"""Pigments and brushes: 1/f noise, light, layers and film. Everything is linear-light float32 RGB."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Rng = np.random.Generator


def frequencies(size: int) -> Array:
    """Cycles a side of each coefficient of `np.fft.rfft2` on a square of `size` pixels."""
    down, across = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    return (np.hypot(down, across) * size).astype(np.float32)


def shaped_noise(size: int, weight: Array, rng: Rng) -> Array:
    """Tileable noise of mean 0 and deviation 1, its spectrum shaped by `weight`."""
    spectrum = np.fft.rfft2(rng.standard_normal((size, size), dtype=np.float32))
    noise = np.fft.irfft2(spectrum * weight, s=(size, size)).astype(np.float32)
    return (noise - noise.mean()) / noise.std()


def fractal(size: int, rng: Rng, *, slope: float = 1.6, lowest: float = 2.0) -> Array:
    """Tileable noise with an amplitude of 1 / f^slope above `lowest` cycles a side."""
    frequency = frequencies(size)
    return shaped_noise(size, np.where(frequency > 0, 1 / np.maximum(frequency, lowest) ** slope, 0), rng)


def octave(size: int, cycles: float, rng: Rng) -> Array:
    """Tileable noise of one octave around `cycles` a side."""
    frequency = np.maximum(frequencies(size), 1e-3)
    return shaped_noise(size, np.exp(-((np.log2(frequency / cycles) / 0.55) ** 2)), rng)


def sample(image: Array, x: Array, y: Array, *, wrap: bool = True) -> Array:
    """`image` read at pixel positions (x, y), bilinear; a tile repeats, a map holds its border."""
    x, y = np.broadcast_arrays(x, y)
    if wrap:
        # cv2.remap keeps 16-bit coordinates, so whole turns come off first; the pad closes the seam.
        height, width = image.shape[:2]
        image = cv2.copyMakeBorder(image, 0, 1, 0, 1, cv2.BORDER_WRAP)
        x, y = np.mod(x, width), np.mod(y, height)
    return cv2.remap(
        image, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def blur(image: Array, sigma_px: float) -> Array:
    return image if sigma_px < 0.3 else cv2.GaussianBlur(image, (0, 0), sigma_px)


def smoothstep(low: float, high: float, value: Array) -> Array:
    share = np.clip((value - low) / (high - low), 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def mix(below: Array, above: Array, share: Array | float) -> Array:
    """From `below` to `above`; a two-dimensional `share` serves all channels."""
    if np.ndim(share) == 2 and max(np.ndim(below), np.ndim(above)) != 2:
        share = share[..., None]
    return below + (above - below) * share


def rgb(red: float, green: float, blue: float) -> Array:
    return np.array([red, green, blue], np.float32)


def relief(height: Array, sun: Array) -> Array:
    """Lambert's cosine on a height map (in pixels) under the light from `sun` (x right, y down, z up)."""
    down, across = np.gradient(height)
    length = np.sqrt(down**2 + across**2 + 1)
    return np.clip((-across * sun[0] - down * sun[1] + sun[2]) / length, 0, None).astype(np.float32)


def lay(canvas: Array, sprite: Array, matrix: Array, *, sigma_px: float = 0, smear_px: float = 0) -> None:
    """Lay a premultiplied RGBA `sprite` over `canvas` in place, moved by a 3x3 `matrix`, out of focus or
    smeared sideways by a moving camera. Only the box that it covers is touched."""
    height, width = sprite.shape[:2]
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
    moved = cv2.perspectiveTransform(corners, matrix.astype(np.float32))[0]
    margin = int(3 * sigma_px + smear_px) + 2
    x0, y0 = np.maximum(np.floor(moved.min(0)).astype(int) - margin, 0)
    x1, y1 = np.minimum(np.ceil(moved.max(0)).astype(int) + margin, canvas.shape[1::-1])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    shift = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]], np.float64)
    # The box is painted with its margin, so that a blur does not see the edge of the picture as an edge.
    shift[:2, 2] += margin
    box = (int(x1 - x0) + 2 * margin, int(y1 - y0) + 2 * margin)
    layer = cv2.warpPerspective(sprite, shift @ matrix, box, flags=cv2.INTER_LINEAR)
    if smear_px > 1:
        layer = cv2.blur(layer, (int(smear_px) | 1, 1))
    layer = blur(layer, sigma_px)[margin:-margin, margin:-margin]
    part = canvas[y0:y1, x0:x1]
    part *= 1 - layer[..., 3:]
    part += layer[..., :3]


def placed(scale: float, x: float, y: float, anchor: tuple[float, float], turn: float = 0) -> Array:
    """The matrix that scales and turns a sprite about its `anchor` pixel and puts that at (x, y)."""
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    left = x - cosine * anchor[0] + sine * anchor[1]
    top = y - sine * anchor[0] - cosine * anchor[1]
    return np.array([[cosine, -sine, left], [sine, cosine, top], [0, 0, 1]], np.float64)


def develop(light: Array, *, exposure: float = 1.0) -> NDArray[np.uint8]:
    """Film: linear light at twice the size -> 8-bit RGB. A soft shoulder, cool shadows, a gentle vignette."""
    height, width = light.shape[:2]
    small = cv2.resize(light, (width // 2, height // 2), interpolation=cv2.INTER_AREA) * exposure
    glow = blur(np.clip(small - 0.7, 0, 2), width / 80)
    small = small + 0.12 * glow
    y, x = np.mgrid[-1 : 1 : small.shape[0] * 1j, -1 : 1 : small.shape[1] * 1j]
    small = small * (1 - 0.16 * (x**2 + y**2))[..., None]
    # Narkowicz's fit of the ACES curve (2015), then the sRGB transfer.
    film = np.clip(small * (2.51 * small + 0.03) / (small * (2.43 * small + 0.59) + 0.14), 0, 1)
    film = mix(film, film * film * (3 - 2 * film), 0.35)
    film = np.where(film < 0.0031308, 12.92 * film, 1.055 * np.maximum(film, 1e-6) ** (1 / 2.4) - 0.055)
    film = film * (1 - rgb(0.02, 0.018, 0.01)) + rgb(0.012, 0.014, 0.022)
    return (np.clip(film, 0, 1) * 255 + 0.5).astype(np.uint8)
