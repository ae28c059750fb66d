"""motifs: the painters, a family a file. Importing this registers every family in the folder."""

from importlib import import_module
from pkgutil import iter_modules

from vidream.training.motifs.motif_registry import MOTIFS, Motif, motif

__all__ = ["MOTIFS", "Motif", "motif"]

for _family in iter_modules(__path__):
    import_module(f"{__name__}.{_family.name}")
