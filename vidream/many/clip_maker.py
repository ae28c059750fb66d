"""`ClipMaker`: the one place that makes a clip of many, with a dreamer that is loaded once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from vidream.api import dream
from vidream.engine.dreamer import Dreamer
from vidream.looks.loading import load_look
from vidream.looks.preset import Preset
from vidream.rendering.progress import Made, Progress

__all__ = ["ClipMaker", "Make"]


class Make(Protocol):
    """What makes one clip: `make(source, target)`."""

    def __call__(self, source: Path, target: Path, *, resume: bool = False, overwrite: bool = False) -> Made:
        """Dream `source` into `target`. resume, overwrite: as for `dream`. Raises VidreamError."""


class ClipMaker:
    """Makes one clip after another with `dream`; the networks are loaded with the first, and stay.

    Every clip is the one that a run of its own would make: nothing but the networks is kept from clip to clip.

    Args:
        preset: a name, a TOML file or a Preset.
        make_dreamer: makes the dreamer, once.
        options: what `dream` takes besides, the same for every clip: `size`, `mask`, `loop` ...

    Attributes:
        loads: how often a dreamer was made: 0 before the first clip, then 1.
    """

    def __init__(
        self, preset: str | Preset = "creatures", *, make_dreamer: Callable[[Preset], Dreamer] = Dreamer, **options: Any
    ) -> None:
        self.preset = preset if isinstance(preset, Preset) else load_look(preset)
        self.loads = 0
        self._make_dreamer = make_dreamer
        self._dreamer: Dreamer | None = None
        self._options = options

    def __call__(
        self,
        source: Path,
        target: Path,
        *,
        resume: bool = False,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Made:
        """Dream `source` into `target`. resume, overwrite, progress: as for `dream`. Raises VidreamError."""
        return dream(
            source,
            target,
            preset=self.preset,
            make_dreamer=self._renewed,  # asked for when source and target have been looked at
            resume=resume,
            overwrite=overwrite,
            progress=progress,
            **self._options,
        )

    def _renewed(self, preset: Preset) -> Dreamer:
        if self._dreamer is None:
            self._dreamer = self._make_dreamer(preset)
            self.loads += 1
        return self._dreamer.renewed()
