"""The dream of one picture: octaves, gradient steps, tiles, CUDA graphs, and what is done to the result."""

from vidream.engine.dreamer import Dreamer

__all__ = ["Dreamer"]
