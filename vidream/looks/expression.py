"""Expression: a number that is worked out anew for every frame, such as "0.003 + 0.006*bass".

Variables: `t` (seconds of the film), `frame`, `pi`, and what is heard: loud, bass, mid, treble, onset, beat, bar
(0..1) and bpm. Functions: sin, cos (radians), abs, min, max, clamp(x, low, high), smooth(x, seconds), step(edge, x),
lerp(a, b, share), noise(x). Also + - * / % **, comparisons, which give 0 or 1, and `a if b else c`.

A text is read with `ast` against a list of what is allowed, and is never run as Python. Every result is finite, and so
is every step on the way: dividing by 0 gives 0, a root of a negative number gives 0, an exponent is held within
-64..64, and what grows too large is held at 1e12.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from vidream.errors import close_names
from vidream.looks.expression_functions import FUNCTIONS, finite, power, quotient, remainder, smoothed
from vidream.looks.moment import SOUND_NAMES, Moment, moment_of

__all__ = ["Expression", "ExpressionError", "split_outside"]

LONGEST_TEXT = 500
# A frame is worked out in well under a millisecond, and no stack runs full.
MOST_PARTS = 160
MOST_DEPTH = 64
SMOOTH_SECONDS = (0.01, 10.0)
_VARIABLES: dict[str, Callable[[Moment], float]] = {
    "t": lambda moment: finite(moment.seconds),
    "frame": lambda moment: finite(moment.frame),
    "pi": lambda moment: 3.141592653589793,
}
_KNOWN = (*_VARIABLES, *SOUND_NAMES, *FUNCTIONS, "smooth")
_TOKEN = re.compile(
    r"(?P<number>(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|[<>=!]=|[-+*/%(),<> ]", re.ASCII
)
_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: quotient,
    ast.Mod: remainder,
    ast.Pow: power,
}
_COMPARISONS: dict[type[ast.AST], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_SHOWN_CHARACTERS = 80
_Value = Callable[[Moment], float]


class ExpressionError(ValueError):
    """A text that is no expression, or no keyframe: one line that points at the place."""


@dataclass(frozen=True)
class Expression:
    """A number worked out from the time and from what is heard. Equal texts are equal.

    Args:
        text: of 500 characters at most, as the module says. Line ends count as spaces.

    Raises:
        ValueError: the text is no expression; the message is one line that points at the place.
    """

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", re.sub(r"\s", " ", self.text).strip())
        _compiled(self.text)

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read "0.2 + 0.5*smooth(bass, 0.3)". Raises ValueError, as the class."""
        return cls(text)

    @property
    def names(self) -> frozenset[str]:
        """The sound variables that it uses."""
        return _compiled(self.text)[1]

    def at(self, seconds: float | Moment) -> float:
        """The value at a moment; a time alone is of a silent film of 25 frames a second. Always finite."""
        return _compiled(self.text)[0](moment_of(seconds))

    def __str__(self) -> str:
        return self.text


def split_outside(text: str, mark: str = ",") -> list[str]:
    """The parts of a text between marks that stand in no parentheses.

    Args:
        text: any; where its parentheses do not match, every mark counts.
        mark: one character.
    """
    parts, depth, begin = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            break
        if letter == mark and depth == 0:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]] if depth == 0 else text.split(mark)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> tuple[_Value, frozenset[str]]:
    """What works the value out, and the sound variables in it. Raises ExpressionError."""
    _check_letters(text)
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        column = min(max(error.offset or 1, 1), len(text))
        raise _wrong(text, column - 1, "the expression cannot be read", "; for example 0.2 + 0.5*bass") from None
    except (RecursionError, MemoryError):
        raise _wrong(text, 0, "too many levels", f"; at most {MOST_DEPTH}") from None
    reader = _Reader(text)
    value = reader.value(tree.body)
    return value, frozenset(reader.names)


def _check_letters(text: str) -> None:
    """Raise ExpressionError unless every word and sign is one that may be used."""
    if not text:
        raise ExpressionError("the expression is empty; for example 0.2 + 0.5*bass")
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(f"the expression has {len(text)} characters; at most {LONGEST_TEXT}")
    place, opened = 0, []
    while place < len(text):
        found = _TOKEN.match(text, place)
        if not found:
            shown = text[place] if text[place].isprintable() else ascii(text[place])[1:-1]
            raise _wrong(text, place, f"'{shown}' cannot be used")
        word = found["name"]
        if word and word not in (*_KNOWN, "if", "else"):
            raise _wrong(text, place, f'unknown name "{word}"', f"; {close_names(word, _KNOWN)}")
        if found["number"] and re.match(r"[\w.]", text[found.end() :]):
            raise _wrong(text, place, "a number that cannot be read", "; write such as 0.5 or 2*t")
        if found[0] == "(":
            opened.append(place)
        elif found[0] == ")":
            if not opened:
                raise _wrong(text, place, 'a ")" without its "("')
            opened.pop()
        place = found.end()
    if opened:
        raise _wrong(text, opened[-1], 'a "(" without its ")"')


def _wrong(text: str, place: int, what: str, advice: str = "") -> ExpressionError:
    begin = max(0, min(place - _SHOWN_CHARACTERS // 2, len(text) - _SHOWN_CHARACTERS))
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[begin : begin + _SHOWN_CHARACTERS])
    shown = f"{'…' * (begin > 0)}{shown}{'…' * (begin + _SHOWN_CHARACTERS < len(text))}"
    return ExpressionError(f'{what} at column {place + 1} of "{shown}"{advice}')


class _Reader:
    """From the tree of a text to functions of a moment; notes the sound variables on the way."""

    def __init__(self, text: str) -> None:
        self.names: set[str] = set()
        self._text = text
        self._parts = 0
        self._in_smooth = False

    def value(self, node: ast.expr, depth: int = 1) -> _Value:
        self._parts += 1
        if depth > MOST_DEPTH:
            raise self._wrong(node, "too many levels", f"; at most {MOST_DEPTH}")
        if self._parts > MOST_PARTS:
            raise self._wrong(node, "too many parts", f"; at most {MOST_PARTS}")
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self._variable(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            apply = _OPERATORS[type(node.op)]
            left, right = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
            return lambda moment: finite(apply(left(moment), right(moment)))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner, sign = self.value(node.operand, depth + 1), -1.0 if isinstance(node.op, ast.USub) else 1.0
            return lambda moment: sign * inner(moment)
        if isinstance(node, ast.IfExp):
            test, yes, no = (self.value(each, depth + 1) for each in (node.test, node.body, node.orelse))
            return lambda moment: yes(moment) if test(moment) else no(moment)
        if isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
            return self._comparison(node, depth)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node, node.func.id, depth)
        raise self._wrong(node, "something that cannot be used", "; allowed: numbers, names, functions, + - * / % **")

    def _constant(self, node: ast.Constant) -> _Value:
        try:
            number = float(node.value)  # type: ignore[arg-type]
        except (OverflowError, TypeError, ValueError):
            number = float("inf")
        if finite(number) != number:
            raise self._wrong(node, "a number that is too large", "; at most 1e12")
        return lambda moment: number

    def _variable(self, node: ast.Name) -> _Value:
        name = node.id
        if name in _VARIABLES:
            return _VARIABLES[name]
        if name not in SOUND_NAMES:
            raise self._wrong(node, f'the function "{name}" without its parentheses', f"; write {name}(…)")
        self.names.add(name)
        return lambda moment: finite(moment.heard(name))

    def _comparison(self, node: ast.Compare, depth: int) -> _Value:
        sides = [self.value(each, depth + 1) for each in (node.left, *node.comparators)]
        pairs = list(zip([_COMPARISONS[type(op)] for op in node.ops], sides, sides[1:], strict=False))
        return lambda moment: float(all(holds(left(moment), right(moment)) for holds, left, right in pairs))

    def _call(self, node: ast.Call, name: str, depth: int) -> _Value:
        if name == "smooth":
            return self._smooth(node, depth)
        if name not in FUNCTIONS:
            raise self._wrong(node, f'"{name}" is no function', f"; {close_names(name, (*FUNCTIONS, 'smooth'))}")
        least, most, function = FUNCTIONS[name]
        if not least <= len(node.args) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self._wrong(node, f"{name} with {len(node.args)} values", f"; it takes {wanted}")
        values = [self.value(each, depth + 1) for each in node.args]
        return lambda moment: finite(function(*[value(moment) for value in values]))

    def _smooth(self, node: ast.Call, depth: int) -> _Value:
        if len(node.args) != 2:
            raise self._wrong(node, f"smooth with {len(node.args)} values", "; it takes 2: smooth(bass, 0.3)")
        if self._in_smooth:
            raise self._wrong(node, "a smooth inside a smooth", "; use one with the longer time")
        low, high = SMOOTH_SECONDS
        given = node.args[1]
        seconds = given.value if isinstance(given, ast.Constant) else None
        if not isinstance(seconds, (int, float)) or not low <= seconds <= high:
            raise self._wrong(given, "the seconds of smooth are no such number", f"; give one of {low:g} to {high:g}")
        self._in_smooth = True
        inner = self.value(node.args[0], depth + 1)
        self._in_smooth = False
        return smoothed(inner, float(seconds))

    def _wrong(self, node: ast.expr, what: str, advice: str) -> ExpressionError:
        return _wrong(self._text, node.col_offset, what, advice)
