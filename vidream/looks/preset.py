"""Preset: the look of a dream, as a frozen dataclass that is also a small TOML file.

Only what changes the picture's look lives here. Device, precision and tiling belong to the
machine and are never in a preset. This module imports no torch, so that `--help` is instant.

Any number may be a schedule over the film's time, "0:0.2, 2s:1.0", or an expression of the time and of what is heard,
"0.003 + 0.006*bass", the weights of layers and subjects too; `preset.at(moment)` is the plain preset of one moment.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vidream.errors import PresetError, close_names
from vidream.looks.expression import Expression
from vidream.looks.field_values import check_range, coerced, expressions_of, range_text, toml_text, value_at
from vidream.looks.moment import Moment, moment_of
from vidream.looks.schedule import Number, Schedule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["Preset", "preset_names"]

NORMALISATIONS = ("mean-abs", "std", "laplacian", "spectrum")
BATCH_NORMS = ("eval", "train")
FLOWS = ("dis", "farneback", "raft", "none")
DEFAULT_NAME = "creatures"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# The longest shipped one has 2 kB.
LARGEST_BYTES = 2**20


def _number(default: float, low: float, high: float, says: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "says": says})


def _choice(default: str, allowed: tuple[str, ...], says: str) -> Any:
    return field(default=default, metadata={"allowed": allowed, "says": says})


def _weights(says: str) -> Any:
    return field(default_factory=dict, metadata={"says": says})


@dataclass(frozen=True)
class Preset:
    """One look.

    Fields, with ranges and units, are below and in the docs' table. Numbers may be `Schedule`s over the film's seconds,
    or `Expression`s.

    Raises:
        PresetError: a value is of the wrong type or out of its range.
    """

    description: str = field(default="", metadata={"says": "one line for the list of presets"})
    # What is dreamed.
    net: str | Mapping[str, float] = field(
        default="dreamnet",
        metadata={"says": "network to dream with, or several and their shares: vidream nets", "shares": True},
    )
    layers: Mapping[str, float] = _weights("layers and weights; empty: the net's own choice (vidream layers)")
    channels: tuple[int, ...] = field(default=(), metadata={"says": "only these channels of the layers; empty: all"})
    subject: Mapping[str, float] = _weights("classes or groups and weights, beside or in place of layers")
    class_id: str = field(
        default="", metadata={"says": "one class of the net, by number or name: its logit is dreamed"}
    )
    guide: tuple[str, ...] = field(
        default=(), metadata={"says": "pictures or a video whose features the dream takes on"}
    )
    guide_share: float = _number(1.0, 0.0, 1.0, "of the guide against the layers' own growth, where both are given")
    style: float = _number(0.0, 0.0, 1e6, "weight of the guide's style (Gram matrices of the layers)")
    content: float = _number(0.0, 0.0, 1e6, "weight of staying with the frame's own features")
    tv: float = _number(0.0, 0.0, 1e6, "weight of smoothness (total variation)")
    batch_norm: str = _choice("eval", BATCH_NORMS, "statistics that batch norm uses: learned, or the picture's own")
    # How it is painted.
    octaves: int = _number(8, 1, 16, "most sizes dreamed at; they stop where a side falls under 56 px")
    octave_scale: float = _number(1.4, 1.05, 4.0, "size of one octave over the next smaller")
    finest: float = _number(1.0, 0.1, 1.0, "size of the finest octave, as a share of the frame's; less is faster")
    falloff: float = _number(1.0, 0.0, 4.0, "power by which octaves finer than 270 px get less work")
    steps: int = _number(1, 0, 1000, "gradient steps in each octave of a carried frame")
    octave_turns: int = _number(
        2, 1, 8, "of a carried frame every n-th octave is worked on, n times as much; others in turn"
    )
    step_size: float = _number(0.003, 0.0, 1.0, "mean change of a channel in one step, picture range 0..1")
    jitter: int = _number(32, 0, 512, "largest random roll before each step, px")
    normalise: str = _choice("mean-abs", NORMALISATIONS, "how a gradient is brought to unit size")
    lap_levels: int = _number(4, 1, 10, "bands of the Laplacian pyramid")
    evenness: float = _number(0.5, 0.0, 1.0, "how alike steps are made everywhere: more fills skies and walls")
    smoothing: float = _number(1.0, 0.0, 16.0, "Gaussian blur of the gradient, sigma in px")
    colour: float = _number(0.4, 0.0, 1.0, "share of the gradient moved onto natural colour axes")
    # How it is shown.
    blend: float = _number(0.0, 0.0, 1.0, "share of the frame laid over its dream")
    keep_colour: float = _number(0.0, 0.0, 1.0, "share of the frame's own colour; 1: only light and shade are dreamed")
    # How it is carried through time.
    keep: float = _number(0.97, 0.0, 1.0, "share of the carried dream; 0: every frame on its own")
    flow: str = _choice("dis", FLOWS, "optical flow that carries the dream")
    reset_on_cut: bool = field(default=True, metadata={"says": "start afresh at a scene cut"})
    first_steps: int = _number(12, 0, 1000, "steps in each octave of a shot's first frame")
    first_step_size: float = _number(0.0045, 0.0, 1.0, "step size of a shot's first frame")
    strength_cap: float = _number(0.2, 0.01, 1.0, "most that the carried dream may differ from its frame, mean")

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = coerced(item, getattr(self, item.name))
            check_range(item, value)
            object.__setattr__(self, item.name, value)

    @property
    def networks(self) -> dict[str, Number]:
        """Network -> its share in every step; one alone has all of it, whatever its number."""
        return dict(self.net) if isinstance(self.net, Mapping) else {self.net: 1.0}

    @property
    def expressions(self) -> dict[str, Expression | Schedule]:
        """Field, or "layers.NAME" -> its expression, or its schedule that holds some."""
        values: dict[str, Any] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            inside = value.items() if isinstance(value, Mapping) else ()
            values |= {item.name: value, **{f"{item.name}.{name}": weight for name, weight in inside}}
        return {name: value for name, value in values.items() if expressions_of(value)}

    @property
    def sound_names(self) -> frozenset[str]:
        """The sound variables that any of its expressions uses; see `vidream.looks.expression`."""
        return frozenset(name for value in self.expressions.values() for name in value.names)

    def at(self, seconds: float | Moment) -> Preset:
        """The preset of one moment.

        Args:
            seconds: time in the film, or a moment of it, with its rate and sound. A time alone is of a silent film of
                25 frames a second.

        Returns:
            A preset whose schedules and expressions are replaced by their values then; this one where it has none.
            Expressions are held within their field's range. Shares of networks that are all 0 are equal.
        """
        values = {item: getattr(self, item.name) for item in dataclasses.fields(self)}
        moment = moment_of(seconds)
        now = {item.name: value_at(item, value, moment) for item, value in values.items()}
        changes = {item.name: now[item.name] for item, value in values.items() if now[item.name] is not value}
        return dataclasses.replace(self, **changes) if changes else self

    @classmethod
    def load(cls, name: str | Path) -> Preset:
        """Read a shipped preset, or a TOML file.

        Args:
            name: of a shipped preset, such as "creatures", or the path of a .toml file of 1 MB at most, in UTF-8.

        Raises:
            PresetError: no such preset, no such file, or a file that is no preset.
        """
        text = str(name)
        path = Path(text)
        if path.suffix != ".toml" and not any(sep in text for sep in "/\\"):
            shipped = _shipped()
            if text not in shipped:
                raise PresetError(
                    f'no preset "{text}"; {close_names(text, shipped)}. List all: vidream presets; or give a .toml file'
                )
            path = shipped[text]
        try:
            if path.stat().st_size > LARGEST_BYTES:
                raise PresetError(f'"{path}" is too large for a preset; give a TOML file of a page or two')
            # Windows editors begin a file with a byte order mark.
            return cls.from_toml(path.read_text(encoding="utf-8-sig"), origin=str(path))
        except OSError as error:
            raise PresetError(
                f'cannot read the preset "{path}": {error.strerror}. List the shipped ones: vidream presets'
            ) from None
        except UnicodeDecodeError:
            kind = "UTF-16 text" if path.read_bytes()[:2] in _UTF_16_MARKS else "not a UTF-8 text file"
            raise PresetError(f'cannot read the preset "{path}": {kind}. Save it as UTF-8 in your editor') from None

    @classmethod
    def from_toml(cls, text: str, *, origin: str = "preset") -> Preset:
        """Parse TOML.

        Args:
            text: what `to_toml` gives, or any part of it.
            origin: name for errors.

        Raises:
            PresetError: bad syntax, an unknown field, or a bad value.
        """
        try:
            values = tomllib.loads(text.removeprefix("\ufeff"))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise PresetError(f"{origin} is not valid TOML: {error}") from None
        return cls().replace(**values)

    def to_toml(self) -> str:
        """This preset as TOML, one commented line a field, such that `from_toml` gives it back."""
        lines = [
            f"{item.name} = {toml_text(getattr(self, item.name))}  # {item.metadata['says']}{range_text(item)}"
            for item in dataclasses.fields(self)
        ]
        return "\n".join(lines) + "\n"

    def replace(self, **changes: Any) -> Preset:
        """A copy with some fields changed. Raises PresetError for unknown fields and bad values."""
        known = [item.name for item in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise PresetError(
                    f'no preset field "{name}"; {close_names(name, known)}. See one: vidream presets creatures'
                )
        return dataclasses.replace(self, **changes)

    def with_settings(self, settings: Iterable[str]) -> Preset:
        """A copy with some fields changed by text.

        Args:
            settings: each "FIELD=VALUE"; "layers.NAME=WEIGHT" and "subject.NAME=WEIGHT" change one weight.

        Raises:
            PresetError: a text without "=", an unknown field, or a bad value.
        """
        changes: dict[str, Any] = {}
        for setting in settings:
            name, equals, value = setting.partition("=")
            if not equals:
                raise PresetError(f'a setting is FIELD=VALUE, such as keep=0, and not "{setting}"', argument="set")
            name, _, member = name.strip().partition(".")
            held = self.networks if name == "net" else getattr(self, name, None)
            if member and isinstance(held, Mapping):
                # layers.s3b=0.5 changes one weight and leaves the others.
                changes[name] = {**changes.get(name, held), member: value.strip()}
            else:
                changes[name] = value.strip()
        return self.replace(**changes)


def preset_names() -> list[str]:
    """Names of the shipped presets, the default first."""
    return sorted(_shipped(), key=lambda name: (name != DEFAULT_NAME, name))


def _shipped() -> dict[str, Path]:
    # In a wheel the files lie inside the package; in a checkout, beside it.
    package = Path(__file__).parent.parent
    for folder in (package / "presets", package.parent / "presets"):
        if folder.is_dir():
            return {path.stem: path for path in folder.glob("*.toml")}
    return {}
