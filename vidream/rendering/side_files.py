"""Files beside a film: a report of its figures, and a sidecar that says how it was made."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

from vidream.looks import Heard
from vidream.media.disk import beside
from vidream.rendering.heard_columns import heard_columns
from vidream.rendering.progress import Made
from vidream.rendering.recipe import Recipe
from vidream.rendering.report import Track, check_side_file, write_report, write_side_file

__all__ = ["SideFiles"]


class SideFiles:
    """What may lie beside a film: a report, and a sidecar that says how it was made."""

    def __init__(self, film: Path, report: str | PathLike[str] | None, *, sidecar: bool, overwrite: bool) -> None:
        """Raises TargetError where one cannot be written: before the film is made."""
        self._report = Path(report) if report is not None else None
        self._sidecar = beside(film, ".json") if sidecar else None
        if self._report is not None:
            check_side_file(self._report, (".html", ".json"), overwrite=overwrite)
        if self._sidecar is not None:
            check_side_file(self._sidecar, (".json",), overwrite=overwrite)

    def write(self, made: Made, track: Track, recipe: Recipe, sound: Heard | None = None) -> None:
        """Write them. sound: what the look heard. Raises TargetError."""
        if self._report is not None:
            look = f"{recipe.preset.description or ' and '.join(recipe.preset.networks)}, seed {recipe.seed}"
            head = {"film": made.path.name, "source": recipe.source, "look": look, "vidream": recipe.version}
            heard, driven = heard_columns(recipe.preset, sound, made.rate, len(track))
            facts = {**head, **_facts(made, track)}
            write_report(self._report, track, facts, made.rate, heard=heard, driven=driven)
        if self._sidecar is not None:
            found = {**json.loads(recipe.to_json()), "film": {**_facts(made, track), "frames a second": str(made.rate)}}
            write_side_file(self._sidecar, json.dumps(found, indent=2) + "\n")


def _facts(made: Made, track: Track) -> dict[str, Any]:
    steadiness = None if made.warp_error is None else round(made.warp_error, 6)
    return {
        "frames": made.frames,
        "seconds": round(made.duration_seconds, 3),
        "cuts": made.cuts,
        "strength": round(made.strength, 5),
        "warp error": steadiness,
        "made in seconds": round(track.seconds, 1),
        "finished": made.finished,
        **({"workers": "; ".join(made.workers)} if made.workers else {}),
    }
