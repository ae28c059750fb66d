"""vidream watch: dream what comes into a folder."""

from __future__ import annotations

import argparse
from functools import partial

from vidream.cli import options, values

__all__ = ["add", "run"]

LONGEST_SETTLE_SECONDS = 3600.0


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the command to `vidream`. common: options that every command has."""
    parser = commands.add_parser(
        "watch", parents=[common], help="dream every clip and picture that is put into a folder",
        description="Dream what lies in DIR and what is put there, each once, until Ctrl-C. The next start goes on. "
        "Needs: pip install 'vidream[watch]'.",
    )  # fmt: skip
    parser.add_argument(
        "folder", metavar="DIR", type=values.path_text, help="its own files; those of folders in it are left alone"
    )
    group = parser.add_argument_group("folder")
    group.add_argument(
        "--out-dir", metavar="DIR", required=True, type=values.path_text, help="where to: walk.mp4 -> walk-dream.mp4"
    )
    group.add_argument(
        "--settle",
        type=values.seconds,
        default=2.0,
        metavar="S",
        help="a file has come when it has not changed for so many seconds (default: %(default)g)",
    )
    group.add_argument("--once", action="store_true", help="dream what is there, and end")
    group.add_argument("--poll", action="store_true", help="for shares that tell of no changes: look again and again")
    options.add_look(parser)
    options.add_like(parser)
    span = options.add_span(parser)
    options.add_mask(span)
    options.add_wrap(span)
    options.add_listen(span)
    options.add_machine(parser)
    options.add_cluster(parser)
    options.add_film_output(options.add_output(parser, has_resume=False))
    parser.set_defaults(run=run, check=partial(_check, parser))


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.like and "preset" in arguments.given:
        parser.error("--like brings a preset of its own: change it with --set")
    options.check_cluster(parser, arguments)
    if not 0 <= arguments.settle <= LONGEST_SETTLE_SECONDS:
        parser.error(f"--settle cannot be {arguments.settle:g}; allowed: 0 to {LONGEST_SETTLE_SECONDS:g} seconds")


def run(arguments: argparse.Namespace) -> int:
    """Watch until Ctrl-C, or once; returns the exit code. Raises VidreamError."""
    options.take_like(arguments)
    from vidream.cli.clips_screen import ClipsScreen
    from vidream.many import watch_folder

    with options.cluster_for(arguments) as shared:
        screen = ClipsScreen(arguments, **shared)
        if not arguments.once:
            screen.say(f"watching {arguments.folder}; Ctrl-C ends it")
        result = watch_folder(
            arguments.folder,
            arguments.out_dir,
            make=screen.make,
            settle_seconds=arguments.settle,
            once=arguments.once,
            poll=arguments.poll,
            overwrite=arguments.overwrite,
            holds_stills=arguments.duration is not None,
            video_suffix=options.delivery_of(arguments).for_suffix(".mp4"),
            progress=screen,
        )
    screen.finished(result)
    return 1 if result.failed else 0
