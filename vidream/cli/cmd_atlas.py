"""vidream atlas: a sheet of what every channel or subject of a layer dreams."""

from __future__ import annotations

import argparse
from pathlib import Path

from vidream.cli import options
from vidream.errors import TargetError
from vidream.looks.preset import Preset
from vidream.media.formats import suffixes

__all__ = ["add", "run"]

LEAST_PX = 32


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the command to `vidream`. common: options that every command has."""
    parser = commands.add_parser(
        "atlas", parents=[common], help="a sheet of what each channel or subject of a layer dreams",
        description="Dream every channel of a layer, or every subject of a network that has them, onto one sheet.",
    )  # fmt: skip
    parser.add_argument("target", metavar="OUT", type=Path, help=f"the sheet: {' '.join(suffixes('picture'))}")
    parser.add_argument("--net", default="dreamnet", metavar="NAME", help="default: %(default)s")
    parser.add_argument("--weights", metavar="FILE", type=Path, help="weights for the network")
    parser.add_argument("--layer", default="", metavar="NAME", help="default: the subjects; see `vidream layers`")
    parser.add_argument("--channels", type=_numbers, default=(), metavar="A-B,C", help="these only, such as 0-31,42")
    parser.add_argument("--on", metavar="PICTURE", type=Path, help="dream on this picture (default: on noise)")
    parser.add_argument(
        "--cell", type=int, default=128, metavar="N", help="side of a tile in px (default: %(default)s)"
    )
    parser.add_argument("--columns", type=int, metavar="N", help="tiles in a row (default: about a square)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same sheet (default 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT where it exists")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    options.add_machine(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Dream the atlas and write it. Raises NetError, TargetError, SourceError, DeviceError."""
    if arguments.cell < LEAST_PX or (arguments.columns or 1) < 1:
        raise TargetError(f"an atlas needs cells of {LEAST_PX} px or more and one column or more")
    if arguments.target.exists() and not arguments.overwrite:
        raise TargetError(f"{arguments.target} exists; give --overwrite to replace it, or another name")
    from vidream.cli.terminal import counted
    from vidream.media import read_picture, write_picture
    from vidream.rendering.atlas import atlas_sheet, atlas_tiles

    arguments.weights = arguments.weights and str(arguments.weights)
    dreamer = options.dreamer_for(arguments, Preset(net=arguments.net))
    on = read_picture(arguments.on) if arguments.on else None
    with counted("tiles", quiet=arguments.quiet) as watch:
        tiles = atlas_tiles(
            dreamer.net,
            arguments.layer,
            channels=arguments.channels,
            on=on,
            size_px=arguments.cell,
            seed=arguments.seed,
            watch=watch,
        )
    write_picture(arguments.target, atlas_sheet(tiles, columns=arguments.columns))
    if not arguments.quiet:
        print(arguments.target)


def _numbers(text: str) -> tuple[int, ...]:
    """Whole numbers and ranges: "0-3,7" is 0, 1, 2, 3, 7. Raises ValueError, which argparse reports."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)
