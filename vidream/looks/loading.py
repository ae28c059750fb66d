"""Presets by name, by file, or several over time with cross-fades between them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vidream.errors import PresetError
from vidream.looks.expression import Expression
from vidream.looks.mixture import with_networks
from vidream.looks.preset import Preset
from vidream.looks.schedule import Schedule

__all__ = ["cross_faded", "load_look"]

# "10s:sea" or "0:creatures"; a drive letter, C:\look.toml, is no time.
_KEYFRAME = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)s?\s*:\s*(\S.*?)\s*$")


def load_look(name: str | Path) -> Preset:
    """A preset from the text that a person writes.

    Args:
        name: of a shipped preset, a TOML file, or keyframes of presets: "0:creatures, 10s:sea" cross-fades.

    Raises:
        PresetError: one of them does not exist, or they cannot be cross-faded.
    """
    found = [_KEYFRAME.match(part) for part in str(name).split(",")]
    if not all(found):
        return Preset.load(name)
    return cross_faded([(float(match[1]), Preset.load(match[2])) for match in found if match])


def cross_faded(keys: Sequence[tuple[float, Preset]]) -> Preset:
    """One preset that is a cross-fade of several.

    Every number that differs becomes a schedule, and so does every share of a network and every weight of a layer or
    subject, which is 0 where a preset does not name it.

    Args:
        keys: (seconds, preset), in the order of time.

    Raises:
        PresetError: times are out of order, a preset has keyframes of its own for a number that differs, or presets
            differ in what cannot be mixed: channels, class, guides, normalisation.
    """
    networks = dict.fromkeys(name for _, preset in keys for name in preset.networks)
    presets = [_among(preset, networks) for _, preset in keys]
    changes: dict[str, Any] = {}
    for item in dataclasses.fields(Preset):
        values = [getattr(preset, item.name) for preset in presets]
        if item.name == "description" or all(value == values[0] for value in values):
            continue
        if item.name == "net":
            values = [preset.networks for preset in presets]
        if isinstance(values[0], Mapping):
            names = list(dict.fromkeys(name for weights in values for name in weights))
            changes[item.name] = {
                name: _through(keys, [weights.get(name, 0.0) for weights in values], name) for name in names
            }
        elif isinstance(values[0], (int, float, Schedule, Expression)) and not isinstance(values[0], bool):
            changes[item.name] = _through(keys, values, item.name)
        elif item.name != "flow":
            raise PresetError(
                f"presets that fade into each other must have the same {item.name}; they have "
                f"{' and '.join(map(repr, dict.fromkeys(map(str, values))))}. Choose others, or edit a .toml file"
            )
    for network in networks:
        named = [_names_something_of(network, preset) for preset in presets if network in preset.networks]
        if any(named) and not all(named):
            raise PresetError("a preset that names neither layers nor subject cannot fade; give it layers in its file")
    return presets[0].replace(**changes)


def _among(preset: Preset, networks: Mapping[str, Any]) -> Preset:
    """`preset` with the networks of its names said, where there are several."""
    if len(networks) == 1:
        return preset
    return with_networks(preset, dict.fromkeys(networks, 1.0)).replace(net=preset.net)


def _names_something_of(network: str, preset: Preset) -> bool:
    own = with_networks(preset, network)
    return bool(own.layers or own.subject)


def _through(keys: Sequence[tuple[float, Preset]], values: Sequence[Any], name: str) -> Schedule:
    if any(isinstance(value, Schedule) for value in values):
        raise PresetError(f"{name} has keyframes of its own in a preset that is to fade; give it one number there")
    held = [value if isinstance(value, Expression) else float(value) for value in values]
    try:
        return Schedule(tuple((time, value) for (time, _), value in zip(keys, held, strict=True)))
    except ValueError as error:
        raise PresetError(f"presets over time: {error}; for example 0:creatures, 10s:sea") from None
