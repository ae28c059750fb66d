"""vidream bench: how fast this machine dreams."""

from __future__ import annotations

import argparse
from functools import partial

from vidream.cli import options, values
from vidream.cli.parser import value_of
from vidream.errors import TargetError
from vidream.looks.preset import DEFAULT_NAME

__all__ = ["add", "run"]

SIZES = {"360p": (640, 360), "480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
DEFAULT_SIZES, DEFAULT_SECONDS = "360p,720p,1080p", 6.0
SUITE_SIZES, SUITE_SECONDS_EACH = "360p,720p,1080p,4k", 2.0
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
        "--suite", choices=["gpu"],
        help="everything that only a GPU can show, in under eight minutes: networks, number formats, recorded steps, "
        "live, memory, the same frame on the CPU, tests",
    )  # fmt: skip
    what.add_argument(
        "--sizes", type=value_of(sizes, SIZES_ALLOWED), metavar="A,B",
        help=f"{', '.join(SIZES)}, or 320x240 (default: {DEFAULT_SIZES}; with --suite also 4k)",
    )  # fmt: skip
    what.add_argument("--seconds", type=values.seconds, metavar="N", help="for each size (default: 6; with --suite 2)")
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
    if arguments.suite:
        others = {
            "--against": arguments.against, "--profile": arguments.profile, "--no-live": arguments.no_live,
            "--preset": arguments.preset != DEFAULT_NAME, "--set": arguments.set, "--net": arguments.net,
            "--weights": arguments.weights, "--precision": arguments.precision != "auto",
        }  # fmt: skip
        given = [name for name, value in others.items() if value]
        if given:
            parser.error(f"{given[0]} does not go with --suite, which measures looks and number formats of its own")
    arguments.sizes = arguments.sizes or sizes(SUITE_SIZES if arguments.suite else DEFAULT_SIZES)
    if arguments.seconds is None:
        arguments.seconds = SUITE_SECONDS_EACH if arguments.suite else DEFAULT_SECONDS
    if not 0.1 <= arguments.seconds <= 3600:
        parser.error(f"argument --seconds: cannot be {arguments.seconds:g}; allowed: 0.1 to 3600")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print the table, write what was asked for."""
    for path in (arguments.profile, arguments.json):
        if path is not None and not path.parent.is_dir():
            raise TargetError(f'there is no folder "{path.parent}"; name a file in one that exists')
    if arguments.suite:
        return run_suite(arguments)
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


def run_suite(arguments: argparse.Namespace) -> None:
    """Measure all parts of the suite, and print and write what each found."""
    from vidream.bench.gpu_suite import run_gpu_suite
    from vidream.bench.tables import BenchScreen
    from vidream.runtime.device import pick_device

    options.set_up_process()
    BenchScreen(quiet=arguments.quiet).run_suite(
        partial(run_gpu_suite, pick_device(arguments.device), arguments.sizes, seconds=arguments.seconds),
        json_path=arguments.json,
    )
