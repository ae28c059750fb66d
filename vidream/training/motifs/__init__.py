"""motifs: the painters, a family a file. Importing this registers every family in the folder."""

from vidream.runtime.modules import modules_of
from vidream.training.motifs.motif_registry import MOTIFS, Motif, motif

__all__ = ["MOTIFS", "Motif", "motif"]

for _family in modules_of(__name__):
    pass  # an import registers it
