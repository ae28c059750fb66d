"""Colour profiles: what a picture file's ICC profile says, brought to sRGB."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

__all__ = ["ProfileError", "deep_to_srgb", "to_srgb"]

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


class ProfileError(Exception):
    """The profile is broken, or belongs to another kind of picture."""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert an 8-bit picture from its ICC `profile` to sRGB.

    Args:
        image: of mode RGB, L or CMYK.
        profile: of the same colour space; an RGB one is taken for an L image as well.

    Returns:
        an RGB image; the very same colours where the profile is sRGB itself.

    Raises:
        ProfileError: the profile cannot be used.
    """
    transform, mode = _transform(profile)
    if image.mode == "L" and mode == "RGB":
        image = image.convert("RGB")
    if image.mode != mode:
        raise ProfileError(f"a profile for {mode} in a picture of {image.mode}")
    if transform is None:
        return image.convert("RGB")
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None
    return converted


@functools.lru_cache(maxsize=8)
def _transform(profile: bytes) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """(transform to sRGB, or None where that changes nothing; Pillow's mode of what it takes). Raises ProfileError."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES[source.profile.xcolor_space.strip()]
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if mode == "CMYK":
            return transform, mode
        # A cube of colours shows whether it is sRGB by another name: rounding would still spoil the last bit.
        levels = np.linspace(0, 255, 9).round().astype(np.uint8)
        cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(27, 27, 3)
        trial = Image.fromarray(cube) if mode == "RGB" else Image.fromarray(cube[:, :, 0])
        converted = ImageCms.applyTransform(trial, transform)
        off = np.abs(np.asarray(converted, np.int16) - np.asarray(trial.convert("RGB"), np.int16)).max()
    except (ImageCms.PyCMSError, OSError, KeyError, TypeError, ValueError) as error:
        raise ProfileError(str(error)) from None
    return (transform if off > 1 else None), mode


def deep_to_srgb(array: np.ndarray, profile: bytes) -> np.ndarray:
    """Convert a 16-bit picture from its ICC `profile` to sRGB, with 16 bits (Pillow's own way has 8).

    Args:
        array: [H,W,3] RGB, uint16.
        profile: of three primaries and curves, or gray with a curve (ICC.1:2022, 8.3.3 and 8.4.2).

    Returns:
        [H,W,3] RGB, uint16.

    Raises:
        ProfileError: the profile cannot be used, or has tables in place of primaries.
    """
    if _transform(profile)[0] is None:
        return array
    tags = _tags(profile)
    levels = np.linspace(0, 1, 65536)
    if b"kTRC" in tags:
        table = _encode_srgb(_curve(tags[b"kTRC"])(levels))
        return (np.clip(table, 0, 1) * 65535).round().astype(np.uint16)[array]
    primaries = _primaries(tags)
    own = _primaries(_tags(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()))
    matrix = (np.linalg.inv(own) @ primaries).astype(np.float32)
    curves = [_curve(tags[name])(levels).astype(np.float32) for name in (b"rTRC", b"gTRC", b"bTRC")]
    converted = np.empty_like(array)
    for top in range(0, len(array), 256):  # in strips: floats take four times the memory
        strip = array[top : top + 256]
        linear = np.stack([curve[strip[:, :, k]] for k, curve in enumerate(curves)], -1) @ matrix.T
        exact = _encode_srgb(np.clip(linear, 0, 1))
        converted[top : top + 256] = (exact * 65535).round().astype(np.uint16)
    return converted


def _encode_srgb(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1: linear light 0..1 to sRGB 0..1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """The bytes of every tag of an ICC profile. Raises ProfileError."""
    try:
        count = min(struct.unpack(">I", profile[128:132])[0], 200)
        rows = [struct.unpack(">4sII", profile[at : at + 12]) for at in range(132, 132 + 12 * count, 12)]
    except struct.error as error:
        raise ProfileError(str(error)) from None
    return {name: profile[start : start + length] for name, start, length in rows}


def _primaries(tags: dict[bytes, bytes]) -> np.ndarray:
    """[3,3]: the columns are the primaries in XYZ. Raises ProfileError."""
    if b"A2B0" in tags or not {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"} <= tags.keys():
        raise ProfileError("no primaries")
    try:
        columns = [np.array(struct.unpack(">3i", tags[name][8:20])) / 65536 for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    except struct.error as error:
        raise ProfileError(str(error)) from None
    return np.stack(columns, 1)


def _curve(tag: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """A tone curve, 0..1 to linear light 0..1 (ICC.1:2022, 10.6 and 10.18). Raises ProfileError."""
    try:
        if tag[:4] == b"curv":
            count = struct.unpack(">I", tag[8:12])[0]
            if count == 0:
                return lambda x: x
            table = np.frombuffer(tag[12 : 12 + 2 * count], ">u2").astype(np.float64)
            if count == 1:
                return lambda x: x ** (table[0] / 256)
            return lambda x: np.interp(x, np.linspace(0, 1, len(table)), table / 65535)
        kind = struct.unpack(">H", tag[8:10])[0]
        names = {0: "g", 1: "gab", 2: "gabc", 3: "gabcd", 4: "gabcdef"}[kind]
        values = struct.unpack(f">{len(names)}i", tag[12 : 12 + 4 * len(names)])
    except (struct.error, KeyError, IndexError, ValueError) as error:
        raise ProfileError(f"a curve that is not understood ({error})") from None
    p = dict.fromkeys("abcdef", 0.0) | {"a": 1.0} | {n: v / 65536 for n, v in zip(names, values, strict=True)}
    # Kinds 1 and 2 write differently what 3 and 4 say: where the curve begins, and what is added.
    if kind in (1, 2):
        p["d"] = -p["b"] / p["a"] if p["a"] else 0.0
        p["e"] = p["f"] = p["c"]
        p["c"] = 0.0
    return lambda x: np.where(x >= p["d"], np.maximum(p["a"] * x + p["b"], 0) ** p["g"] + p["e"], p["c"] * x + p["f"])
