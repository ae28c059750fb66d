"""Many clips: a list of them, or whatever comes into a folder, each dreamed once, whatever happens to the others."""

from vidream.many.many_clips import Clips, expand
from vidream.many.watch import watch

__all__ = ["Clips", "expand", "watch"]
