"""Options that commands share, and what they mean: look, span, machine, output."""

from __future__ import annotations

import argparse
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vidream.errors import NetError
from vidream.looks.library import load_look
from vidream.looks.preset import DEFAULT_NAME, Preset
from vidream.media.formats import suffixes

if TYPE_CHECKING:
    from vidream.engine.dreamer import Dreamer
    from vidream.networks import Net

__all__ = [
    "add_look",
    "add_machine",
    "add_output",
    "add_span",
    "byte_count",
    "chosen_preset",
    "dreamer_for",
    "net_for",
    "picture_size",
    "rate",
    "seconds",
    "share",
    "take_like",
]


def add_look(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("look")
    group.add_argument("-p", "--preset", default=DEFAULT_NAME, metavar="NAME|FILE",
                       help="default: %(default)s; or several over time: '0:creatures, 10s:sea'")  # fmt: skip
    group.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="change a preset field; repeatable"
    )
    group.add_argument("--net", metavar="NAME", help="network in place of the preset's")
    group.add_argument("--weights", metavar="FILE", help="weights for the network: .safetensors or .pth")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same frames (default 0)")


def add_span(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = parser.add_argument_group("what is dreamed")
    group.add_argument("--size", type=int, metavar="N", help="longer side in px (default: as the source)")
    group.add_argument("--start", type=seconds, default=0.0, metavar="S", help="begin here: seconds, or 1:30")
    group.add_argument("--duration", type=seconds, metavar="S", help="this long; a still picture is held for it")
    group.add_argument("--fps", type=rate, metavar="F", help="frames a second, such as 24 or 30000/1001")
    return group


def add_machine(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps", help="default: %(default)s")
    group.add_argument("--precision", default="auto", metavar="auto|fp32|bf16|fp16", help="default: %(default)s")
    group.add_argument(
        "--tile", type=int, metavar="N", help="largest side in px worked on at once; smaller needs less memory"
    )


def add_output(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = parser.add_argument_group("output")
    group.add_argument("--overwrite", action="store_true", help="replace OUT where it exists")
    group.add_argument(
        "--resume", action="store_true", help="go on with an unfinished film, or begin it where there is none"
    )
    group.add_argument(
        "--max-size",
        type=byte_count,
        metavar="8MB",
        help=f"of {', '.join(suffixes('animation'))}: size, rate and colours are reduced for it, and said",
    )
    group.add_argument("--preview", action="store_true", help="show the frames as they are made")
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    return group


def seconds(text: str) -> float:
    """Seconds from "12.5", "1:30" or "1:02:03". Raises ValueError, which argparse reports."""
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


def byte_count(text: str) -> int:
    """Bytes from "8MB", "500 kB" or "2MiB". Raises ValueError, which argparse reports."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(k|M|G)?(i)?B?\s*", text, re.IGNORECASE)
    if not found or not float(found[1]):
        raise ValueError(text)
    return int(float(found[1]) * (1024 if found[3] else 1000) ** " kMG".lower().index((found[2] or " ").lower()))


def picture_size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    return int(width), int(height)


def share(text: str) -> tuple[int, int]:
    """(2, 4) from "2/4". Raises ValueError, which argparse reports."""
    number, _, of = text.partition("/")
    return int(number), int(of)


def rate(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(text) from None


def take_like(arguments: argparse.Namespace) -> None:
    """Fill in from the film `--like` names what was not given: preset, seed, size, rate. Raises VidreamError."""
    if not getattr(arguments, "like", None):
        return
    from vidream.rendering.recipe import Recipe

    recipe = Recipe.read(arguments.like)
    if recipe.weights and not arguments.weights:
        raise NetError(f"{arguments.like} was made with weights of its own; give them: --weights {recipe.weights}")
    arguments.like_preset = recipe.preset
    arguments.seed = arguments.seed or recipe.seed
    arguments.size = arguments.size or recipe.size
    if arguments.fps is None and recipe.rate:
        arguments.fps = Fraction(recipe.rate)


def chosen_preset(arguments: argparse.Namespace) -> Preset:
    preset = getattr(arguments, "like_preset", None) or load_look(arguments.preset)
    if arguments.net and arguments.net != preset.net:
        # Layers and subjects are one net's names; another net starts from its own choice.
        preset = preset.replace(net=arguments.net, layers={}, channels=(), subject={}, class_id="")
    return preset.with_settings(arguments.set)


def dreamer_for(arguments: argparse.Namespace, preset: Preset) -> Dreamer:
    """The Dreamer of `preset` on the machine that the options name."""
    from vidream.engine.dreamer import Dreamer

    return Dreamer(
        preset,
        weights=arguments.weights,
        device=arguments.device,
        precision=arguments.precision,
        tile=arguments.tile,
        seed=arguments.seed,
    )


def net_for(arguments: argparse.Namespace, chosen: Preset, preset: Preset) -> Net:
    """The network of `preset`, on the machine that the options name; --weights are those of the `chosen` look's."""
    from vidream.networks import load_net
    from vidream.runtime.device import pick_device, pick_precision

    device = pick_device(arguments.device)
    return load_net(
        preset.net,
        weights=Path(arguments.weights) if arguments.weights and preset.net == chosen.net else None,
        device=device,
        dtype=pick_precision(arguments.precision, device),
        batch_norm=preset.batch_norm,
    )
