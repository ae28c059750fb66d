"""The base class of everything that live pictures go to: a window, a file, a virtual camera."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from fractions import Fraction
from types import TracebackType
from typing import ClassVar, TypeVar

from torch import Tensor

from vidream.errors import DeviceError

__all__ = ["Output"]

Opened = TypeVar("Opened", bound="Output")


class Output(ABC):
    """One place that live pictures go to. A `with` block opens and closes it.

    A new output is one file of this folder with a subclass that has a `name`; the registry finds it there.

    Args:
        target: what the output is to be called or where it lies: a file, a device, a title. "" takes the usual one.
        rate: pictures a second that are to be expected.

    Attributes:
        name: what the registry calls it; "" for classes that are no output of their own.
    """

    name: ClassVar[str] = ""

    def __init__(self, target: str | os.PathLike[str] = "", *, rate: float | Fraction = 30) -> None:
        self.target = os.fspath(target)
        self.rate = rate

    @classmethod
    def why_unavailable(cls) -> str | None:
        """Why it cannot be used on this machine, in one line with what to do; None where it can."""
        return None

    @property
    def advice(self) -> str:
        """What a user must know to see the pictures, in one line; "" for nothing. Final after the first picture."""
        return ""

    def open(self) -> None:
        """Get ready for pictures.

        Raises:
            DeviceError: it is not available on this machine.
        """
        if reason := self.why_unavailable():
            raise DeviceError(reason)

    @abstractmethod
    def show(self, picture: Tensor) -> None:
        """Show the newest picture.

        Args:
            picture: [1,3,H,W], RGB, 0..1. Its size may change from one to the next.

        Raises:
            VidreamError: the output has failed for good.
        """

    def close(self) -> None:  # noqa: B027, many outputs hold nothing
        """Let go of everything. May be called twice, and without `open`."""

    def __enter__(self: Opened) -> Opened:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
