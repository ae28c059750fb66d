"""settings: all that a film's frames depend on, as plain values by name, to tell one film from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from vidream import __version__
from vidream.engine.dreamer import Dreamer
from vidream.errors import SourceError
from vidream.media import FrameReader
from vidream.media.delivery import Delivery
from vidream.media.numbered import NumberedName
from vidream.rendering.recipe import preset_fields

__all__ = [
    "delivery_settings",
    "differences",
    "dreamer_settings",
    "file_print",
    "film_settings",
    "machine_settings",
    "source_settings",
    "tensor_print",
]

# 64 places of 64 kB: a film of hours is told from its like in a few milliseconds.
PLACES, PLACE_BYTES = 64, 2**16
MOST_DIFFERENCES = 4


def film_settings(reader: FrameReader, dreamer: Dreamer, mask: Path | None = None) -> dict[str, Any]:
    """All that the frames of a film depend on, but for the machine."""
    return {**source_settings(reader, mask), **dreamer_settings(dreamer)}


def delivery_settings(delivery: Delivery) -> dict[str, Any]:
    """How the film is stored, as far as that was asked for: segments of two kinds cannot be joined."""
    return {name: value for name, value in asdict(delivery).items() if value is not None and value != "auto"}


def dreamer_settings(dreamer: Dreamer) -> dict[str, Any]:
    """The look: every field of the preset, the seed, the network's weights, the objective, the guides' files."""
    preset = dreamer.preset
    guides = {f"content of {guide}": file_print(Path(guide)) for guide in preset.guide}
    look = {"vidream": __version__, **preset_fields(preset), **guides, "seed": dreamer.seed}
    own = dreamer.own_objective
    objective = json.dumps(own.describe(), sort_keys=True) if own else "what the preset asks for"
    weights = {f"weights of {each.net.name}": each.net.fingerprint() for each in dreamer.ascents}
    # Named where there is one alone, so that films begun before there were any can be continued.
    wrap = {"wrap": dreamer.wrap.value} if dreamer.wrap else {}
    return {**look, **weights, "objective": objective, **wrap}


def machine_settings(dreamer: Dreamer) -> dict[str, Any]:
    """What the machine adds: it changes the frames by no more than rounding, or where tiles lie."""
    return {"device": dreamer.device.type, "precision": str(dreamer.net.dtype), "tile": dreamer.tile}


def source_settings(reader: FrameReader, mask: Path | None = None) -> dict[str, Any]:
    """Which frames come in: the source's content, its part and size; and the mask."""
    found = {
        "source": reader.source.name,
        "content of the source": file_print(reader.source),
        "size": f"{reader.width}x{reader.height}",
        "frames a second": str(reader.rate),
        "start": reader.start_seconds,
        "frames": reader.frame_count,
    }
    if mask is not None:
        found |= {"mask": mask.name, "content of the mask": file_print(mask)}
    return found


def tensor_print(picture: Tensor) -> str:
    """A short name for a picture's numbers."""
    return hashlib.blake2b(picture.detach().cpu().contiguous().numpy().data, digest_size=8).hexdigest()


def file_print(path: Path) -> str:
    """A short name for the content of a file, or of numbered pictures: size, and a hash of 64 places in it.

    Not its date: a copy is the same film. SourceError where it cannot be read.
    """
    try:
        if not path.exists() and NumberedName.matches(path):
            files = [file for _, file in NumberedName(path).existing()]
        else:
            files = [path]
        digest, total = hashlib.blake2b(digest_size=8), 0
        share = max(2, PLACES // max(len(files), 1))
        for file in files:
            size = file.stat().st_size
            total += size
            digest.update(f"{file.name} {size}".encode() if len(files) > 1 else b"")
            with file.open("rb") as opened:
                for place in range(share):
                    opened.seek(max(0, size - PLACE_BYTES) * place // (share - 1))
                    digest.update(opened.read(PLACE_BYTES))
                    if size <= PLACE_BYTES:
                        break
    except OSError as error:
        raise SourceError(f'"{path}" cannot be read ({error.strerror or error}); check the file') from None
    return f"{total} bytes, {digest.hexdigest()}"


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What is not the same in two sets of settings, in words; "" where all is."""
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    said = [f"{name} was {_short(was.get(name))}, is now {_short(now.get(name))}" for name in names[:MOST_DIFFERENCES]]
    more = len(names) - MOST_DIFFERENCES
    return ", ".join(said) + (f", and {more} more" if more > 0 else "")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return text if 0 < len(text) <= 60 else f"{text[:57]}..." if text else "nothing"
