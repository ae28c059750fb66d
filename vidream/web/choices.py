"""What a page has chosen: look, subjects, strength and guide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vidream.errors import SourceError
from vidream.looks.preset import Preset

__all__ = ["Choices", "changed", "with_strength"]

LARGEST_STRENGTH = 2.0
MOST_SUBJECTS = 4


@dataclass(frozen=True)
class Choices:
    """What a page has chosen.

    Attributes:
        look: its name.
        subjects: in place of the look's own.
        strength: 0..2.
        guide: a picture of the session.
    """

    look: str
    subjects: tuple[str, ...] = ()
    strength: float = 1.0
    guide: Path | None = None


def changed(choices: Choices, wanted: dict[str, Any]) -> Choices:
    """`choices` with the changes that a page sent. Raises SourceError where a value is wrong."""
    look, subjects = wanted.get("look", choices.look), wanted.get("subjects", choices.subjects)
    strength = wanted.get("strength", choices.strength)
    is_list = isinstance(subjects, (list, tuple)) and all(isinstance(name, str) and len(name) < 80 for name in subjects)
    if not isinstance(look, str) or not is_list or len(subjects) > MOST_SUBJECTS:
        raise SourceError(f"a look is a name, and subjects are up to {MOST_SUBJECTS} names")
    if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 <= strength <= LARGEST_STRENGTH:
        raise SourceError(f"strength is a number from 0 to {LARGEST_STRENGTH:g}")
    return replace(choices, look=look, subjects=tuple(subjects), strength=float(strength))


def with_strength(preset: Preset, strength: float) -> Preset:
    """`preset` for a clip: under 1 the frame shines through, over 1 the steps are larger."""
    if strength <= 1:
        return preset.replace(blend=1 - strength * (1 - preset.at(0).blend))
    now = preset.at(0)
    return preset.replace(
        step_size=min(1.0, now.step_size * strength),
        first_step_size=min(1.0, now.first_step_size * strength),
        strength_cap=min(1.0, now.strength_cap * strength),
    )
