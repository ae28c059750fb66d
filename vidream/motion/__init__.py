"""Optical flow, its consistency mask, warping, cuts, and motions that are known exactly."""

from vidream.motion.known import Motion

__all__ = ["Motion"]
