"""vidream bench: how fast this machine dreams."""

from __future__ import annotations

import argparse
from functools import partial

from vidream.cli import options, values
from vidream.cli.parser import value_of
from vidream.errors import TargetError

__all__ = ["add", "run"]

SIZES = {"360p": (640, 360), "480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
DEFAULT_SIZES = "360p,720p,1080p"
SMALLEST_PX, LARGEST_PX = 64, 16384
SIZES_ALLOWED = (
    f"{', '.join(SIZES)}, or WIDTHxHEIGHT with sides of {SMALLEST_PX} to {LARGEST_PX} px, such as 320x240; "
    "several with commas between"
)


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the command to `vidream`. common: options that every command has."""
    parser = commands.add_parser(
        "bench", parents=[common], help="how fast this machine is: step, frame, live",
        description="Measure seconds a step and a frame at some sizes, the live rate, memory, and the share of the "
        "machine's own matrix peak. Let nothing else run meanwhile.",
    )  # fmt: skip
    what = parser.add_argument_group("what is measured")
    what.add_argument(
        "--sizes", type=value_of(sizes, SIZES_ALLOWED), default=sizes(DEFAULT_SIZES), metavar="A,B",
        help=f"{', '.join(SIZES)}, or 320x240 (default: {DEFAULT_SIZES})",
    )  # fmt: skip
    what.add_argument(
        "--seconds", type=values.seconds, default=6.0, metavar="N", help="for each size (default: %(default)g)"
    )
    what.add_argument("--no-live", action="store_true", help="leave the live rate out")
    what.add_argument("--against", choices=["plain"], help="also the plain loop of fp32 torch, in the same process")
    what.add_argument(
        "--clip", type=values.file_path, metavar="FILE", help="with --against: this clip's first seconds, both ways"
    )
    options.add_look(parser)
    options.add_machine(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--profile", type=values.file_path, metavar="OUT.png", help="a picture of where a frame's time goes"
    )
    output.add_argument("--json", type=values.file_path, metavar="FILE", help="write the figures as JSON")
    output.add_argument("-q", "--quiet", action="store_true", help="print nothing but the table")
    parser.set_defaults(run=run, check=partial(_check, parser))


def sizes(text: str) -> list[tuple[int, int]]:
    """[(640, 360), (320, 240)] from "360p,320x240". Raises ValueError."""
    found = [SIZES.get(part.strip().lower()) or _sides(part) for part in text.split(",")]
    if not all(SMALLEST_PX <= min(each) <= max(each) <= LARGEST_PX for each in found):
        raise ValueError
    return found


def _sides(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    return int(width), int(height)


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.clip and not arguments.against:
        parser.error("--clip goes with --against plain")
    if not 0.1 <= arguments.seconds <= 3600:
        parser.error(f"argument --seconds: cannot be {arguments.seconds:g}; allowed: 0.1 to 3600")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print the table, write what was asked for."""
    for path in (arguments.profile, arguments.json):
        if path is not None and not path.parent.is_dir():
            raise TargetError(f'there is no folder "{path.parent}"; name a file in one that exists')
    preset = options.chosen_preset(arguments)
    from vidream.bench.tables import BenchScreen

    dreamer = options.dreamer_for(arguments, preset)
    BenchScreen(quiet=arguments.quiet).run(
        dreamer,
        arguments.sizes,
        seconds=arguments.seconds,
        live=not arguments.no_live,
        against_plain=bool(arguments.against),
        clip=arguments.clip,
        profile=arguments.profile,
        json_path=arguments.json,
    )
