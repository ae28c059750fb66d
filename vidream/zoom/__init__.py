"""Endless zooms: a known motion in place of estimated flow, and seamless loops."""

from vidream.motion.known import Motion
from vidream.zoom.endless import endless_zoom
from vidream.zoom.seamless_loop import zoom_loop
from vidream.zoom.zoom_job import zoom_film

__all__ = ["Motion", "endless_zoom", "zoom_film", "zoom_loop"]
