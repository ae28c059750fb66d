"""The state of a film's flash limiter, kept in one file with that of what makes its frames."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from vidream.rendering.saved_state import State
from vidream.temporal.flashes import FlashLimiter

__all__ = ["TEMPERED", "flash_warnings", "restore_limiter", "with_limiter"]

# Before the limiter's names; "last picture" is the maker's tensor that is the same one, so that it is kept once.
_MARK, _LAST = "flashes ", "flashes last picture"
# The name under which a state says how many pictures were tempered.
TEMPERED = f"{_MARK}tempered"


def with_limiter(state: State, limiter: FlashLimiter | None) -> State:
    """`state`, of what makes a film's frames, with that of the limiter that they went through."""
    if limiter is None:
        return state
    tensors, numbers = dict(state[0]), dict(state[1])
    own, counted = limiter.state()
    same = next((name for name, held in tensors.items() if held is own.get("last")), None) if own else None
    tensors |= {f"{_MARK}{name}": held for name, held in own.items() if name != "last" or same is None}
    numbers |= {f"{_MARK}{name}": value for name, value in counted.items()}
    return tensors, {**numbers, _LAST: same}


def restore_limiter(limiter: FlashLimiter | None, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """Take the limiter's part out of a state, which is then the maker's alone, and restore it to `limiter`."""
    same = numbers.pop(_LAST, None)
    own = {name.removeprefix(_MARK): tensors.pop(name) for name in list(tensors) if name.startswith(_MARK)}
    counted = {name.removeprefix(_MARK): numbers.pop(name) for name in list(numbers) if name.startswith(_MARK)}
    if own and same is not None:
        own["last"] = tensors[same]
    if limiter is not None and counted:
        limiter.restore(own, counted)


def flash_warnings(limiter: FlashLimiter | None) -> list[str]:
    """A line for `Made.warnings`, where pictures were tempered."""
    if limiter is None or not limiter.tempered:
        return []
    said = "1 frame" if limiter.tempered == 1 else f"{limiter.tempered} frames"
    them = "it" if limiter.tempered == 1 else "them"
    was = "was" if limiter.tempered == 1 else "were"
    return [f"{said} flashed more than three times a second and {was} tempered; flash_limit=False leaves {them}"]
