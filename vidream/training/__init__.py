"""training: how the embedded network was made, from nothing but painted pictures.

`python -m vidream.training` paints motifs, composes scenes of them and trains dreamnet on these.
"""

__all__: list[str] = []
