"""The command line: arguments in, exit code out. Heavy modules are imported where a command needs them."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence

from vidream import __version__
from vidream.cli import cmd_atlas as atlas
from vidream.cli import cmd_bench as bench
from vidream.cli import cmd_dream as dream
from vidream.cli import cmd_lists as lists
from vidream.cli import cmd_live as live
from vidream.cli import cmd_watch as watch
from vidream.cli import cmd_web as web
from vidream.cli import cmd_zoom as zoom
from vidream.cli.failures import report_error
from vidream.cli.parser import CommandParser
from vidream.cli.process import process_settings
from vidream.cli.streams import OutputClosed, safe_streams

__all__ = ["command_parser", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after `vidream`; by default those of the process.

    Returns:
        The exit code: 0 done, 1 failed.

    Raises:
        SystemExit: with 2 for a usage error, with 0 after --help and --version.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    arguments = None
    with safe_streams(), process_settings(words, debug=debug):
        try:
            try:
                arguments = command_parser().parse_args(words)
                arguments.words = words
                # What argparse cannot say of two options together; a usage error as well.
                if check := getattr(arguments, "check", None):
                    check(arguments)
                code = int(arguments.run(arguments) or 0)
            except SystemExit:
                _flush()  # the text of --help
                raise
            _flush()
            return code
        except SystemExit:
            raise
        except BaseException as error:
            # Python flushes when it ends, and has its own words for a failure.
            with contextlib.suppress(Exception):
                _flush()
            if debug and isinstance(error, Exception) and not isinstance(error, OutputClosed):
                raise
            return report_error(error, words, arguments)


def _flush() -> None:
    """Write out standard output while a failure can still be reported. Raises OutputClosed, TargetError."""
    if sys.stdout is not None:
        sys.stdout.flush()


def command_parser() -> argparse.ArgumentParser:
    """The parser of `vidream` with all its commands."""
    parser = CommandParser(prog="vidream", description="DeepDream for moving pictures.")
    parser.add_argument("--version", action="version", version=f"vidream {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    for command in (dream, watch, zoom, live, web, lists, atlas, bench):
        command.add(commands, common)
    return parser
