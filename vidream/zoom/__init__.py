"""The infinite zoom: a known motion in place of an estimated one, and loops of it."""

from vidream.zoom.fall import endless_zoom
from vidream.zoom.film import zoom_film
from vidream.zoom.loop import zoom_loop
from vidream.zoom.motion import Motion

__all__ = ["Motion", "endless_zoom", "zoom_film", "zoom_loop"]
