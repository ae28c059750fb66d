"""The command line: arguments in, exit code out. Heavy rooms are imported where a command needs them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from vidream import __version__
from vidream.cli import cmd_atlas as atlas
from vidream.cli import cmd_bench as bench
from vidream.cli import cmd_dream as dream
from vidream.cli import cmd_lists as lists
from vidream.cli import cmd_live as live
from vidream.cli import cmd_web as web
from vidream.cli import cmd_zoom as zoom
from vidream.errors import VidreamError

__all__ = ["main"]

# How many rounds GNU OpenMP's threads wait awake for their next share of a step: 0.7 ms. As it comes they wait 8 ms,
# and hold a core that flow, decoder and encoder could have.
WAIT_ROUNDS = "20000"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 failed; a usage error exits with 2."""
    # Read when torch is loaded, which is later. A value of the user's own stays.
    os.environ.setdefault("GOMP_SPINCOUNT", WAIT_ROUNDS)
    arguments = _parser().parse_args(argv)
    # What argparse cannot say of two options together; a usage error as well.
    if check := getattr(arguments, "check", None):
        check(arguments)
    # A polite kill ends a render like Ctrl-C does: the frames made so far are kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return int(arguments.run(arguments) or 0)
    except VidreamError as error:
        if arguments.debug:
            raise
        _say(str(error), error)
    except KeyboardInterrupt as stop:
        _say("stopped" if hasattr(stop, "__notes__") else "stopped; nothing was written", stop)
    except BrokenPipeError:
        # Whoever read the list has seen enough (`vidream nets | head`); Python must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        # Asked here alone: it brings torch along.
        from vidream.runtime.memory import is_out_of_memory

        if arguments.debug or not is_out_of_memory(error):
            raise
        _say("out of memory; give smaller tiles, such as --tile 512, or a smaller --size", error)
    return 1


def _say(words: str, error: BaseException) -> None:
    """One line on stderr: `words`, and what a room on the way had to add: that the frames made so far are kept, say."""
    line = "; ".join((f"vidream: {words}", *getattr(error, "__notes__", [])))
    # A file's name may hold line ends and the terminal's own commands.
    print("".join(letter if letter.isprintable() else "?" for letter in line), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vidream", description="DeepDream for moving pictures.")
    parser.add_argument("--version", action="version", version=f"vidream {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    for command in (dream, zoom, live, web, lists, atlas, bench):
        command.add(commands, common)
    return parser
