"""Tiles: how large a piece of a picture is worked on at once, by the free memory."""

from __future__ import annotations

from vidream.networks import Net
from vidream.runtime.memory import free_memory_bytes

__all__ = ["SMALLEST_TILE_PX", "Tiles", "fitting_tile"]

# Largest side worked on at once where the caller names none: GoogLeNet needs about 1 GiB for it. Where that is
# too much of what is free, the next smaller that fits: few sizes, so that a machine comes to the same one each time.
TILE_SIDES_PX = (1280, 896, 640, 448)
TILE_BYTES_A_PX, TILE_SHARE = 700, 0.5
# Below this a tile is mostly margin.
SMALLEST_TILE_PX = 64


class Tiles:
    """The largest tile, shared by a dreamer and its views of other looks."""

    def __init__(self, tile_px: int) -> None:
        self.tile_px = self._first_px = tile_px
        self.warning: str | None = None

    def renewed(self) -> Tiles:
        """The tile as it was before it was halved."""
        return Tiles(self._first_px)

    def halve(self) -> bool:
        """Halve the tile. Returns False where that was done before, or the tile would become too small."""
        if self.warning is not None or self.tile_px // 2 < SMALLEST_TILE_PX:
            return False
        self.tile_px //= 2
        self.warning = f"memory ran out; continued with tiles of {self.tile_px} px"
        return True


def fitting_tile(net: Net) -> int:
    """The largest of the usual tiles that leaves half of the free memory to others."""
    free_bytes = free_memory_bytes(net.device)
    if free_bytes is None:
        return TILE_SIDES_PX[0]
    tile_bytes = TILE_BYTES_A_PX * net.dtype.itemsize / 2
    fitting = [side for side in TILE_SIDES_PX if side**2 * tile_bytes < TILE_SHARE * free_bytes]
    return fitting[0] if fitting else TILE_SIDES_PX[-1]
