"""The modules of a folder: registries of networks and outputs find their entries there."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

__all__ = ["modules_of"]


def modules_of(package: str) -> Iterator[ModuleType]:
    """Import the modules of `package`, such as "vidream.outputs", one by one, in the order of their names."""
    for found in pkgutil.iter_modules(import_module(package).__path__):
        yield import_module(f"{package}.{found.name}")
