"""The argument parser of every command: options anywhere, errors on one line, and a note of what was given."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

from vidream.cli.streams import printable
from vidream.looks.expression import ExpressionError

__all__ = ["CommandParser", "value_of"]

T = TypeVar("T")
_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
# A value is shown in an error as far as this.
_SHOWN_CHARACTERS = 80


class CommandParser(argparse.ArgumentParser):
    """Takes options before, between and after positional arguments, as in `dream IN --size 64 OUT`.

    The namespace gets two more names: `given`, the set of options (by `dest`) that the user wrote, and `parser`, the
    command's parser. `argparse.ArgumentParser.parse_intermixed_args` knows no subcommands, and loses `--`.
    """

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        if args is None or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        options, positionals, given = self._split(args)
        needs_mark = any(word.startswith("-") for word in positionals)
        words = [*options, *(["--"] if needs_mark else []), *positionals]
        found, unknown = super().parse_known_args(words, namespace or argparse.Namespace())
        found.given, found.parser = frozenset(given), self
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Exit with 2 and one line."""
        self.exit(2, f"{self.prog}: error: {printable(message)}; see: {self.prog} --help\n")

    def _split(self, words: Iterable[str]) -> tuple[list[str], list[str], set[str]]:
        """Options with their values, positional arguments, and the `dest` of every option found."""
        options: list[str] = []
        positionals: list[str] = []
        given: set[str] = set()
        waiting = iter(words)
        for word in waiting:
            if word == "--":
                # A file of the name "--": some versions of argparse would drop it.
                positionals += ("./--" if each == "--" else each for each in waiting)
            elif not word.startswith("-") or word == "-" or _NEGATIVE_NUMBER.fullmatch(word) or self._is_text(word):
                positionals.append(word)
            else:
                options.append(word)
                found, takes_value = self._actions_of(word)
                given |= {action.dest for action in found}
                if takes_value:
                    options += [value for value in [next(waiting, None)] if value is not None]
        return options, positionals, given

    def _is_text(self, word: str) -> bool:
        """True for "-my film.mp4": argparse takes a word with a space for no option, unless it begins as one."""
        return " " in word and not self._actions_of(word)[0]

    def _actions_of(self, word: str) -> tuple[list[argparse.Action], bool]:
        """The options that a word such as --size, --siz, --size=64, -qp or -pfast names; True where a value follows."""
        known = {name: action for action in self._actions for name in action.option_strings}
        if word.startswith("--"):
            name, equals, _ = word.partition("=")
            names = [name] if name in known else [each for each in known if each.startswith(name)]
            actions = list({id(known[each]): known[each] for each in names}.values())
            return actions, len(actions) == 1 and actions[0].nargs != 0 and not equals
        found = []
        for index, letter in enumerate(word[1:], start=1):
            action = known.get(f"-{letter}")
            if action is None:
                break
            found.append(action)
            if action.nargs != 0:
                return found, index == len(word) - 1
        return found, False


def value_of(convert: Callable[[str], T], allowed: str) -> Callable[[str], T]:
    """A `type` for `add_argument` whose error says what came and what is allowed.

    Args:
        convert: from text to value; raises ValueError or OverflowError for a text it does not take.
        allowed: words that follow "allowed:", with an example.
    """

    def parse(text: str) -> Any:
        shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
        try:
            return convert(text)
        except ExpressionError as error:
            raise argparse.ArgumentTypeError(f'cannot be "{shown}": {error}; allowed: {allowed}') from None
        except (ValueError, OverflowError):
            raise argparse.ArgumentTypeError(f'cannot be "{shown}"; allowed: {allowed}') from None

    return parse
