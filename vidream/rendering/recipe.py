"""recipe: how a film was made, small enough to travel inside the film: `--like OLD.mp4` reads it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vidream import __version__
from vidream.errors import PresetError, SourceError
from vidream.looks.preset import Preset
from vidream.media.disk import beside
from vidream.media.metadata import read_comment

__all__ = ["Recipe", "preset_fields"]

_LARGEST_BYTES = 2**20


@dataclass(frozen=True)
class Recipe:
    """What must be the same for a film to be dreamed in the same way, and the name of what it was made from.

    weights: the name of a file that was given in place of the network's own.  size: longer side asked for,
    px.  rate: frames a second asked for, as a fraction.  objective: one that was given in Python in place of what the
    preset asks for, as `Objective.describe` gives it.  wrap: sides at which frames went round.  listen: the name of the
    track that was followed in place of the source's sound, and a hash of its content.  version: of vidream.
    """

    preset: Preset
    seed: int = 0
    source: str = ""
    weights: str | None = None
    size: int | None = None
    rate: str | None = None
    objective: Mapping[str, Any] | None = None
    wrap: str | None = None
    listen: Mapping[str, str] | None = None
    version: str = __version__

    def to_json(self) -> str:
        """On one line, in ASCII: what `from_json` reads."""
        return json.dumps(
            {
                "vidream": self.version,
                "seed": self.seed,
                "source": self.source,
                **{
                    name: getattr(self, name)
                    for name in ("weights", "size", "rate", "objective", "wrap", "listen")
                    if getattr(self, name)
                },
                "preset": preset_fields(self.preset),
            }
        )

    @classmethod
    def from_json(cls, text: str, *, origin: str = "recipe") -> Recipe:
        """Raises PresetError where `text` is none, or its preset cannot be."""
        try:
            found = json.loads(text)
            preset, size, objective = found["preset"], found.get("size"), found.get("objective")
            listen = found.get("listen")
            texts = {name: found.get(name) for name in ("weights", "rate", "wrap")}
            if (
                not isinstance(preset, dict)
                or not isinstance(objective, dict | None)
                or not isinstance(listen, dict | None)
                or not all(isinstance(each, str) for each in (listen or {"name": ""}).values())
                or not all(each is None or isinstance(each, str) for each in texts.values())
            ):
                raise TypeError
            return cls(
                Preset().replace(**preset),
                seed=int(found["seed"]),
                source=str(found["source"]),
                size=None if size is None else int(size),
                objective=objective,
                listen=listen,
                version=str(found["vidream"]),
                **texts,
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            raise PresetError(f"{origin} does not say how it was dreamed; give a film or sidecar of vidream") from None

    @classmethod
    def read(cls, path: str | Path) -> Recipe:
        """From a film, picture or sidecar (.json) that vidream made. Raises SourceError, PresetError."""
        path = Path(path)
        sidecar = path if path.suffix.lower() == ".json" else beside(path, ".json")
        if not path.is_file() and not sidecar.is_file():
            raise SourceError(f'no file "{path}"; give a film that vidream made, or its sidecar')
        text = read_comment(path) if path.is_file() and path != sidecar else None
        if text is None and sidecar.is_file() and sidecar.stat().st_size <= _LARGEST_BYTES:
            try:
                text = sidecar.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                text = None
        return cls.from_json(text or "", origin=path.name)


def preset_fields(preset: Preset) -> dict[str, Any]:
    """Every field of a preset but its description, as JSON has values; schedules and expressions as their text."""
    return {item.name: _plain(getattr(preset, item.name)) for item in fields(preset) if item.name != "description"}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(weight) for key, weight in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, (bool, int, float, str)) else str(value)
