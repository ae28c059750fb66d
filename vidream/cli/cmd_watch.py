"""vidream watch: dream what comes into a folder."""

from __future__ import annotations

import argparse
import contextlib
from functools import partial
from pathlib import Path

from vidream.cli import many, options, values

__all__ = ["add", "run"]


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the command to `vidream`. common: options that every command has."""
    parser = commands.add_parser(
        "watch", parents=[common], help="dream every clip that comes into a folder",
        description="Dream every clip and picture in DIR, and those that come, into --out-dir, until Ctrl-C. "
        "Nothing in DIR is changed.",
    )  # fmt: skip
    parser.add_argument("folder", metavar="DIR", type=values.path_text, help="the folder to watch")
    parser.add_argument("--out-dir", metavar="DIR", type=values.path_text, required=True, help="where the dreams go")
    parser.add_argument(
        "--settle", type=values.seconds, default=2.0, metavar="S",
        help="take a file when it has not changed for so long (default 2)",
    )  # fmt: skip
    parser.add_argument("--once", action="store_true", help="dream what is there, and end")
    parser.add_argument("--poll", action="store_true", help="look for changes: for network drives that tell of none")
    options.add_look(parser)
    options.add_like(parser)
    span = options.add_span(parser)
    options.add_mask(span)
    options.add_machine(parser)
    options.add_cluster(parser)
    output = options.add_output(parser, resumes=False)
    options.add_film_output(output)
    parser.set_defaults(run=run, check=partial(_check, parser))


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    options.check_like(parser, arguments)
    options.check_cluster(parser, arguments)


def run(arguments: argparse.Namespace) -> int:
    """Watch the folder; returns the exit code. Raises VidreamError."""
    with many.clips_for(arguments) as clips:
        from vidream.many import watch

        if not arguments.quiet and not arguments.once:
            many.say(f"watching {arguments.folder}; Ctrl-C ends this")
        with contextlib.suppress(KeyboardInterrupt):
            watch(
                Path(arguments.folder),
                clips,
                settle_seconds=arguments.settle,
                polls=arguments.poll,
                once=arguments.once,
                tried=lambda source: many.say_failures(clips, arguments, only=source),
            )
        return many.ended(clips, arguments)
