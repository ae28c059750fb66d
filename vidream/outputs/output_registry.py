"""The outputs by name: `make_output("virtual-camera", rate=30)`.

An output is added by one file of this folder with a subclass of `Output` that has a `name`; nothing else names it.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from os import PathLike
from typing import Any

from vidream.errors import DeviceError, close_names
from vidream.outputs.output import Output
from vidream.runtime.modules import modules_of

__all__ = ["make_output", "output_class", "output_names"]


def output_names() -> list[str]:
    """Names of all outputs, also of those that this machine does not have (`Output.why_unavailable`)."""
    return list(_classes())


def output_class(name: str) -> type[Output]:
    """The class of the output `name`. Raises DeviceError, with close names, for one that does not exist."""
    found = _classes().get(name)
    if found is None:
        raise DeviceError(f'no output "{name}"; {close_names(name, output_names())}')
    return found


def make_output(name: str, target: str | PathLike[str] = "", *, rate: float | Fraction = 30, **options: Any) -> Output:
    """Make an output, which is then to be opened.

    Args:
        name: one of `output_names()`.
        target: a file, device or title, whatever the output takes.
        rate: pictures a second that are to be expected.
        options: further arguments of the output's class.

    Raises:
        DeviceError: there is no such output, or this machine does not have it.
        TargetError: the target cannot be written.
    """
    found = output_class(name)
    if reason := found.why_unavailable():
        raise DeviceError(reason)
    return found(target, rate=rate, **options)


@cache
def _classes() -> dict[str, type[Output]]:
    found: dict[str, type[Output]] = {}
    for module in modules_of("vidream.outputs"):
        for value in vars(module).values():
            is_own = isinstance(value, type) and issubclass(value, Output) and value.__module__ == module.__name__
            if is_own and value.name and found.setdefault(value.name, value) is not value:
                raise ValueError(f'two outputs are called "{value.name}"; give one another name')
    return found
